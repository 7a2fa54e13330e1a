import type { Scanned } from '../journal.js'

interface RecentCommit {
  readonly first: number
  readonly age: number
  readonly records: readonly Uint8Array[]
}

const MAX_BYTES = 4 << 20
/** What a commit takes in memory besides its records, about. */
const COMMIT_BYTES = 128

/** The last records that were written, at most 4 MiB: who follows the journal needs no file, and no seal opened. */
export class RecentRecords {
  #commits: RecentCommit[] = []
  #bytes = 0

  /** They follow those that were added before. */
  add(commit: RecentCommit): void {
    this.#commits.push(commit)
    this.#bytes += bytesOf(commit)
    let gone = 0
    while (this.#bytes > MAX_BYTES) this.#bytes -= bytesOf(this.#commits[gone++] as RecentCommit)
    if (gone > 0) this.#commits.splice(0, gone)
  }

  clear(): void {
    this.#commits = []
    this.#bytes = 0
  }

  /** Records `from` … `to` − 1, or undefined if not all of them are here. */
  scan(from: number, to: number): AsyncIterable<Scanned> | undefined {
    const oldest = this.#commits[0]?.first ?? Number.POSITIVE_INFINITY
    if (from < oldest || from >= to) return undefined
    let at = this.#commits.length - 1
    while ((this.#commits[at]?.first ?? 0) > from) at -= 1
    return scanCommits(this.#commits.slice(at), from, to)
  }
}

function bytesOf({ records }: RecentCommit): number {
  return records.reduce((sum, { length }) => sum + length, COMMIT_BYTES)
}

async function* scanCommits(
  commits: readonly RecentCommit[],
  from: number,
  to: number,
): AsyncIterable<Scanned> {
  for (const { first, age, records } of commits) {
    for (const [n, bytes] of records.entries()) {
      const seq = first + n
      if (seq >= from && seq < to) yield { kind: 'record', seq, age, bytes }
    }
  }
}
