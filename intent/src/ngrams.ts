import { LETTER, type Scanner, SYMBOL, UNSPACED } from './scan.js'

/** Lengths of n-grams, [from, to], both included. */
export interface NgramRanges {
  readonly wordNgrams: readonly [number, number]
  /** Inside a word, with its boundaries. */
  readonly charNgrams: readonly [number, number]
  /** Inside a run of a script without spaces. */
  readonly cjkNgrams: readonly [number, number]
}

/** What a feature is made of; each group is weighted by itself. */
export const GROUPS = 2
export const WORDS = 0
const CHARS = 1

const ZERO = 0x30
const NINE = 0x39

// Where the hash of a kind of n-gram starts, so that the word "的" and the run "的" differ.
const WORD_SEED = 0x811c9dc5
const CHAR_SEED = 0x2f0b4c47
const RUN_SEED = 0x5bd1e995
const EDGE_OF_WORD = 0x1f
const EDGE_OF_TEXT = 0x1e

/**
 * Counts the n-grams of one text by their 32-bit hashes. Used again for every text: hashes roll over code points in
 * typed arrays, and nothing is allocated.
 */
export class NgramCounter {
  /** The distinct n-grams of the text, in the order in which they first came. */
  readonly hashes: Int32Array
  readonly counts: Uint16Array
  readonly groups: Uint8Array
  size = 0
  /** How much of the text stands in words between spaces, 0 to 1: only that much can words say of it. */
  spaced = 0
  readonly #ranges: NgramRanges
  readonly #max: number
  // Open addressing: place in `hashes` plus one, 0 where nothing is.
  readonly #slots: Uint16Array
  readonly #taken: Int32Array
  readonly #mask: number

  /** Keeps the first `max` distinct n-grams of a text. */
  constructor(ranges: NgramRanges, max: number) {
    this.#ranges = ranges
    this.#max = max
    this.hashes = new Int32Array(max)
    this.counts = new Uint16Array(max)
    this.groups = new Uint8Array(max)
    const slots = 2 ** Math.ceil(Math.log2(2 * max + 2))
    this.#slots = new Uint16Array(slots)
    this.#taken = new Int32Array(max)
    this.#mask = slots - 1
  }

  count(text: Scanner): void {
    for (let i = 0; i < this.size; i++) this.#slots[this.#taken[i] as number] = 0
    this.size = 0
    this.#words(text)
    let inWords = 0
    let inAll = 0
    for (let piece = 0; piece < text.count; piece++) {
      const start = text.starts[piece] as number
      const end = text.ends[piece] as number
      inAll += end - start
      if (text.kinds[piece] !== UNSPACED) inWords += end - start
      const [from, to] = text.kinds[piece] === UNSPACED ? this.#ranges.cjkNgrams : this.#ranges.charNgrams
      if (text.kinds[piece] === UNSPACED) this.#inside(text.points, start, end, RUN_SEED, from, to)
      // The whole marked word is left out: it is a word feature already. Parts of a number mean nothing.
      else if (!isNumber(text.points, start, end))
        this.#inside(text.points, start, end, CHAR_SEED, from, Math.min(to, end - start + 1))
    }
    this.spaced = inAll === 0 ? 0 : inWords / inAll
  }

  #words(text: Scanner): void {
    const [from, to] = this.#ranges.wordNgrams
    for (let first = 0; first < text.count; first++) {
      let hash = WORD_SEED
      for (let n = 1; n <= to && first + n <= text.count; n++) {
        const piece = first + n - 1
        if (text.kinds[piece] === UNSPACED) break
        hash = step(hash, wordHash(text, piece))
        if (n >= from) this.#add(hash, WORDS)
      }
    }
    if (to < 2 || text.count === 0) return
    // How a text begins and ends tells questions from requests.
    if (isWord(text, 0)) this.#add(step(step(WORD_SEED, EDGE_OF_TEXT), wordHash(text, 0)), WORDS)
    const last = text.count - 1
    if (isWord(text, last)) this.#add(step(step(WORD_SEED, wordHash(text, last)), EDGE_OF_TEXT), WORDS)
  }

  /** N-grams of the code points from `start` to `end` with a mark on either side. */
  #inside(points: Int32Array, start: number, end: number, seed: number, from: number, to: number): void {
    for (let at = start - 1; at <= end && this.size < this.#max; at++) {
      let hash = seed
      for (let n = 1; n <= to && at + n - 1 <= end; n++) {
        const unit = at + n - 1
        const mark = unit < start || unit === end
        hash = step(hash, mark ? EDGE_OF_WORD : (points[unit] as number))
        if (n >= from && !(n === 1 && mark)) this.#add(hash, CHARS)
      }
    }
  }

  #add(rolled: number, group: number): void {
    const hash = finish(rolled)
    let slot = hash & this.#mask
    for (let place = this.#slots[slot] as number; place !== 0; place = this.#slots[slot] as number) {
      if (this.hashes[place - 1] === hash) {
        this.counts[place - 1] = (this.counts[place - 1] as number) + 1
        return
      }
      slot = (slot + 1) & this.#mask
    }
    if (this.size === this.#max) return
    this.#taken[this.size] = slot
    this.hashes[this.size] = hash
    this.counts[this.size] = 1
    this.groups[this.size++] = group
    this.#slots[slot] = this.size
  }
}

function isWord(text: Scanner, piece: number): boolean {
  return text.kinds[piece] === LETTER || text.kinds[piece] === SYMBOL
}

function isNumber(points: Int32Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if ((points[at] as number) < ZERO || (points[at] as number) > NINE) return false
  }
  return true
}

function wordHash({ points, starts, ends }: Scanner, piece: number): number {
  let hash = 0
  for (let at = starts[piece] as number; at < (ends[piece] as number); at++) {
    hash = step(hash, points[at] as number)
  }
  return hash
}

function step(hash: number, unit: number): number {
  const out = Math.imul(hash ^ unit, 0x9e3779b1)
  return out ^ (out >>> 15)
}

/** murmur3's finisher: every bit of the result depends on every bit of the hash. */
export function finish(hash: number): number {
  let out = hash ^ (hash >>> 16)
  out = Math.imul(out, 0x85ebca6b)
  out ^= out >>> 13
  out = Math.imul(out, 0xc2b2ae35)
  return out ^ (out >>> 16)
}
