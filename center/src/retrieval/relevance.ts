import type { RankedPassage } from './passage-index.js'
import { isCharacters, termsOf } from './terms.js'

/**
 * How much of a question a passage has to match and hold to be told from one that shares words with it by chance: more with
 * every doubling of the passages. Fitted to keep about 96 % of answerable questions among 240 passages and more among few;
 * Chinese scores lower because the bigrams across two words are never found.
 */
export const FLOOR = {
  words: { base: 0.4, perLog: 0.1, most: 0.98 },
  characters: { base: 0.37, perLog: 0.09, most: 0.88 },
} as const

/** The floor is this much lower for a passage whose own heading stands in the question. */
const NAMED = 0.5

/** Whether the passage that is the best for these terms, among so many, has anything to do with them. */
export function isRelevant(
  query: ReadonlyMap<string, number>,
  best: RankedPassage,
  passages: number,
): boolean {
  const { passage, covered } = best
  const heading = [...termsOf(passage.heading.split(' › ').at(-1) || passage.title).keys()]
  const named = heading.length > 0 && heading.every((term) => query.has(term))
  return passage.score + covered >= floorOf(query, passages) * (named ? NAMED : 1)
}

function floorOf(query: ReadonlyMap<string, number>, passages: number): number {
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
