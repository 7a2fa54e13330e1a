import { sha256Hex } from '@yizhan/kernel'

// Scripts written without spaces between words: these are cut into character n-grams, all others into words.
/** The inside of a character class: scripts that are written without spaces. */
export const UNSPACED_CLASS =
  '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Bopomofo}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}ー'

const GAP_BESIDE_UNSPACED = new RegExp(`(?<=[${UNSPACED_CLASS}]) | (?=[${UNSPACED_CLASS}])`, 'gu')
const CLOSING_MARKS = /[\s.?!,;:…~。、・]+$/u

/** UTF-16 units that are read of a text. */
export const MAX_NORMALISED = 8192
// Sorting a long run of combining marks is quadratic: 256 KiB of them take seconds. 30 is Unicode's stream-safe limit.
const LONG_MARKS = /(\p{M}{30})\p{M}+/gu

// Most questions are only of these, words apart by one space: nothing below changes them, but for capitals and marks of full width.
const PLAIN = /^[!-~、。\u4e00-\u9fff，！？：；（）]+(?: [!-~、。\u4e00-\u9fff，！？：；（）]+)*$/u
const WIDE_MARKS = /[，！？：；（）]/gu
/** From a mark of full width to that of half width. */
const NARROWER = 0xfee0

/**
 * The one form in which texts are compared and hashed: NFKC (full width becomes half width), lower case, straight
 * quotes, no format characters, control characters and white space folded to one space, trimmed. Lone surrogates
 * become U+FFFD; what is past 8192 UTF-16 units is left out. Pure, and idempotent.
 */
export function normalise(text: string): string {
  if (text.length <= MAX_NORMALISED && PLAIN.test(text)) {
    return text
      .replace(WIDE_MARKS, (mark) => String.fromCharCode(mark.charCodeAt(0) - NARROWER))
      .toLowerCase()
  }
  return (
    text
      .slice(0, MAX_NORMALISED)
      .replace(/\p{Surrogate}/gu, '\ufffd')
      .replace(LONG_MARKS, '$1')
      .normalize('NFKC')
      .toLowerCase()
      .replace(/\p{Cf}/gu, '')
      .normalize('NFKC')
      .replace(LONG_MARKS, '$1')
      .replace(/[‘’ʼ]/gu, "'")
      .replace(/[“”]/gu, '"')
      .replace(/[\p{Cc}\s]+/gu, ' ')
      // Compatibility forms grow up to eighteenfold; the cut may fall inside a pair.
      .slice(0, MAX_NORMALISED)
      .replace(/\p{Surrogate}/gu, '')
      .trim()
  )
}

/**
 * Key of the exact-match table: 16 hex digits over the normalised text without closing punctuation and without the
 * spaces that people put or omit between Chinese and Latin. Undefined if nothing is left to compare.
 */
export function exactKey(normalised: string): string | undefined {
  const bare = normalised.replace(GAP_BESIDE_UNSPACED, '').replace(CLOSING_MARKS, '')
  return bare === '' ? undefined : sha256Hex(bare).slice(0, 16)
}
