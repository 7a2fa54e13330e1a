import type { Scanned } from '../journal.js'

interface NewCommit {
  readonly first: number
  readonly age: number
  readonly records: readonly Uint8Array[]
}

interface Commit {
  readonly first: number
  readonly age: number
  /** Where its first record begins in the block, and where each of them ends. */
  readonly begin: number
  readonly ends: readonly number[]
}

interface Block {
  readonly bytes: Buffer
  used: number
  readonly commits: Commit[]
  next: Block | undefined
}

const MAX_BYTES = 4 << 20
/** A commit that is larger gets a block of its own. */
const BLOCK_BYTES = 64 << 10

/**
 * The last records that were written, at most 4 MiB and one block: who follows the journal needs no file, and no seal
 * opened. Copies, in blocks that go as a whole: a record as it comes keeps the 8 KiB alive that it was cut from with all
 * that lies beside it, and so much garbage for each turn makes the collector go through the whole heap every few seconds.
 */
export class RecentRecords {
  /** Of consecutive records, the oldest first. */
  readonly #blocks: Block[] = []
  #bytes = 0

  /** They follow those that were added before; there is at least one. */
  add({ first, age, records }: NewCommit): void {
    const block = this.#blockFor(records.reduce((sum, { length }) => sum + length, 0))
    const begin = block.used
    const ends = records.map((record) => {
      block.bytes.set(record, block.used)
      block.used += record.length
      return block.used
    })
    block.commits.push({ first, age, begin, ends })
  }

  clear(): void {
    this.#blocks.length = 0
    this.#bytes = 0
  }

  /** Records `from` … `to` − 1, or undefined if not all of them are here. */
  scan(from: number, to: number): AsyncIterable<Scanned> | undefined {
    const block = this.#blocks[lastFrom(this.#blocks, from, ({ commits }) => commits[0]?.first)]
    return block === undefined || from >= to ? undefined : scanBlocks(block, from, to)
  }

  #blockFor(bytes: number): Block {
    const last = this.#blocks.at(-1)
    if (last && last.used + bytes <= last.bytes.length) return last
    // Not of the pool that Node cuts small buffers from: it would be kept alive with what else lies there.
    const block: Block = {
      bytes: Buffer.allocUnsafeSlow(Math.max(bytes, BLOCK_BYTES)),
      used: 0,
      commits: [],
      next: undefined,
    }
    if (last) last.next = block
    this.#blocks.push(block)
    this.#bytes += block.bytes.length
    while (this.#bytes - block.bytes.length > MAX_BYTES)
      this.#bytes -= this.#blocks.shift()?.bytes.length ?? 0
    return block
  }
}

/** Index of the last one that begins no later than `seq`, or −1. */
function lastFrom<T>(ordered: readonly T[], seq: number, firstOf: (one: T) => number | undefined): number {
  let low = -1
  let high = ordered.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((firstOf(ordered[middle] as T) ?? 0) <= seq) low = middle
    else high = middle - 1
  }
  return low
}

/** What is dropped meanwhile is still given: the blocks are reached from each other. */
async function* scanBlocks(begin: Block, from: number, to: number): AsyncIterable<Scanned> {
  let at = Math.max(
    0,
    lastFrom(begin.commits, from, ({ first }) => first),
  )
  for (let block: Block | undefined = begin; block; block = block.next, at = 0) {
    for (; at < block.commits.length; at++) {
      const { first, age, begin: start, ends } = block.commits[at] as Commit
      if (first >= to) return
      for (let n = Math.max(0, from - first); n < ends.length && first + n < to; n++) {
        const bytes = block.bytes.subarray(n === 0 ? start : ends[n - 1], ends[n])
        yield { kind: 'record', seq: first + n, age, bytes }
      }
    }
  }
}
