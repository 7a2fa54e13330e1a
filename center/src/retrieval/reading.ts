import type { Passage } from '../inference/port.js'
import type { QuestionWord } from './question.js'
import { sentencesOf } from './sentences.js'
import { termsOf } from './terms.js'

/** Where a term stands in a passage. */
interface Where {
  /** Numbers of the sentences, from 0. */
  readonly sentences: readonly number[]
  readonly inHeading: boolean
}

/** A passage whose terms are at hand. */
export interface Reading {
  readonly sentences: number
  readonly terms: ReadonlyMap<string, Where>
}

/** Goes through title, headings and sentences of a passage. */
export function readingOf({ title, heading, text }: Omit<Passage, 'score'>): Reading {
  const inHeading = termsOf(`${title}\n${heading}`)
  const sentences = sentencesOf(text)
  const numbers = new Map<string, number[]>([...inHeading.keys()].map((term) => [term, []]))
  for (const [number, sentence] of sentences.entries()) {
    for (const term of termsOf(sentence).keys()) {
      const known = numbers.get(term)
      if (known) known.push(number)
      else numbers.set(term, [number])
    }
  }
  const terms = [...numbers].map(
    ([term, at]) => [term, { sentences: at, inHeading: inHeading.has(term) }] as const,
  )
  return { sentences: sentences.length, terms: new Map(terms) }
}

/** The words of a question, and what all of them weigh. */
export interface AskedWords {
  readonly whole: number
  /** Those of which something occurs among the passages; of each place the one that holds most of it first. */
  readonly words: readonly QuestionWord[]
}

/** Weighs each word by the most telling of its terms. `idf`: how telling a term is; `has`: whether it occurs anywhere. */
export function weighWords(
  words: readonly QuestionWord[],
  idf: (term: string) => number,
  has: (term: string) => boolean,
): AskedWords {
  let whole = 0
  const found: QuestionWord[] = []
  for (const word of words) {
    const telling = Math.max(...word.places.flat().map(({ term, share }) => share * idf(term)))
    const weight = word.weight * telling
    whole += weight
    const places = word.places.map((holders) =>
      holders.filter(({ term }) => has(term)).sort((a, b) => b.share - a.share),
    )
    if (places.some(({ length }) => length > 0)) found.push({ weight, places })
  }
  return { whole, words: found }
}

const NOWHERE: readonly number[] = []

/** Share of what is asked in the sentence that holds most of it, 0 to 1. */
export function sentenceShare({ whole, words }: AskedWords, { terms, sentences }: Reading): number {
  if (whole === 0) return 0
  const held = new Array<number>(sentences).fill(0)
  /** The last place that each sentence was found to hold: of several holders the first counts. */
  const lastHeld = new Array<number>(sentences).fill(-1)
  let place = 0
  for (const { weight, places } of words) {
    for (const holders of places) {
      for (const { term, share } of holders) {
        for (const at of terms.get(term)?.sentences ?? NOWHERE) {
          if (lastHeld[at] === place) continue
          lastHeld[at] = place
          held[at] = (held[at] ?? 0) + (share * weight) / places.length
        }
      }
      place += 1
    }
  }
  return Math.max(0, ...held) / whole
}
