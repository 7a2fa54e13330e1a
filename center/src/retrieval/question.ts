import { CHARACTER_WEIGHT, HAS_CJK, isCharacters, termsOf } from './terms.js'

/** A question as it is searched for. */
export interface Question {
  /** How much each of its terms counts, by term. */
  readonly terms: ReadonlyMap<string, number>
  /** Its words, each once; those of letters first. */
  readonly words: readonly QuestionWord[]
}

/**
 * A word of a dictionary, characters side by side that are none (a name), or a term of letters. As terms a name of four
 * characters is three bigrams and counts three times what a word of two does, however little more it says; as a word it counts once.
 */
export interface QuestionWord {
  /** How much it counts. */
  readonly weight: number
  /** Each character of it, or all of a term of letters: the terms that hold this place, and how much of it, 0 to 1. */
  readonly places: readonly (readonly Holder[])[]
}

export interface Holder {
  readonly term: string
  readonly share: number
}

const WORDS = new Intl.Segmenter('zh', { granularity: 'word' })
/** What a bigram counts that stands across two words: chance put them side by side. */
const ACROSS_WEIGHT = 0.5
/** What a term of letters or digits counts beside characters: as much as the bigram and the two characters of a short word. */
export const LETTERS_WEIGHT = 1 + 2 * CHARACTER_WEIGHT

/**
 * Its terms as `termsOf` gives them; where there are characters, with more weight on terms of letters and less on bigrams
 * that stand across the words of a dictionary.
 */
export function questionOf(text: string): Question {
  const terms = termsOf(text)
  const letters = [...terms].filter(([term]) => !isCharacters(term))
  const words = letters.map(([term, weight]) => ({ weight, places: [[{ term, share: 1 }]] }))
  const plain = text.normalize('NFKC').toLowerCase()
  if (!HAS_CJK.test(plain)) return { terms, words }
  for (const [term, weight] of letters) terms.set(term, weight * LETTERS_WEIGHT)
  const segments = [...WORDS.segment(plain)].map(({ segment }) => [...segment])
  const named = withNames(segments, terms)
  lessenAcross(segments, terms)
  return { terms, words: [...words, ...wordsOf(named, terms)] }
}

/** Single characters side by side are one: what the dictionary lacks is most often a name. */
function withNames(
  segments: readonly (readonly string[])[],
  terms: ReadonlyMap<string, number>,
): (readonly string[])[] {
  const words: string[][] = []
  let single = false
  for (const characters of segments) {
    const last = words.at(-1)
    const [only = ''] = characters
    const joins = single && characters.length === 1 && terms.has(`${last?.at(-1) ?? ''}${only}`)
    if (joins) last?.push(only)
    else words.push([...characters])
    single = characters.length === 1 && isCharacters(only)
  }
  return words
}

function lessenAcross(segments: readonly (readonly string[])[], terms: Map<string, number>): void {
  const inside = new Set<string>()
  const across = new Set<string>()
  let before = ''
  for (const characters of segments) {
    for (const [at, character] of characters.entries()) inside.add(character + (characters[at + 1] ?? ''))
    across.add(before + (characters[0] ?? ''))
    before = characters.at(-1) ?? ''
  }
  for (const bigram of across) {
    const weight = terms.get(bigram)
    if (weight !== undefined && isCharacters(bigram) && !inside.has(bigram)) {
      terms.set(bigram, weight * ACROSS_WEIGHT)
    }
  }
}

/** Each weighs as often as it occurs, as terms do. What is of letters, or of function words alone, is left out. */
function wordsOf(
  segments: readonly (readonly string[])[],
  terms: ReadonlyMap<string, number>,
): QuestionWord[] {
  const words = new Map<string, QuestionWord>()
  for (const characters of segments) {
    if (!characters.every(isCharacters)) continue
    const name = characters.join('')
    const known = words.get(name)
    const places = known?.places ?? placesOf(characters, terms)
    if (places.length > 0) words.set(name, { weight: (known?.weight ?? 0) + 1, places })
  }
  return [...words.values()]
}

function placesOf(characters: readonly string[], terms: ReadonlyMap<string, number>): Holder[][] {
  const alone = characters.length === 1 ? 1 : CHARACTER_WEIGHT
  const places = characters.map((character, at) => {
    const bigrams = new Set([
      `${characters[at - 1] ?? ''}${character}`,
      `${character}${characters[at + 1] ?? ''}`,
    ])
    bigrams.delete(character)
    const holders = [{ term: character, share: alone }, ...[...bigrams].map((term) => ({ term, share: 1 }))]
    return holders.filter(({ term }) => terms.has(term))
  })
  return places.filter(({ length }) => length > 0)
}
