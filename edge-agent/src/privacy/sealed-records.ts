import { type Logger, type Sealer, toYizhanError, YizhanError } from '@yizhan/kernel'
import { createBallast, type Engine, levelHost, type Op, openOrQuarantine } from '../ledger/index.js'

export type RecordWrite = { readonly key: string; readonly value: Uint8Array | undefined }

export interface SealedRecordsDeps {
  readonly sealer: Sealer
  readonly log: Logger
  /** Now, in milliseconds since the Unix epoch: names what is moved aside. */
  readonly wall: number
}

const COLLECTION = 'edge-privacy'
const PAGE = 256
/** LevelDB writes when it opens: what its log holds, a manifest, a log. Held back for a start on a full disk. */
const BALLAST_BYTES = 1 << 20
const EVERYTHING = ['!', '~'] as const

/**
 * Small records by key, sealed, in a LevelDB of their own. Keys must say nothing of persons. A directory that cannot be
 * read is moved aside, and a new one begins. Throws `disk_full` (nothing was written), `storage_failed`, `data_corrupt`.
 */
export class SealedRecords {
  readonly #sealer: Sealer
  readonly #dir: string
  #engine: Engine | undefined
  #torn = false
  #last: Promise<void> = Promise.resolve()

  private constructor(sealer: Sealer, dir: string, engine: Engine) {
    this.#sealer = sealer
    this.#dir = dir
    this.#engine = engine
  }

  static async open({ sealer, log, wall }: SealedRecordsDeps, dir: string): Promise<SealedRecords> {
    const ballast = createBallast(`${dir}.ballast`, BALLAST_BYTES)
    const openNow = () => openOrQuarantine(levelHost, dir, wall, async () => undefined)
    const { engine, quarantined } = await openNow().catch(async (thrown: unknown) => {
      if (toYizhanError(thrown).code !== 'disk_full' || !(await ballast.drop())) throw thrown
      return openNow()
    })
    // At once: the next start may meet the same disk, and what this one has put in order is not written again.
    await ballast.restore({ part: true })
    if (quarantined !== undefined) {
      log.fatal({ quarantined }, 'what persons consented to could not be read; they are asked again')
    }
    return new SealedRecords(sealer, dir, engine)
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const sealed = this.#open().get(key)
    if (!sealed) return undefined
    const [plain] = await this.#openAll([[key, sealed]])
    return plain
  }

  /** Everything whose key begins with `prefix`, in the order of the keys. */
  async *entries(prefix: string): AsyncGenerator<readonly [string, Uint8Array]> {
    let page: [string, Uint8Array][] = []
    for await (const entry of this.#open().entries(prefix, `${prefix}~`)) {
      page.push(entry)
      if (page.length < PAGE) continue
      yield* await this.#pairs(page)
      page = []
    }
    yield* await this.#pairs(page)
  }

  /** Atomic, one after the other; resolves after the fsync. */
  write(writes: readonly RecordWrite[]): Promise<void> {
    const work = this.#last.then(() => this.#write(writes))
    this.#last = work.catch(() => undefined)
    return work
  }

  /** Afterwards what was deleted or replaced is in no file. */
  async compact(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      // See `Journal.replace`.
      await this.write(EVERYTHING.map((key) => ({ key, value: undefined })))
      await this.#open().compact(...EVERYTHING)
    }
  }

  async close(): Promise<void> {
    await this.#last
    await this.#engine?.close()
    this.#engine = undefined
  }

  async #write(writes: readonly RecordWrite[]): Promise<void> {
    if (this.#torn) {
      // Behind a torn record LevelDB would lose what follows.
      await this.#engine?.close()
      this.#engine = undefined
      this.#engine = await levelHost.open(this.#dir)
      this.#torn = false
    }
    const puts = writes.flatMap(({ key, value }) => (value === undefined ? [] : [{ key, value }]))
    const sealed = await this.#sealer.sealAll(
      puts.map(({ key, value }) => ({ plain: value, context: contextOf(key) })),
    )
    const ops: Op[] = puts.map(({ key }, i) => ({ type: 'put', key, value: sealed[i] ?? new Uint8Array() }))
    for (const { key, value } of writes) if (value === undefined) ops.push({ type: 'del', key })
    try {
      await this.#open().write(ops, true)
    } catch (thrown) {
      this.#torn = true
      throw toYizhanError(thrown, 'storage_failed')
    }
  }

  async #pairs(page: readonly [string, Uint8Array][]): Promise<(readonly [string, Uint8Array])[]> {
    const opened = await this.#openAll(page)
    return page.map(([key], i) => [key, opened[i] ?? new Uint8Array()] as const)
  }

  async #openAll(page: readonly [string, Uint8Array][]): Promise<Uint8Array[]> {
    const opened = await this.#sealer.openAll(
      page.map(([key, sealed]) => ({ sealed, context: contextOf(key) })),
    )
    return opened.map((one) => (one.s === 'open' ? one.plain : new Uint8Array()))
  }

  #open(): Engine {
    if (this.#engine) return this.#engine
    throw new YizhanError('unavailable', 'the records of persons are closed')
  }
}

function contextOf(key: string) {
  return { tenant: null, collection: COLLECTION, key, version: 1 }
}
