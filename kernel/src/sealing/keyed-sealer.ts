import { YizhanError } from '../errors.js'
import type { TenantId } from '../ids.js'
import { ofItem, requestKeys } from './key-request.js'
import type { DataKey, ErasedKey, Keyring } from './keyring.js'
import { NoncePool } from './nonce-pool.js'
import {
  algorithmOf,
  SEAL_ALGORITHMS,
  type SealAlgorithm,
  type SealAlgorithmName,
  type SealKey,
  type SealRoom,
} from './seal-algorithm.js'
import { encodeContext } from './seal-context.js'
import { KEY_ID_BYTES, NONCE_AT } from './seal-layout.js'
import type { SealOffload } from './seal-offload.js'
import { shareOut } from './seal-shares.js'
import type { Opened, SealContext, SealedItem, Sealer, SealItem } from './sealer.js'

const SECRET_BYTES = 32
const UNIT_BYTES = 65_536

export interface SealerOptions {
  readonly keyring: Keyring
  /** What seals; both open. Default `sm4`. */
  readonly algorithm?: SealAlgorithmName
  /** For values of 16 KiB and more; borrowed. Without it they are sealed on the calling thread. */
  readonly offload?: SealOffload
  /**
   * A key has sealed enough and should be followed by another; the value at hand does not wait for it. Drawn by lot, once
   * in `wornAfter` units on average: no count has to outlive a crash. Fits `KeyStore.sealWorn`.
   */
  readonly onWorn?: (tenant: TenantId | null, subject?: string) => void
  /** In units: one a value and one more for each 64 KiB. Default 2²⁸ for `sm4`, 2²⁴ for `aes-256-gcm`. */
  readonly wornAfter?: number
  /** From 0, below 1; for that lot only, never for a nonce. Default `Math.random`. */
  readonly random?: () => number
}

/**
 * Seals by SM4-CTR and HMAC-SM3 or by AES-256-GCM under keys of the ring, and opens both. A plain value does not open
 * (`data_corrupt`): else whoever writes to the disk could do without a key. How nonces are chosen and what a key may seal
 * is said in `docs/explanation/how-data-is-sealed.md`.
 */
export function createSealer(options: SealerOptions): Sealer {
  return new KeyedSealer(options)
}

interface Value {
  readonly index: number
  readonly context: Uint8Array
  readonly dataKey: DataKey
}

interface PlainValue extends Value {
  readonly plain: Uint8Array
}

interface SealedValue extends Value {
  readonly sealed: Uint8Array
}

class KeyedSealer implements Sealer {
  readonly id: SealAlgorithmName
  readonly #options: SealerOptions
  readonly #algorithm: SealAlgorithm
  readonly #wornAfter: number
  readonly #random: () => number
  readonly #nonces = new NoncePool()
  /** Each lives as long as the ring holds its key: nothing of a destroyed key stays behind. */
  readonly #keys: Readonly<Record<SealAlgorithmName, WeakMap<DataKey, SealKey>>> = {
    sm4: new WeakMap(),
    'aes-256-gcm': new WeakMap(),
  }

  constructor(options: SealerOptions) {
    this.id = options.algorithm ?? 'sm4'
    this.#options = options
    this.#algorithm = SEAL_ALGORITHMS[this.id]
    this.#wornAfter = options.wornAfter ?? this.#algorithm.wornAfter
    this.#random = options.random ?? Math.random
  }

  async sealAll(items: readonly SealItem[]): Promise<Uint8Array[]> {
    const { keyring, offload } = this.#options
    const contexts = contextsOf(items)
    const keys = await requestKeys(items, ({ context }) =>
      keyring.sealingKey(context.tenant, context.subject),
    )
    const values = items.map(
      ({ plain }, index): PlainValue => ({
        index,
        plain,
        context: contexts[index] as Uint8Array,
        dataKey: keys[index] as DataKey,
      }),
    )
    const sealed: Uint8Array[] = new Array(items.length)
    await shareOut(values, {
      offload,
      bytesOf: ({ plain }) => plain.length,
      here: (part) => this.#sealHere(part, sealed),
      away: async (value, thread) => {
        sealed[value.index] = await this.#sealAway(value, thread)
      },
    })
    for (const { plain, context } of items) this.#wear(context, plain.length)
    return sealed
  }

  async openAll(items: readonly SealedItem[]): Promise<Opened[]> {
    const { keyring, offload } = this.#options
    const contexts = contextsOf(items)
    const keys = await requestKeys(items, ({ sealed, context }) => {
      if (!isWhole(sealed)) throw corrupt()
      const keyId = sealed.subarray(1, 1 + KEY_ID_BYTES)
      return keyring.openingKey(context.tenant, context.subject, keyId)
    })
    const opened: Opened[] = new Array(items.length)
    const settle = (index: number, plain: Uint8Array | undefined) => {
      if (!plain) throw ofItem(corrupt(), items, index)
      opened[index] = { s: 'open', plain }
    }
    const values: SealedValue[] = []
    for (const [index, { sealed }] of items.entries()) {
      const key = keys[index] as DataKey | ErasedKey
      if ('s' in key) opened[index] = { s: 'erased', at: key.at }
      else values.push({ index, sealed, context: contexts[index] as Uint8Array, dataKey: key })
    }
    await shareOut(values, {
      offload,
      bytesOf: ({ sealed }) => sealed.length,
      here: (part) => {
        for (const value of part) settle(value.index, this.#openHere(value))
      },
      away: async (value, thread) => settle(value.index, await this.#openAway(value, thread)),
    })
    return opened
  }

  /** The values of each key in one run. */
  #sealHere(part: readonly PlainValue[], sealed: Uint8Array[]): void {
    const runs = new Map<DataKey, SealRoom[]>()
    for (const value of part) {
      const room = Buffer.allocUnsafe(this.#sealedBytes(value))
      this.#writeHeader(room, value.dataKey)
      sealed[value.index] = room
      const run = runs.get(value.dataKey) ?? []
      if (run.push({ sealed: room, plain: value.plain, context: value.context }) === 1) {
        runs.set(value.dataKey, run)
      }
    }
    for (const [dataKey, run] of runs) {
      this.#algorithm.sealRun(this.#keyOf(this.#algorithm, dataKey), this.#nonces, run)
    }
  }

  async #sealAway(value: PlainValue, thread: SealOffload): Promise<Uint8Array> {
    const { format, nonceBytes } = this.#algorithm
    const sealed = await thread.run(this.#sealedBytes(value), () => {
      const bytes = new Uint8Array(this.#sealedBytes(value))
      this.#writeHeader(bytes, value.dataKey)
      bytes.set(this.#nonces.take(nonceBytes), NONCE_AT)
      bytes.set(value.plain, NONCE_AT + nonceBytes)
      const key = this.#keyOf(this.#algorithm, value.dataKey)
      return { task: 'seal', format, key, context: Uint8Array.from(value.context), bytes }
    })
    if (!sealed) throw new YizhanError('internal', 'a large value was not sealed')
    return sealed
  }

  #openHere({ sealed, context, dataKey }: SealedValue): Uint8Array | undefined {
    const algorithm = algorithmOf(sealed[0])
    return algorithm?.open(this.#keyOf(algorithm, dataKey), sealed, context)
  }

  async #openAway(
    { sealed, context, dataKey }: SealedValue,
    thread: SealOffload,
  ): Promise<Uint8Array | undefined> {
    const algorithm = algorithmOf(sealed[0])
    if (!algorithm) return undefined
    return thread.run(sealed.length, () => ({
      task: 'open',
      format: algorithm.format,
      key: this.#keyOf(algorithm, dataKey),
      context: Uint8Array.from(context),
      bytes: Uint8Array.from(sealed),
    }))
  }

  #sealedBytes({ plain }: PlainValue): number {
    const { nonceBytes, tagBytes } = this.#algorithm
    return NONCE_AT + nonceBytes + plain.length + tagBytes
  }

  #writeHeader(sealed: Uint8Array, dataKey: DataKey): void {
    sealed[0] = this.#algorithm.format
    sealed.set(dataKey.id, 1)
  }

  #keyOf(algorithm: SealAlgorithm, dataKey: DataKey): SealKey {
    const keys = this.#keys[algorithm.name]
    let key = keys.get(dataKey)
    if (!key) {
      if (dataKey.id.length !== KEY_ID_BYTES || dataKey.secret.length !== SECRET_BYTES) {
        throw new YizhanError('internal', 'the ring gave something that is no data key')
      }
      key = algorithm.derive(dataKey.secret)
      keys.set(dataKey, key)
    }
    return key
  }

  #wear({ tenant, subject }: SealContext, bytes: number): void {
    const { onWorn } = this.#options
    if (onWorn === undefined) return
    const units = 1 + Math.floor(bytes / UNIT_BYTES)
    if (this.#random() * this.#wornAfter < units) onWorn(tenant, subject)
  }
}

function contextsOf(items: readonly { readonly context: SealContext }[]): Uint8Array[] {
  return items.map(({ context }, index) => {
    try {
      return encodeContext(context)
    } catch (thrown) {
      throw ofItem(thrown, items, index)
    }
  })
}

function isWhole(sealed: Uint8Array): boolean {
  const algorithm = algorithmOf(sealed[0])
  return algorithm !== undefined && sealed.length >= NONCE_AT + algorithm.nonceBytes + algorithm.tagBytes
}

function corrupt(): YizhanError {
  return new YizhanError('data_corrupt', 'a sealed value is damaged, or is not where it was sealed for')
}
