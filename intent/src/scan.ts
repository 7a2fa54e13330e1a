import { UNSPACED_CLASS } from './normalise.js'
import { simplifiedForms } from './traditional.js'

/** What a code point is to the featurizer. Numbers, because they are kept in typed arrays. */
export const GAP = 0
/** Part of a word or a number. */
export const LETTER = 1
/** Of a script that is written without spaces. */
export const UNSPACED = 2
/** Stands for itself: an emoji, a plus sign. */
export const SYMBOL = 3
/** Part of a word between two letters, a gap elsewhere. */
const APOSTROPHE = 4

const IS_UNSPACED = new RegExp(`[${UNSPACED_CLASS}]`, 'u')
const IS_LETTER = /[\p{L}\p{N}\p{M}]/u
const IS_SYMBOL = /[\p{S}#]/u
const UNKNOWN = 255
const BMP = 0x1_0000

// Classes of code points that were met so far: a regular expression is asked once for each.
const known = new Uint8Array(BMP).fill(UNKNOWN)

// Made when it is first wanted: most programs that load this file never scan.
let simplified: Uint16Array | undefined

function classOf(point: number): number {
  if (point < BMP) {
    const found = known[point] as number
    if (found !== UNKNOWN) return found
  }
  const char = String.fromCodePoint(point)
  const kind = IS_UNSPACED.test(char)
    ? UNSPACED
    : IS_LETTER.test(char)
      ? LETTER
      : char === "'"
        ? APOSTROPHE
        : IS_SYMBOL.test(char)
          ? SYMBOL
          : GAP
  if (point < BMP) known[point] = kind
  return kind
}

/**
 * The code points of a normalised text, cut into pieces: words, runs of a script without spaces, symbols. Punctuation
 * and spaces only separate. Used again for every text, so that a text costs no allocation.
 */
export class Scanner {
  readonly points: Int32Array
  readonly #classes: Uint8Array
  /** First code point of each piece, and the one after its last. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** LETTER, UNSPACED or SYMBOL. */
  readonly kinds: Uint8Array
  /** Pieces of the text that was scanned last. */
  count = 0

  readonly #forms: Uint16Array | undefined

  /** For texts of up to `maxChars` UTF-16 units; `fold` reads traditional characters as simplified ones. */
  constructor(maxChars: number, fold: boolean) {
    if (fold) simplified ??= simplifiedForms()
    this.#forms = fold ? simplified : undefined
    this.points = new Int32Array(maxChars)
    this.#classes = new Uint8Array(maxChars + 1)
    this.starts = new Int32Array(maxChars)
    this.ends = new Int32Array(maxChars)
    this.kinds = new Uint8Array(maxChars)
  }

  scan(normalised: string): void {
    const length = this.#decode(normalised)
    this.count = 0
    for (let at = 0; at < length; ) {
      const kind = this.#classes[at] as number
      const start = at++
      if (kind === GAP || kind === APOSTROPHE) continue
      if (kind !== SYMBOL) while (this.#goesOn(at, length, kind)) at++
      this.starts[this.count] = start
      this.ends[this.count] = at
      this.kinds[this.count++] = kind
    }
  }

  #decode(text: string): number {
    let length = 0
    for (let at = 0; at < text.length && length < this.points.length; at++) {
      const point = text.codePointAt(at) as number
      if (point >= BMP) at++
      this.points[length] = this.#forms?.[point] ?? point
      this.#classes[length++] = classOf(point)
    }
    this.#classes[length] = GAP
    return length
  }

  #goesOn(at: number, length: number, kind: number): boolean {
    if (at >= length) return false
    const next = this.#classes[at] as number
    return next === kind || (kind === LETTER && next === APOSTROPHE && this.#classes[at + 1] === LETTER)
  }
}
