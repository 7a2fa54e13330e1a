import { open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Logger, YizhanError } from '@yizhan/kernel'
import { ClassicLevel } from 'classic-level'
import { corruptDatabase, levelError } from './level-error.js'
import type { KeyRange } from './level-key.js'
import { getManySync, type Level, LevelSnapshot, type PageBounds, readPage } from './level-snapshot.js'
import { ReadPace } from './read-pace.js'

/** `never`: a crash of the machine may lose the last writes, whole ones. For benchmarks and loads that are repeated. */
export type SyncMode = 'always' | 'never'

/**
 * One write of a batch; `value` undefined deletes. Neither may be empty: classic-level 3.0.0 copies key and value, and does not
 * free the copy of one without a byte.
 */
export interface LevelWrite {
  readonly key: Buffer
  readonly value?: Uint8Array
}

/** What an entry has for its value if its key says it all. */
export const PRESENT = Uint8Array.of(1)

/**
 * `full`: a write found no space. Reads go on with the old handle, but LevelDB's log may now hold half a record, so
 * nothing is written before it has been opened anew. `down`: opening it anew failed. `broken`: the disk failed a
 * write or an fsync; nothing is written any more in this process.
 */
type State =
  | { readonly s: 'open'; readonly level: Level }
  | { readonly s: 'full'; readonly level: Level; readonly error: YizhanError; readonly retryAt: number }
  | { readonly s: 'down'; readonly error: YizhanError; readonly retryAt: number }
  | { readonly s: 'broken'; readonly level: Level; readonly error: YizhanError }
  | { readonly s: 'closed' }

const RETRY_MS = 1_000
// Opening writes the memtable (4 MiB), a manifest and a log.
const PROBE_BYTES = 8 * 1024 * 1024
const OPTIONS = { keyEncoding: 'buffer', valueEncoding: 'view', maxOpenFiles: 256 } as const

/** One LevelDB: synced atomic writes (one at a time), reads beside them, recovery from a full disk. */
export class LevelDatabase {
  readonly directory: string
  readonly #log: Logger
  readonly #clock: Clock
  readonly #sync: boolean
  readonly #reads = new Set<Promise<unknown>>()
  readonly #pace: ReadPace
  #state: State
  #reopening: Promise<void> | undefined
  #onBroken: (error: YizhanError) => void = () => undefined

  constructor(
    deps: { readonly log: Logger; readonly clock: Clock },
    directory: string,
    level: Level,
    sync: SyncMode,
  ) {
    this.directory = directory
    this.#log = deps.log
    this.#clock = deps.clock
    this.#pace = new ReadPace(deps.clock)
    this.#sync = sync === 'always'
    this.#state = { s: 'open', level }
  }

  /** Called once, when the disk has failed and writes have ended for good. */
  onBroken(fn: (error: YizhanError) => void): void {
    this.#onBroken = fn
  }

  get(key: Buffer): Promise<Uint8Array | undefined> {
    return this.#read((level) =>
      this.#pace.read(
        1,
        () => level.getSync(key),
        () => level.get(key),
      ),
    )
  }

  getMany(keys: Buffer[]): Promise<(Uint8Array | undefined)[]> {
    return this.#read((level) =>
      this.#pace.read(
        keys.length,
        () => getManySync(level, keys),
        () => level.getMany(keys),
      ),
    )
  }

  /** Pairs in key order or backwards. */
  page(range: KeyRange, bounds: PageBounds): Promise<[Buffer, Uint8Array][]> {
    return this.#read((level) => readPage(level, range, bounds))
  }

  /** Keys in order, at most `limit`. */
  keys(range: KeyRange, limit: number): Promise<Buffer[]> {
    return this.#read((level) => level.keys({ ...range, limit }).all())
  }

  /** One view of everything, until it is closed. */
  snapshot(): Promise<LevelSnapshot> {
    return this.#read(
      async (level) =>
        new LevelSnapshot(
          level,
          (work) =>
            this.#read((now) => {
              if (now === level) return work()
              throw new YizhanError(
                'unavailable',
                `the database in ${this.directory} was opened anew meanwhile`,
              )
            }),
          this.#pace,
        ),
    )
  }

  /** About what these keys take on disk; what is only in the log does not count. */
  approximateSize({ gte, lt }: KeyRange): Promise<number> {
    return this.#read((level) => level.approximateSize(gte, lt))
  }

  /** Moves the log into tables and merges those that hold keys of the range. Takes long, and cannot be stopped. */
  compact({ gte, lt }: KeyRange): Promise<void> {
    return this.#read((level) => level.compactRange(gte, lt))
  }

  /**
   * Opens it anew if a full disk has left it so that it must be: what a failed write has left is seen from here on. Before
   * reads that a write depends on. Throws what `write` would.
   */
  async ready(): Promise<void> {
    await this.#writable()
  }

  /** All or none, on disk when it resolves. The caller writes one batch at a time. `disk_full`, `storage_failed`. */
  async write(writes: readonly LevelWrite[]): Promise<void> {
    const level = await this.#writable()
    try {
      // Chained: a third of the time that a list of operations takes.
      const batch = level.batch()
      for (const { key, value } of writes) {
        if (value) batch.put(key, value)
        else batch.del(key)
      }
      await batch.write({ sync: this.#sync })
    } catch (thrown) {
      throw this.#writeFailed(level, thrown)
    }
  }

  /** Waits for reads that run; then releases the lock. */
  async close(): Promise<void> {
    await this.#reopening
    const state = this.#state
    this.#state = { s: 'closed' }
    await Promise.allSettled(this.#reads)
    if ('level' in state) await state.level.close()
  }

  async #read<T>(work: (level: Level) => Promise<T>): Promise<T> {
    if (this.#state.s === 'down') await this.#reopen(this.#state.error, this.#state.retryAt)
    // A loop: another reopening may start before this one's waiters run.
    while (this.#reopening) await this.#reopening
    const state = this.#state
    if (state.s === 'closed') throw closed(this.directory)
    if (state.s === 'down') throw state.error
    const running = work(state.level)
    this.#reads.add(running)
    try {
      return await running
    } catch (thrown) {
      throw levelError(thrown, 'read', this.directory)
    } finally {
      this.#reads.delete(running)
    }
  }

  async #writable(): Promise<Level> {
    const before = this.#state
    if (before.s === 'full' || before.s === 'down') await this.#reopen(before.error, before.retryAt)
    const state = this.#state
    switch (state.s) {
      case 'open':
        return state.level
      case 'closed':
        throw closed(this.directory)
      case 'full':
      case 'down':
      case 'broken':
        throw state.error
    }
  }

  #writeFailed(level: Level, thrown: unknown): YizhanError {
    const error = levelError(thrown, 'write', this.directory)
    if (error.code === 'disk_full') {
      this.#log.error({ err: error, directory: this.directory }, 'the disk is full: writes are refused')
      this.#state = { s: 'full', level, error, retryAt: this.#clock.monotonic() + RETRY_MS }
    } else {
      // After a failed fsync the kernel may show pages as clean that never reached the disk.
      this.#log.fatal({ err: error, directory: this.directory }, 'the disk failed a write: no more writes')
      this.#state = { s: 'broken', level, error }
      this.#onBroken(error)
    }
    return error
  }

  /** One attempt at a time and no more than one a second; leaves `open`, `full` or `down`, never throws. */
  #reopen(error: YizhanError, retryAt: number): Promise<void> {
    if (this.#reopening) return this.#reopening
    if (this.#clock.monotonic() < retryAt) return Promise.resolve()
    this.#reopening = this.#openAnew(error).finally(() => {
      this.#reopening = undefined
    })
    return this.#reopening
  }

  async #openAnew(error: YizhanError): Promise<void> {
    const retryAt = this.#clock.monotonic() + RETRY_MS
    try {
      await probeSpace(this.directory)
    } catch {
      if (this.#state.s === 'full' || this.#state.s === 'down') this.#state = { ...this.#state, retryAt }
      return
    }
    await Promise.allSettled(this.#reads)
    try {
      if (this.#state.s === 'full') await this.#state.level.close()
      this.#state = { s: 'down', error, retryAt }
      this.#state = { s: 'open', level: await openLevel(this.directory, false) }
      this.#log.info({ directory: this.directory }, 'there is space again: writes go on')
    } catch (thrown) {
      this.#state = { s: 'down', error: levelError(thrown, 'open', this.directory), retryAt }
      this.#log.error({ err: thrown, directory: this.directory }, 'the database cannot be opened again')
    }
  }
}

/**
 * Opens a LevelDB. `existing`: it was there before, so finding none is `data_corrupt`, never an empty start.
 * Throws `data_corrupt`, `failed_precondition` (another process has it), `disk_full`, `storage_failed`.
 */
export async function openDatabase(
  deps: { readonly log: Logger; readonly clock: Clock },
  directory: string,
  existing: boolean,
  sync: SyncMode = 'always',
): Promise<LevelDatabase> {
  if (!(await exists(join(directory, 'CURRENT')))) {
    if (existing) throw corruptDatabase(directory, 'its file CURRENT is missing')
    if (await holdsData(directory)) throw corruptDatabase(directory, 'it holds data but no file CURRENT')
  }
  return new LevelDatabase(deps, directory, await openLevel(directory, !existing), sync)
}

async function openLevel(directory: string, createIfMissing: boolean): Promise<Level> {
  const level = new ClassicLevel<Buffer, Uint8Array>(directory, { ...OPTIONS, createIfMissing })
  try {
    await level.open()
    return level
  } catch (thrown) {
    throw levelError(thrown, 'open', directory)
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

/** Tables, or a log with something in it; a creation that a crash cut short has neither. */
async function holdsData(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => [])
  if (names.some((name) => /\.(ldb|sst)$/.test(name))) return true
  const logs = names.filter((name) => /^\d+\.log$/.test(name))
  const sizes = await Promise.all(logs.map(async (name) => (await stat(join(directory, name))).size))
  return sizes.some((size) => size > 0)
}

/** Real blocks, since a quota does not show in the free space that the file system tells. */
async function probeSpace(directory: string): Promise<void> {
  const path = join(directory, 'space-probe')
  try {
    const handle = await open(path, 'w', 0o600)
    try {
      await handle.writeFile(new Uint8Array(PROBE_BYTES))
      await handle.sync()
    } finally {
      await handle.close()
    }
  } finally {
    await unlink(path).catch(() => undefined)
  }
}

function closed(directory: string): YizhanError {
  return new YizhanError('unavailable', `the database in ${directory} is closed`)
}
