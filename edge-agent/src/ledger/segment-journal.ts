import { join } from 'node:path'
import { toYizhanError, YizhanError } from '@yizhan/kernel'
import { CommitQueue, type Entry } from './commit-queue.js'
import { noteFence } from './fence.js'
import type {
  AppendOptions,
  Journal,
  JournalConfig,
  JournalDeps,
  PruneOptions,
  Replacement,
  Scanned,
} from './journal.js'
import type { JournalMetrics } from './journal-metrics.js'
import { lowAfter } from './pruning.js'
import type { Room } from './room.js'
import {
  type DedupeKeys,
  digestOfKey,
  emptySegment,
  encodeFrame,
  encodeKeys,
  FRAME_HEADER,
  type HeadMark,
  type JournalHost,
  type LoggedKey,
  type MarkFile,
  type Marks,
  OpenedFrames,
  RecentRecords,
  type RewriteOptions,
  rewriteSegment,
  SEGMENTS,
  type Segment,
  type SegmentWriter,
  type Start,
  scanSegments,
  sealPayloads,
  segmentName,
  WalkedSegments,
} from './segments/index.js'

/** What a sealed commit is larger than its records, at most. */
const SEAL_BYTES = 80
/** A segment ends when it spans this part of the time that records are kept: what is forgotten is soon in no file. */
const SPAN = 1 / 4
const QUARANTINE = /\.quarantine-\d+$/

export interface JournalParts extends JournalDeps {
  readonly host: JournalHost
  readonly keys: DedupeKeys
  readonly head: HeadMark
  readonly marks: MarkFile
  readonly room: Room
  readonly writer: SegmentWriter
  readonly counts: JournalMetrics
  /** Lets another process have the directory. */
  readonly unlock: () => Promise<void>
}

export type JournalSettings = Required<Pick<JournalConfig, 'dir' | 'maxBytes' | 'maxRecords'>>

/** A Journal on append-only segments in `dir`. */
export class SegmentJournal implements Journal {
  readonly quarantined: string | undefined
  readonly #parts: JournalParts
  readonly #config: JournalSettings
  readonly #openedAt: number
  readonly #openedAge: number
  readonly #queue: CommitQueue
  readonly #segments: Segment[]
  readonly #recent = new RecentRecords()
  readonly #walked: WalkedSegments
  readonly #opened: OpenedFrames
  readonly #durableListeners = new Set<() => void>()
  #marks: Marks
  #next: number
  #durable: number
  #bytes = 0
  #rewritten = 0
  /** Pruning and replacing, one after the other. */
  #upkeep: Promise<unknown> = Promise.resolve()
  #dead = false
  #closing: Promise<void> | undefined

  constructor(
    parts: JournalParts,
    config: JournalSettings,
    { next, segments, epoch, low, settled, keysFrom, age }: Start,
    quarantined: string | undefined,
  ) {
    this.quarantined = quarantined
    this.#parts = parts
    this.#config = config
    this.#openedAt = parts.clock.monotonic()
    this.#openedAge = age
    this.#segments = segments
    this.#marks = { epoch, low, settled, keysFrom, age }
    this.#walked = new WalkedSegments(parts.host, this.#dir, epoch)
    this.#opened = new OpenedFrames(parts.sealer)
    this.#next = next
    this.#durable = next
    const onFatal = (error: YizhanError) => {
      this.#dead = true
      parts.onFatal(error)
    }
    this.#queue = new CommitQueue(
      { log: parts.log, clock: parts.clock, onFatal },
      { commit: (entries, sync) => this.#commit(entries, sync), full: (give) => parts.room.full(give) },
    )
    this.#count()
  }

  get epoch(): bigint {
    return this.#marks.epoch
  }

  get settled(): number {
    return this.#marks.settled
  }

  get next(): number {
    return this.#next
  }

  get durable(): number {
    return this.#durable
  }

  get rewritten(): number {
    return this.#rewritten
  }

  onDurable(fn: () => void): () => void {
    this.#durableListeners.add(fn)
    return () => this.#durableListeners.delete(fn)
  }

  age(): number {
    return this.#openedAge + (this.#parts.clock.monotonic() - this.#openedAt)
  }

  append(records: readonly Uint8Array[], options: AppendOptions = {}): Promise<number> {
    const full = this.full()
    if (options.intake && full) return Promise.reject(full)
    return this.#queue.add({ records, ...options })
  }

  full(): YizhanError | undefined {
    if (!this.#parts.room.isTight()) return this.#overflow()
    return new YizhanError('disk_full', 'too little space is left to take new messages')
  }

  known(key: string): string | undefined {
    return this.#parts.keys.get(digestOfKey(key))
  }

  scan(from: number): AsyncIterable<Scanned> {
    const low = () => this.#marks.low
    const recent = this.#recent.scan(Math.max(from, low()), this.#next)
    if (recent) return recent
    const isWritten = (segment: Segment) => this.#isWritten(segment)
    const [opened, walked] = [this.#opened, this.#walked]
    return scanSegments(
      { opened, epoch: this.epoch, walked, isWritten, low },
      [...this.#segments],
      Math.max(from, low()),
      this.#next,
    )
  }

  prune(options: PruneOptions): Promise<void> {
    return this.#maintain(async () => {
      const { keys, marks, host } = this.#parts
      // What the marks say is settled must not go with a power cut.
      await this.#queue.add({ records: [] })
      const age = this.age()
      const { low: before, settled, keysFrom } = this.#marks
      const usage = { bytes: this.#bytes, records: this.#next - before }
      const low = await lowAfter({ host, dir: this.#dir }, this.#segments, options, {
        ...this.#marks,
        ...this.#config,
        ...usage,
        age,
      })
      this.#marks = {
        ...this.#marks,
        low,
        settled: Math.max(settled, options.before),
        age,
        keysFrom: Math.max(keysFrom, age - options.dedupeMs),
      }
      // The marks first and durably: what a crash leaves of the rest lies below them.
      await marks.write(this.#marks)
      keys.expire(this.#marks.keysFrom)
      this.#forgetRead()
      const current = this.#segments.at(-1)
      const isOld = current && (current.next <= low || age - current.begun > options.olderThanMs * SPAN)
      if (isOld && current.hasRecords) await this.#seal()
      await this.#dropForgotten()
    })
  }

  replace(replacements: readonly Replacement[], { whole = false } = {}): Promise<void> {
    return this.#maintain(async () => {
      if (replacements.length === 0 && !whole) return
      this.#rewritten += 1
      await this.#seal()
      this.#recent.clear()
      this.#forgetRead()
      const replaced = new Map(replacements.map(({ seq, bytes }) => [seq, bytes]))
      const seqs = [...replaced.keys()]
      for (const segment of [...this.#segments]) {
        if (this.#isWritten(segment)) continue
        const { first, next } = segment
        if (!whole && !seqs.some((seq) => seq >= first && seq < next)) continue
        await this.#rewrite(segment, { replaced, whole }).catch(async (thrown: unknown) => {
          const full = thrown instanceof YizhanError && thrown.code === 'disk_full'
          if (!full || !(await this.#parts.room.full(true))) throw thrown
          await this.#rewrite(segment, { replaced, whole })
        })
      }
      this.#rewritten += 1
    })
  }

  fence(): Promise<void> {
    return noteFence(this.#config.dir, this.epoch)
  }

  async dropQuarantined(): Promise<number> {
    const { host } = this.#parts
    const found = (await host.list(this.#config.dir)).filter((name) => QUARANTINE.test(name))
    for (const name of found) await host.remove(join(this.#config.dir, name))
    return found.length
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  get #dir(): string {
    return join(this.#config.dir, SEGMENTS)
  }

  async #close(): Promise<void> {
    const { writer, head, marks, unlock, log } = this.#parts
    await this.#upkeep
    await this.#queue.end(new YizhanError('unavailable', 'the journal is closed'))
    try {
      await writer.close({ sync: !this.#dead })
      if (!this.#dead) {
        head.note(this.#next - 1)
        this.#marks = { ...this.#marks, age: this.age() }
        await marks.write(this.#marks)
      }
    } catch (thrown) {
      log.warn({ err: thrown }, 'the journal could not be closed as it should')
    }
    await head.close()
    await marks.close()
    await unlock()
  }

  async #commit(entries: readonly Entry[], sync: boolean): Promise<readonly number[]> {
    const { sealer, keys, writer, head } = this.#parts
    const { epoch, low, settled } = this.#marks
    const age = this.age()
    const first = this.#next
    const records = entries.flatMap((entry) => entry.records)
    const logged: LoggedKey[] = entries.flatMap(({ dedupe }) =>
      dedupe ? [{ digest: digestOfKey(dedupe.key), age, value: dedupe.value }] : [],
    )
    if (records.length > 0 || logged.length > 0) {
      const ownKeys = encodeKeys(logged)
      const bytes = records.reduce((sum, record) => sum + 4 + record.length, ownKeys.length)
      const place = await writer.place(FRAME_HEADER + SEAL_BYTES + bytes)
      const payload = { epoch, segment: place.segment, first, age, records }
      const [sealed = Buffer.alloc(0)] = await sealPayloads(sealer, [payload])
      const durable = this.#durable
      const frame = { first, count: records.length, age, durable, keys: ownKeys, sealed }
      await writer.write(encodeFrame({ epoch, ...place }, frame), { epoch, first, age, low, settled }, sync)
      this.#next = first + records.length
      this.#grow(place.segment, frame)
      for (const key of logged) keys.add(key)
      if (records.length > 0) this.#recent.add({ first, age, records })
    }
    if (sync) await writer.sync()
    if (entries.some(({ seals }) => seals)) await writer.seal()
    if (sync && this.#durable < this.#next) {
      this.#durable = this.#next
      // A mark ahead of what a power cut leaves would pass for lost records.
      head.note(this.#next - 1)
      for (const listener of this.#durableListeners) listener()
    }
    let seq = first
    return entries.map((entry) => {
      const own = seq
      seq += entry.records.length
      return own
    })
  }

  #grow(index: number, { first, age, keys }: { first: number; age: number; keys: Buffer }): void {
    let segment = this.#segments.at(-1)
    if (segment?.index !== index) {
      segment = emptySegment(index, first, age)
      this.#segments.push(segment)
    }
    segment.hasRecords ||= this.#next > first
    segment.next = this.#next
    segment.age = age
    if (keys.length > 0) segment.keyAge = age
    this.#bytes += this.#parts.writer.position - segment.bytes
    segment.bytes = this.#parts.writer.position
  }

  #overflow(): YizhanError | undefined {
    const { maxBytes, maxRecords } = this.#config
    const bytes = this.#bytes
    const records = this.#next - this.#marks.low
    if (bytes <= maxBytes && records <= maxRecords) return undefined
    return new YizhanError('overloaded', 'the journal holds as much as it may', {
      details: { bytes, maxBytes, records, maxRecords },
    })
  }

  #isWritten({ index }: Segment): boolean {
    return index === this.#parts.writer.current
  }

  async #seal(): Promise<void> {
    await this.#queue.add({ records: [], seals: true })
  }

  /** Deletes the segments that hold nothing any more; of those with dedupe keys only the keys stay. */
  async #dropForgotten(): Promise<void> {
    const { host, keys, log } = this.#parts
    const { low, keysFrom } = this.#marks
    const keysGone = Math.max(keysFrom, Math.min(keys.oldestAge, this.age()))
    for (const segment of [...this.#segments]) {
      if (segment.next > low) break
      if (this.#isWritten(segment)) continue
      if (segment.keyAge < keysGone) {
        await host.remove(join(this.#dir, segmentName(segment.index)))
        this.#segments.splice(this.#segments.indexOf(segment), 1)
      } else if (segment.hasRecords) {
        await this.#rewrite(segment, { replaced: new Map(), whole: true }).catch((thrown: unknown) => {
          const error = toYizhanError(thrown)
          if (error.code !== 'disk_full') throw error
          log.warn({ err: error }, 'a segment of the journal could not be made smaller')
        })
      }
    }
    this.#count()
  }

  async #rewrite(segment: Segment, options: Pick<RewriteOptions, 'replaced' | 'whole'>): Promise<void> {
    const { low, keysFrom, settled } = this.#marks
    const deps = { ...this.#parts, dir: this.#dir, epoch: this.epoch }
    await rewriteSegment(deps, segment, { ...options, low, keysFrom, settled })
    this.#forgetRead()
    this.#count()
  }

  /** What was read of files that are not as they were. */
  #forgetRead(): void {
    this.#walked.clear()
    this.#opened.clear()
  }

  #count(): void {
    this.#bytes = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#parts.counts.size(this.#bytes, this.#parts.keys.size)
  }

  /** One after the other; after an I/O error the journal is dead. */
  #maintain(work: () => Promise<void>): Promise<void> {
    const done = this.#upkeep.then(async () => {
      if (this.#closing) throw new YizhanError('unavailable', 'the journal is closed')
      try {
        await work()
      } catch (thrown) {
        const error = toYizhanError(thrown, 'storage_failed')
        throw error.code === 'storage_failed' ? this.#queue.die(error) : error
      }
    })
    this.#upkeep = done.catch(() => undefined)
    return done
  }
}
