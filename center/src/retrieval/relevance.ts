import type { Passage } from '../inference/port.js'
import { isCharacters, termsOf } from './terms.js'

/**
 * How a question that has nothing to do with the documents scores by chance: a little more with every doubling of the
 * passages. Fitted to keep about 98 % of answerable questions from 5 to 300 passages; Chinese scores lower because
 * the bigrams across two words are never found.
 */
export const FLOOR = {
  words: { base: 0.15, perLog: 0.06, most: 0.6 },
  characters: { base: 0.15, perLog: 0.042, most: 0.45 },
} as const

/** The floor is this much lower for a passage whose own heading stands in the question. */
const NAMED = 0.5

/** Whether a passage that is the best for these terms, among so many, has anything to do with them. */
export function isRelevant(query: ReadonlyMap<string, number>, best: Passage, passages: number): boolean {
  const heading = [...termsOf(best.heading.split(' › ').at(-1) || best.title).keys()]
  const named = heading.length > 0 && heading.every((term) => query.has(term))
  return best.score >= relevanceFloor(query, passages) * (named ? NAMED : 1)
}

function relevanceFloor(query: ReadonlyMap<string, number>, passages: number): number {
  let whole = 0
  let characters = 0
  for (const [term, weight] of query) {
    whole += weight
    if (isCharacters(term)) characters += weight
  }
  const share = whole === 0 ? 0 : characters / whole
  return share * floor(FLOOR.characters, passages) + (1 - share) * floor(FLOOR.words, passages)
}

function floor(curve: (typeof FLOOR)[keyof typeof FLOOR], passages: number): number {
  return Math.min(curve.most, curve.base + curve.perLog * Math.log(Math.max(1, passages)))
}
