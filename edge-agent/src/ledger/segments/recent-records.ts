import type { Scanned } from '../journal.js'

interface NewCommit {
  readonly first: number
  readonly age: number
  readonly records: readonly Uint8Array[]
}

interface RecentCommit extends NewCommit {
  next: RecentCommit | undefined
}

const MAX_BYTES = 4 << 20
/** What a commit takes in memory besides its records, about. */
const COMMIT_BYTES = 128
/** Commits that are dropped together: the list is moved once for all of them. */
const DROPPED_AT_ONCE = 256

/** The last records that were written, at most 4 MiB: who follows the journal needs no file, and no seal opened. */
export class RecentRecords {
  #commits: RecentCommit[] = []
  /** Those before it in the list are dropped. */
  #from = 0
  #bytes = 0

  /** They follow those that were added before. */
  add({ first, age, records }: NewCommit): void {
    const commit: RecentCommit = { first, age, records, next: undefined }
    const last = this.#commits.at(-1)
    if (last) last.next = commit
    this.#commits.push(commit)
    this.#bytes += bytesOf(commit)
    while (this.#bytes > MAX_BYTES) this.#bytes -= bytesOf(this.#commits[this.#from++] as RecentCommit)
    if (this.#from < DROPPED_AT_ONCE) return
    this.#commits.splice(0, this.#from)
    this.#from = 0
  }

  clear(): void {
    this.#commits = []
    this.#from = 0
    this.#bytes = 0
  }

  /** Records `from` … `to` − 1, or undefined if not all of them are here. */
  scan(from: number, to: number): AsyncIterable<Scanned> | undefined {
    if (from >= to || from < (this.#commits[this.#from]?.first ?? Number.POSITIVE_INFINITY)) return undefined
    return scanCommits(this.#commitOf(from), from, to)
  }

  /** The last one that begins no later. */
  #commitOf(seq: number): RecentCommit | undefined {
    let low = this.#from
    let high = this.#commits.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#commits[middle]?.first ?? 0) <= seq) low = middle
      else high = middle - 1
    }
    return this.#commits[low]
  }
}

function bytesOf({ records }: NewCommit): number {
  return records.reduce((sum, { length }) => sum + length, COMMIT_BYTES)
}

async function* scanCommits(
  begin: RecentCommit | undefined,
  from: number,
  to: number,
): AsyncIterable<Scanned> {
  for (let commit = begin; commit && commit.first < to; commit = commit.next) {
    const { first, age, records } = commit
    for (let n = Math.max(0, from - first); n < records.length && first + n < to; n++) {
      yield { kind: 'record', seq: first + n, age, bytes: records[n] as Uint8Array }
    }
  }
}
