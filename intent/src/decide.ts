import { type Confidence, evidenceFor, PLAIN_CONFIDENCE, scoreOf } from './confidence.js'
import type { FeaturizerConfig } from './featurizer.js'
import { exactKey, normalise } from './normalise.js'
import type { Threshold, Thresholds } from './thresholds.js'

/** The label of everything that is out of scope; always the last one of a model. */
export const OOS = 'oos'

export interface ScoredIntent {
  readonly intent: string
  /** How sure, 0..1; see `Confidence`. */
  readonly score: number
}

/**
 * What a model makes of one text. `intent` is the best intent in scope if its score reaches `askBack`, else `oos`.
 * `score` says how sure `intent` is; for `oos` how unsure the best intent in scope.
 * Look at `intent` first: an `oos` with a high score is still out of scope.
 */
export interface Decision {
  readonly intent: string
  readonly score: number
  /** `exact`: the text is one of the examples; `model`: the network said so. */
  readonly match: 'exact' | 'model'
  /** Up to three intents in scope, best first, whatever their score. */
  readonly top: readonly ScoredIntent[]
  readonly accept: number
  readonly askBack: number
}

/** What decides beside the network; a trained model has it, and so has the card of a bundle. */
export interface DecisionTable {
  readonly labels: readonly string[]
  /** Label index by `exactKey`. */
  readonly exact: ReadonlyMap<string, number>
  readonly maxChars: number
  readonly confidence: Confidence
}

export interface DecisionSource {
  readonly labels: readonly string[]
  readonly thresholds: Thresholds
  /** For every label the keys of texts that are always its own. */
  readonly exact: readonly (readonly string[])[]
  readonly featurizer: FeaturizerConfig
  /** Default: scores are probabilities. */
  readonly confidence?: Confidence
}

const TOP = 3

export function decisionTable(
  source: Pick<DecisionSource, 'labels' | 'exact' | 'confidence'> & {
    readonly featurizer: { readonly maxChars: number }
  },
): DecisionTable {
  const exact = new Map<string, number>()
  for (const [label, keys] of source.exact.entries()) for (const key of keys) exact.set(key, label)
  const { labels, featurizer, confidence = PLAIN_CONFIDENCE } = source
  return { labels, exact, maxChars: featurizer.maxChars, confidence }
}

/** The decision of the exact-match table, or undefined if the text is no example. */
export function decideExact(table: DecisionTable, text: string, threshold: Threshold): Decision | undefined {
  if (text.length > table.maxChars) return undefined
  const key = exactKey(normalise(text))
  const intent = key === undefined ? undefined : table.labels[table.exact.get(key) ?? -1]
  if (intent === undefined) return undefined
  const { accept, askBack } = threshold
  return {
    intent,
    score: 1,
    match: 'exact',
    top: intent === OOS ? [] : [{ intent, score: 1 }],
    accept,
    askBack,
  }
}

/** The decision for a text without a single word or symbol. */
export function decideEmpty({ accept, askBack }: Threshold): Decision {
  return { intent: OOS, score: 1, match: 'model', top: [], accept, askBack }
}

/** The decision from the probabilities of `table.labels`, in their order. */
export function decide(
  { labels, confidence }: DecisionTable,
  probabilities: Float32Array,
  { accept, askBack }: Threshold,
): Decision {
  const top: ScoredIntent[] = bestInScope(probabilities).map((label) => ({
    intent: labels[label] ?? OOS,
    score: scoreOf(confidence, evidenceFor(label, probabilities)),
  }))
  const best = top[0]
  if (best && best.score >= askBack) return { ...best, match: 'model', top, accept, askBack }
  return { intent: OOS, score: 1 - (best?.score || 0), match: 'model', top, accept, askBack }
}

/** Up to three labels before the last one, which is out-of-scope: the most probable first. */
function bestInScope(probabilities: Float32Array): number[] {
  const best: number[] = []
  for (let label = 0; label < probabilities.length - 1; label++) {
    let place = best.length
    while (
      place > 0 &&
      (probabilities[label] as number) > (probabilities[best[place - 1] as number] as number)
    )
      place--
    if (place < TOP) best.splice(place, 0, label)
    if (best.length > TOP) best.pop()
  }
  return best
}
