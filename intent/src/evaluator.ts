import type { Classifier } from './classifier.js'
import { OOS } from './decide.js'
import { DEFAULT_OPERATING_POINT, type OperatingPoint } from './thresholds.js'

export interface LabelledText {
  readonly text: string
  /** An intent, or `oos`. */
  readonly intent: string
}

export interface IntentFigures {
  readonly n: number
  readonly precision: number
  readonly recall: number
}

/** Shares in 0..1; NaN where nothing was counted. A text counts as answered from `accept` on; what is less is out of scope. */
export interface Evaluation {
  /** Rows. */
  readonly n: number
  /** In-scope rows that are answered with the right intent. */
  readonly accuracy: number
  /** In-scope rows whose best intent is the right one, whatever its score. */
  readonly closedAccuracy: number
  /** `oos` rows that are not answered. */
  readonly oosRecall: number
  /** `oos` rows among those not answered. */
  readonly oosPrecision: number
  readonly perIntent: ReadonlyMap<string, IntentFigures>
}

const BATCH = 256

/** Classifies every row and counts, at an operating point (default `balanced`). */
export async function evaluate(
  model: Classifier,
  rows: readonly LabelledText[],
  point: OperatingPoint = DEFAULT_OPERATING_POINT,
): Promise<Evaluation> {
  const counts = new Map<string, { n: number; given: number; right: number }>()
  const of = (intent: string) => {
    const found = counts.get(intent) ?? { n: 0, given: 0, right: 0 }
    counts.set(intent, found)
    return found
  }
  let closed = 0
  for (let start = 0; start < rows.length; start += BATCH) {
    const batch = rows.slice(start, start + BATCH)
    const decisions = await model.classifyAll(
      batch.map((row) => row.text),
      point,
    )
    for (const [i, row] of batch.entries()) {
      const decision = decisions[i]
      const answer =
        decision && decision.intent !== OOS && decision.score >= decision.accept ? decision.intent : OOS
      of(row.intent).n++
      of(answer).given++
      if (answer === row.intent) of(answer).right++
      if (row.intent !== OOS && decision?.top[0]?.intent === row.intent) closed++
    }
  }
  const oos = of(OOS)
  counts.delete(OOS)
  const inScope = [...counts.values()]
  const right = inScope.reduce((sum, count) => sum + count.right, 0)
  const known = inScope.reduce((sum, count) => sum + count.n, 0)
  const perIntent = new Map<string, IntentFigures>()
  for (const [intent, { n, given, right: hits }] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    perIntent.set(intent, { n, precision: hits / given, recall: hits / n })
  }
  return {
    n: rows.length,
    accuracy: right / known,
    closedAccuracy: closed / known,
    oosRecall: oos.right / oos.n,
    oosPrecision: oos.right / oos.given,
    perIntent,
  }
}
