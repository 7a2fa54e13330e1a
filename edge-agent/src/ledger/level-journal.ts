import { mkdir, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { storageError, YizhanError } from '@yizhan/kernel'
import { type Ballast, createBallast } from './ballast.js'
import { CommitQueue, type Entry } from './commit-queue.js'
import { type Engine, type EngineHost, levelHost, type Op, openOrQuarantine } from './engine.js'
import { type HeadMark, openHeadMark } from './head-mark.js'
import type {
  AppendOptions,
  Journal,
  JournalConfig,
  JournalDeps,
  PruneOptions,
  Replacement,
  Scanned,
} from './journal.js'
import { encodeMeta, type Meta } from './journal-meta.js'
import { findStart, type JournalStart } from './journal-start.js'
import { ageEnd, ageKey, dedupeKey, META, recordKey, seqOf } from './keys.js'
import { decodeRecord, encodeRecord } from './record.js'
import { scanRecords } from './scan.js'

const SAMPLE_MS = 1_000
const PRUNE_LIMIT = 10_000
const DELETE_CHUNK = 1_000
const REPLACE_CHUNK = 256
const COMPACT_ROUNDS = 2

/** A Journal on LevelDB in `dir` (store, head mark, ballast). One process at a time, else `failed_precondition`. */
export async function openJournal(
  deps: JournalDeps,
  config: JournalConfig,
  host: EngineHost = levelHost,
): Promise<Journal> {
  const store = join(config.dir, 'store')
  await mkdir(config.dir, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
    throw storageError(thrown, 'create', config.dir)
  })
  const ballast = createBallast(join(config.dir, 'ballast'), config.ballastBytes ?? 8 << 20)
  const head = await openHeadMark(join(config.dir, 'head'), (thrown) => {
    deps.log.warn({ err: thrown }, 'the head mark could not be written')
  })
  try {
    const known = await head.read()
    // The head mark of a store that was moved aside says nothing about its successor.
    const read = (engine: Engine, isFresh: boolean) => findStart(deps.log, engine, isFresh ? 0 : known)
    const open = () => openOrQuarantine(host, store, deps.clock.wall(), read)
    const { engine, quarantined, found } = await open().catch(async (thrown: unknown) => {
      const full = thrown instanceof YizhanError && thrown.code === 'disk_full'
      if (!full || !(await ballast.drop())) throw thrown
      return open()
    })
    if (quarantined) deps.log.fatal({ quarantined }, 'the journal could not be read; a new one was started')
    const parts = { ...deps, ballast, head, engine }
    const journal = new LevelJournal(parts, { ...config, store }, { ...found, quarantined }, host)
    await journal.checkRoom().catch(async (thrown: unknown) => {
      await engine.close()
      throw thrown
    })
    return journal
  } catch (thrown) {
    await head.close()
    throw thrown
  }
}

interface Parts extends JournalDeps {
  readonly ballast: Ballast
  readonly head: HeadMark
  readonly engine: Engine
}

class LevelJournal implements Journal {
  readonly quarantined: string | undefined
  readonly #deps: Parts
  readonly #config: JournalConfig & { readonly store: string }
  readonly #host: EngineHost
  readonly #openedAt: number
  readonly #queue: CommitQueue
  #engine: Engine | undefined
  #meta: Meta
  #next: number
  #durable: number
  readonly #durableListeners = new Set<() => void>()
  #tight = false
  #sampledAt = Number.NEGATIVE_INFINITY
  #closing: Promise<void> | undefined

  constructor(
    deps: Parts,
    config: JournalConfig & { readonly store: string },
    start: JournalStart & { readonly quarantined: string | undefined },
    host: EngineHost,
  ) {
    this.quarantined = start.quarantined
    this.#deps = deps
    this.#config = config
    this.#host = host
    this.#openedAt = deps.clock.monotonic()
    this.#engine = deps.engine
    this.#meta = { epoch: start.epoch, low: start.low, settled: start.settled, age: start.age }
    this.#next = start.next
    this.#durable = start.durable
    this.#queue = new CommitQueue(deps, {
      build: (entries) => this.#build(entries),
      write: (ops, sync) => this.#open().write(ops, sync),
      reopen: () => this.#reopen(),
      makeRoom: () => {
        this.#tight = true
        return deps.ballast.drop()
      },
    })
  }

  get epoch(): bigint {
    return this.#meta.epoch
  }

  get settled(): number {
    return this.#meta.settled
  }

  get next(): number {
    return this.#next
  }

  get durable(): number {
    return this.#durable
  }

  onDurable(fn: () => void): () => void {
    this.#durableListeners.add(fn)
    return () => this.#durableListeners.delete(fn)
  }

  age(): number {
    return this.#meta.age + (this.#deps.clock.monotonic() - this.#openedAt)
  }

  append(records: readonly Uint8Array[], options: AppendOptions = {}): Promise<number> {
    if (this.#deps.clock.monotonic() - this.#sampledAt >= SAMPLE_MS) {
      this.checkRoom().catch((thrown: unknown) => {
        this.#deps.log.warn({ err: thrown }, 'free space could not be read')
      })
    }
    if (options.intake && this.#tight) {
      return Promise.reject(new YizhanError('disk_full', 'too little space is left to take new messages'))
    }
    return this.#queue.add({ records, ...options })
  }

  known(key: string): string | undefined {
    const stored = dedupeKey(key)
    if (this.#queue.disowned(stored)) return undefined
    const value = this.#open().get(stored)
    return value && new TextDecoder().decode(value)
  }

  scan(from: number): AsyncIterable<Scanned> {
    return scanRecords(this.#open(), Math.max(from, this.#meta.low), this.#next)
  }

  async prune(options: PruneOptions): Promise<void> {
    const engine = this.#open()
    const age = this.age()
    let low = this.#meta.low
    for await (const [key, stored] of engine.entries(
      recordKey(low),
      recordKey(options.before),
      PRUNE_LIMIT,
    )) {
      const seq = seqOf(key)
      const record = decodeRecord(seq, stored)
      const { keep } = options
      const olderThanMs = keep && seq >= keep.from ? keep.olderThanMs : options.olderThanMs
      if (record !== 'corrupt' && record.age > age - olderThanMs) break
      low = seq + 1
    }
    this.#meta = { ...this.#meta, low, settled: Math.max(this.#meta.settled, options.before) }
    // The marks first and durably: a deleted record that a damaged log brings back lies below them.
    await this.#queue.add({ records: [] })
    await this.#delete(engine, recordKey(0), recordKey(low))
    const expired = Math.floor(age - options.dedupeMs)
    if (expired > 0) await this.#delete(engine, 'a', ageEnd(expired))
  }

  async replace(replacements: readonly Replacement[], { whole = false } = {}): Promise<void> {
    for (let from = 0; from < replacements.length; from += REPLACE_CHUNK) {
      await this.#queue.add({ records: [], replaces: replacements.slice(from, from + REPLACE_CHUNK) })
    }
    const seqs = replacements.map(({ seq }) => seq)
    if (seqs.length === 0 && !whole) return
    // Keys that never are there, on both sides of what was replaced.
    const first = whole ? '!' : `${recordKey(seqs.reduce((a, b) => Math.min(a, b)) - 1)}~`
    const last = whole ? '~' : `${recordKey(seqs.reduce((a, b) => Math.max(a, b)))}~`
    for (let round = 0; round < COMPACT_ROUNDS; round++) {
      // LevelDB merges a table only with one above it, and the deletes make one that lies over the whole range. The first
      // round may leave a value and the one that replaced it in one new table: hence the second.
      await this.#queue.add({ records: [], deletes: [first, last], lazy: true })
      await this.#open().compact(first, last)
    }
  }

  async dropQuarantined(): Promise<number> {
    const { dir, store } = this.#config
    try {
      const found = (await readdir(dir)).filter((name) => name.startsWith(`${basename(store)}.quarantine-`))
      for (const name of found) await rm(join(dir, name), { recursive: true, force: true })
      return found.length
    } catch (thrown) {
      throw storageError(thrown, 'delete a quarantined journal in', dir)
    }
  }

  /** Looks at the free space now; restores the ballast once there is plenty again. */
  async checkRoom(): Promise<void> {
    this.#sampledAt = this.#deps.clock.monotonic()
    const needed = this.#config.minFreeBytes ?? 32 << 20
    const ballast = this.#config.ballastBytes ?? 8 << 20
    const free = await this.#host.freeBytes(this.#config.dir)
    const enough = free >= (this.#tight ? needed + 2 * ballast : needed)
    if (enough) await this.#deps.ballast.restore()
    if (enough === this.#tight) this.#deps.log.warn({ free }, enough ? 'space is back' : 'space is short')
    this.#tight = !enough
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      // The last commit carries the age. If the disk refuses it the age is merely older.
      await this.#queue.add({ records: [] }).catch(() => undefined)
      await this.#queue.end(new YizhanError('unavailable', 'the journal is closed'))
      await this.#deps.head.close()
      await this.#engine?.close()
      this.#engine = undefined
    })()
    return this.#closing
  }

  #build(entries: readonly Entry[]) {
    const age = this.age()
    let seq = this.#next
    const ops: Op[] = []
    const firsts = entries.map((entry) => {
      const first = seq
      for (const bytes of entry.records) {
        ops.push({ type: 'put', key: recordKey(seq), value: encodeRecord(seq, age, bytes) })
        seq += 1
      }
      if (entry.dedupe) {
        const key = dedupeKey(entry.dedupe.key)
        ops.push({ type: 'put', key, value: Buffer.from(entry.dedupe.value) })
        ops.push({ type: 'put', key: ageKey(age, first), value: Buffer.from(key) })
      }
      for (const key of entry.deletes ?? []) ops.push({ type: 'del', key })
      for (const { seq: at, age: aged, bytes } of entry.replaces ?? []) {
        ops.push({ type: 'put', key: recordKey(at), value: encodeRecord(at, aged, bytes), again: true })
      }
      return first
    })
    ops.push({ type: 'put', key: META, value: encodeMeta({ ...this.#meta, age }) })
    const done = ({ synced }: { readonly synced: boolean }) => {
      this.#next = seq
      if (!synced) return
      // A mark ahead of what a power cut leaves would pass for lost records.
      this.#deps.head.note(seq - 1)
      if (seq === this.#durable) return
      this.#durable = seq
      for (const listener of this.#durableListeners) listener()
    }
    return { ops, firsts, done }
  }

  async #delete(engine: Engine, start: string, end: string): Promise<void> {
    let keys: string[] = []
    for await (const [key, value] of engine.entries(start, end, PRUNE_LIMIT)) {
      keys.push(key)
      if (key.startsWith('a')) keys.push(new TextDecoder().decode(value))
      if (keys.length >= DELETE_CHUNK) {
        await this.#queue.add({ records: [], deletes: keys, lazy: true })
        keys = []
      }
    }
    if (keys.length > 0) await this.#queue.add({ records: [], deletes: keys, lazy: true })
  }

  #open(): Engine {
    if (this.#engine) return this.#engine
    throw this.#closing
      ? new YizhanError('unavailable', 'the journal is closed')
      : new YizhanError('disk_full', 'the journal waits for space')
  }

  async #reopen(): Promise<void> {
    const old = this.#engine
    this.#engine = undefined
    await old?.close()
    this.#engine = await this.#host.open(this.#config.store)
  }
}
