import { YizhanError } from '../errors.js'
import type { DataKey } from '../sealing/index.js'
import type { KekProvider } from './kek-provider.js'
import type { ScopeKeys } from './key-index.js'
import { unwrapSecret, type WrappingKey, wrappingKey, wrapSecret } from './key-wrap.js'
import { decodeSlot, type KeyPlace, type LiveSlot } from './slot.js'
import type { SlotFile } from './slot-file.js'

/** Whose key a slot must hold. */
export interface Owner {
  readonly kind: KeyPlace['kind']
  readonly tenant: string
  readonly subject: string
}

const NO_KEY_ID = Buffer.alloc(8)

/** Wraps and unwraps keys, and keeps the last used ones in memory, by slot. */
export class KeyVault {
  readonly #kek: KekProvider
  readonly #file: SlotFile
  readonly #storeId: string
  readonly #maxKeys: number
  readonly #keys = new Map<number, DataKey>()
  readonly #loading = new Map<number, Promise<DataKey>>()
  readonly #wrapping = new WeakMap<DataKey, WrappingKey>()

  constructor(deps: { kek: KekProvider; file: SlotFile }, storeId: string, maxKeys: number) {
    this.#kek = deps.kek
    this.#file = deps.file
    this.#storeId = storeId
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#keys.size
  }

  /** The key if it is in memory. */
  known(slot: number): DataKey | undefined {
    const key = this.#keys.get(slot)
    if (key && this.#keys.size * 2 > this.#maxKeys) {
      // Last used, last to go; not worth it while there is room.
      this.#keys.delete(slot)
      this.#keys.set(slot, key)
    }
    return key
  }

  keep(slot: number, key: DataKey): void {
    this.#keys.set(slot, key)
    if (this.#keys.size <= this.#maxKeys) return
    for (const oldest of this.#keys.keys()) {
      this.#keys.delete(oldest)
      break
    }
  }

  forget(slot: number): void {
    this.#keys.delete(slot)
    this.#loading.delete(slot)
  }

  /** From memory or from disk. Throws `data_corrupt` if the slot holds no key of that owner. */
  load(scope: ScopeKeys, slot: number, owner: Owner): Promise<DataKey> {
    const known = this.known(slot)
    if (known) return Promise.resolve(known)
    const under = this.#loading.get(slot)
    if (under) return under
    const loading: Promise<DataKey> = this.#read(scope, slot, owner).then(
      (key) => {
        if (this.#ended(slot, loading)) this.keep(slot, key)
        return key
      },
      (thrown: unknown) => {
        this.#ended(slot, loading)
        throw thrown
      },
    )
    this.#loading.set(slot, loading)
    return loading
  }

  /** False if the slot was forgotten meanwhile: destroyed, and perhaps another key's by now. */
  #ended(slot: number, loading: Promise<DataKey>): boolean {
    if (this.#loading.get(slot) !== loading) return false
    this.#loading.delete(slot)
    return true
  }

  async #read(scope: ScopeKeys, slot: number, owner: Owner): Promise<DataKey> {
    const live = await this.slot(slot, owner)
    return { id: Buffer.from(live.keyId), secret: await this.unwrap(scope, slot, live) }
  }

  /** What lies in a slot. Throws `data_corrupt` if it is not the owner's. */
  async slot(slot: number, owner: Owner): Promise<LiveSlot> {
    const found = decodeSlot(await this.#file.read(slot))
    const same =
      found.s === 'live' &&
      found.kind === owner.kind &&
      found.tenant === owner.tenant &&
      found.subject === owner.subject
    if (!same) throw slotCorrupt(slot)
    return found
  }

  async unwrap(scope: ScopeKeys, slot: number, live: LiveSlot): Promise<Uint8Array> {
    const place = this.#text(live)
    if (live.kind !== 'subject') return this.#kek.unwrap(live.epoch, live.wrapped, place)
    const entry = scope.generations.find(({ keyId }) => keyId.equals(live.wrappedBy))
    if (!entry) throw slotCorrupt(slot, scope.strays[0])
    const owner = { kind: 'tenant', tenant: live.tenant, subject: '' } as const
    const tenantKey = await this.load(scope, entry.slot, owner)
    const secret = unwrapSecret(this.#wrappingKey(tenantKey), live.wrapped, place)
    if (!secret) throw slotCorrupt(slot)
    return secret
  }

  /** A slot whose key the KEK wraps: a tenant's or a lookup key. */
  async underKek(place: KeyPlace, secret: Uint8Array, created: number): Promise<LiveSlot> {
    const { epoch, wrapped } = await this.#kek.wrap(secret, this.#text(place))
    return { ...place, s: 'live', epoch, wrappedBy: NO_KEY_ID, created, wrapped }
  }

  /** A slot whose key the tenant's key wraps: a person's. */
  underTenantKey(key: DataKey, place: KeyPlace, secret: Uint8Array, created: number): LiveSlot {
    const wrapped = wrapSecret(this.#wrappingKey(key), secret, this.#text(place))
    return { ...place, s: 'live', epoch: 0, wrappedBy: key.id, created, wrapped }
  }

  #wrappingKey(key: DataKey): WrappingKey {
    let wrapping = this.#wrapping.get(key)
    if (!wrapping) {
      wrapping = wrappingKey(key.secret)
      this.#wrapping.set(key, wrapping)
    }
    return wrapping
  }

  #text({ kind, tenant, subject, generation, keyId }: KeyPlace): string {
    return JSON.stringify([
      this.#storeId,
      kind,
      tenant,
      subject,
      generation,
      Buffer.from(keyId).toString('hex'),
    ])
  }
}

/** `cause`: the slot whose damage is behind it, if it is another one. */
export function slotCorrupt(slot: number, cause?: number): YizhanError {
  return new YizhanError('data_corrupt', `slot ${cause ?? slot} of the key store is damaged`, {
    details: { slot, ...(cause === undefined ? {} : { cause }) },
    hint: 'restore the key store from its copy',
  })
}
