import { STOP_PHRASES, STOP_WORDS } from './stop-words.js'

/** Weight of a single Chinese, Japanese or Korean character beside the bigrams, which count 1. */
export const CHARACTER_WEIGHT = 0.5

/** Weight of the first letters of a longer word, which it shares with what is made of it: "calculate", "calculation". */
export const PREFIX_WEIGHT = 0.3
const PREFIXES = [4, 5]

/** Longer words are data, such as base64, and nobody asks for them. */
const MAX_WORD = 64

const CJK = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}`
const RUNS = new RegExp(
  String.raw`(?<cjk>[${CJK}]+)|(?<word>(?:(?![${CJK}])[\p{L}\p{N}\p{M}])+)(?<joint>-(?=[\p{L}\p{N}]))?`,
  'gu',
)

/** Finds one CJK character. */
export const HAS_CJK = new RegExp(`[${CJK}]`, 'u')
const CHARACTER = new RegExp(`^[${CJK}]`, 'u')

/** Whether a term is made of CJK characters and not a word. */
export function isCharacters(term: string): boolean {
  return CHARACTER.test(term)
}

/**
 * The terms of a text and how much each counts: words folded to a stem and, at a small weight, their first letters behind
 * `^`; bigrams of CJK characters and, at half of their weight, the single ones. Never throws; the work grows with the text's length alone.
 */
export function termsOf(text: string): Map<string, number> {
  const terms = new Map<string, number>()
  const add = (term: string, weight: number) => terms.set(term, (terms.get(term) ?? 0) + weight)
  let compound = ''
  for (const { groups = {} } of text.normalize('NFKC').toLowerCase().matchAll(RUNS)) {
    if (groups.cjk !== undefined) {
      compound = ''
      for (const part of groups.cjk.split(STOP_PHRASES)) addCharacters([...part], add)
      continue
    }
    const word = groups.word ?? ''
    if (word.length > MAX_WORD) continue
    if (!STOP_WORDS.has(word)) addWord(word, add)
    // "Wi-Fi" is also found as "wifi".
    if (groups.joint !== undefined) compound = (compound + word).slice(0, MAX_WORD)
    else {
      if (compound !== '') addWord(compound + word, add)
      compound = ''
    }
  }
  return terms
}

function addWord(word: string, add: (term: string, weight: number) => void): void {
  const stemmed = stem(word)
  add(stemmed, 1)
  if (!/^[a-z]+$/.test(stemmed)) return
  for (const length of PREFIXES) {
    if (stemmed.length > length) add(`^${stemmed.slice(0, length)}`, PREFIX_WEIGHT)
  }
}

function addCharacters(characters: readonly string[], add: (term: string, weight: number) => void): void {
  const [only] = characters
  if (characters.length === 1 && only !== undefined) {
    add(only, 1)
    return
  }
  for (const [at, character] of characters.entries()) {
    add(character, CHARACTER_WEIGHT)
    const next = characters[at + 1]
    if (next !== undefined) add(character + next, 1)
  }
}

const SIBILANT = /(?:[sxz]|ch|sh|o)es$/
const DOUBLED = /([bdfgmnprt])\1$/

/** Folds plurals, -ed, -ing and a final e of an English word; anything else stays as it is. */
export function stem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word
  let out = word
  if (out.endsWith('ies')) out = `${out.slice(0, -3)}y`
  else if (SIBILANT.test(out)) out = out.slice(0, -2)
  else if (/[^siu]s$/.test(out)) out = out.slice(0, -1)
  const bare = out.replace(/(?:ing|ed)$/, '')
  if (bare !== out && bare.length >= 3 && /[aeiouy]/.test(bare)) out = bare.replace(DOUBLED, '$1')
  if (out.length > 3 && out.endsWith('e')) out = out.slice(0, -1)
  return out.length > 3 && out.endsWith('y') ? `${out.slice(0, -1)}i` : out
}
