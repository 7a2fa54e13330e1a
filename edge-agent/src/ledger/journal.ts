import type { Clock, Logger, Metrics, Sealer, YizhanError } from '@yizhan/kernel'

/** A record as it was appended, or a range of records that the medium has lost (corrupt or missing). */
export type Scanned =
  | { readonly kind: 'record'; readonly seq: number; readonly age: number; readonly bytes: Uint8Array }
  | { readonly kind: 'lost'; readonly from: number; readonly to: number }

export interface AppendOptions {
  /** Remembered in the same atomic batch; `known(key)` then gives `value` (at most 64 KiB). */
  readonly dedupe?: { readonly key: string; readonly value: string }
  /** Written at once, but not fsynced for its own sake: it survives a killed process, maybe not a power cut. */
  readonly lazy?: boolean
  /**
   * New work: refused with `disk_full` while the disk is tight and with `overloaded` while the journal is as large as it
   * may be (`details`: bytes, maxBytes, records, maxRecords), so that accepted work can still be finished.
   */
  readonly intake?: boolean
}

export interface PruneOptions {
  /** Records below this may go once they are old enough: the seq of the oldest turn that is still open. */
  readonly before: number
  readonly olderThanMs: number
  /** Dedupe keys live this long, in milliseconds of `age`. */
  readonly dedupeMs: number
  /** Records from `from` on go only once they are older than this, whatever the rest says: somebody has yet to read them. */
  readonly keep?: { readonly from: number; readonly olderThanMs: number }
}

/** Other content for the record at `seq`; its age stays. */
export interface Replacement {
  readonly seq: number
  readonly age: number
  readonly bytes: Uint8Array
}

/**
 * An append-only log with group commit. Positions grow by one without gaps; each commit is sealed and carries a checksum
 * over content and place. Rejects with `disk_full` (nothing was taken, later appends may succeed) or `storage_failed` (the journal is
 * dead and `onFatal` has been told).
 */
export interface Journal {
  /** Random incarnation; a new directory or a quarantined one starts a new epoch. */
  readonly epoch: bigint
  /** Where the directory went that could not be read, or was fenced, if that happened at this open. */
  readonly quarantined: string | undefined
  /** From here on a scan finds everything that is not settled. */
  readonly settled: number
  /** Position of the next record. */
  readonly next: number
  /** Position after the last record that survives a power cut; what is appended lazily lies above it for a while. */
  readonly durable: number
  /** Called when `durable` has grown. Returns the unsubscribe. */
  onDurable(fn: () => void): () => void
  /** Grows when `replace` begins and when it ends: what was read before may hold what is to be in no file. */
  readonly rewritten: number
  /** Milliseconds that this journal has been open over all its runs. Immune to wall clock jumps. */
  age(): number
  /** Why new work is refused now (`disk_full`, `overloaded`); undefined if there is room. */
  full(): YizhanError | undefined
  /** Appends in one atomic batch; resolves after the fsync with the position of the first. */
  append(records: readonly Uint8Array[], options?: AppendOptions): Promise<number>
  /** The value remembered under a dedupe key. Does not see appends in flight. */
  known(key: string): string | undefined
  /** Everything from a position on, in order, losses included. */
  scan(from: number): AsyncIterable<Scanned>
  /**
   * Declares everything below `before` settled and forgets what is settled and old; past three quarters of `maxBytes` or
   * `maxRecords` also what is settled and young, oldest first. The marks are durable before anything is deleted.
   */
  prune(options: PruneOptions): Promise<void>
  /**
   * Takes the place of records, so that what they held is in no file when it resolves. `whole` also rewrites everything
   * else that is forgotten or damaged. Positions, ages and order stay. `disk_full`: what was not replaced is as it was.
   */
  replace(replacements: readonly Replacement[], options?: { readonly whole?: boolean }): Promise<void>
  /** The next open moves all of this aside and starts a new epoch; to be called before the process ends for it. */
  fence(): Promise<void>
  /** Deletes directories that an earlier start has moved aside because they could not be read; how many. */
  dropQuarantined(): Promise<number>
  /** Commits what was appended and closes. Idempotent. */
  close(): Promise<void>
}

export interface JournalDeps {
  readonly clock: Clock
  readonly log: Logger
  /** What seals each commit, under keys of this edge. */
  readonly sealer: Sealer
  readonly metrics?: Metrics
  /** An I/O error: what was acked is safe, what comes next is not; the process must exit. Called once. */
  readonly onFatal: (error: YizhanError) => void
}

export interface JournalConfig {
  readonly dir: string
  /** Less free space than this refuses new work; default 32 MiB. */
  readonly minFreeBytes?: number
  /** A file given up when the disk is full, so that accepted work can finish; default 8 MiB, 0 = none. */
  readonly ballastBytes?: number
  /** More than this refuses new work; default 1 GiB. */
  readonly maxBytes?: number
  /** More records than this refuse new work; default 4,000,000. */
  readonly maxRecords?: number
  /** One more dedupe key makes the oldest go before its time, counted and logged; default 1,000,000. */
  readonly maxDedupeKeys?: number
  /** Size of a segment file; default 4 MiB. */
  readonly segmentBytes?: number
  /** Whether segments are filled with zeroes ahead of time, which makes syncs faster; default true. */
  readonly preallocate?: boolean
}
