import { performance } from 'node:perf_hooks'
import { OOS } from './decide.js'
import type { LabelledText } from './evaluator.js'
import type { IntentModel } from './intent-model.js'
import type { OperatingPoint } from './thresholds.js'

/** Shares in 0..1 and times in microseconds; null where no row counts. */
export interface MeasuredFigures {
  /** Rows. */
  readonly n: number
  /** In-scope rows whose best intent is the right one, whatever its score. */
  readonly accuracyClosed: number | null
  /** In-scope rows that are answered, and rightly, at the operating point. */
  readonly inScopeAccuracy: number | null
  /** Rows out of scope that are not answered. */
  readonly oosRecall: number | null
  /** Chance that a row in scope scores above one out of scope. */
  readonly auroc: number | null
  /** From text to decision, one text at a time. */
  readonly p50Us: number | null
  readonly p99Us: number | null
}

export interface Measured {
  readonly figures: MeasuredFigures
  /** Of every row, in microseconds, ascending. */
  readonly times: Float64Array
}

const WARM_UP = 200
const REPORT_EVERY = 500

/** Classifies every row by itself, and counts and times it. */
export async function measure(
  model: IntentModel,
  rows: readonly LabelledText[],
  point: OperatingPoint,
  onProgress: (done: number) => void,
): Promise<Measured> {
  for (const { text } of rows.slice(0, WARM_UP)) await model.classify(text, point)
  const times = new Float64Array(rows.length)
  const inside: number[] = []
  const outside: number[] = []
  let closed = 0
  let answered = 0
  let refused = 0
  for (const [at, { text, intent }] of rows.entries()) {
    const from = performance.now()
    const { top, accept, intent: given, score } = await model.classify(text, point)
    times[at] = (performance.now() - from) * 1000
    const best = top[0]
    const isAnswered = given !== OOS && score >= accept
    if (intent === OOS) {
      outside.push(best?.score ?? 0)
      if (!isAnswered) refused++
    } else {
      inside.push(best?.score ?? 0)
      if (best?.intent === intent) closed++
      if (isAnswered && given === intent) answered++
    }
    if (at % REPORT_EVERY === 0) onProgress(at)
  }
  times.sort()
  return {
    figures: {
      n: rows.length,
      accuracyClosed: share(closed, inside.length),
      inScopeAccuracy: share(answered, inside.length),
      oosRecall: share(refused, outside.length),
      auroc: areaUnderCurve(inside, outside),
      p50Us: percentile(times, 0.5),
      p99Us: percentile(times, 0.99),
    },
    times,
  }
}

/** Chance that a value of `above` is greater than one of `below`; a tie counts half. Null if either is empty. */
export function areaUnderCurve(above: readonly number[], below: readonly number[]): number | null {
  if (above.length === 0 || below.length === 0) return null
  const all = [
    ...above.map((value) => ({ value, above: true })),
    ...below.map((value) => ({ value, above: false })),
  ].sort((a, b) => a.value - b.value)
  let wins = 0
  let under = 0
  for (let at = 0; at < all.length; ) {
    let ties = 0
    let tiedBelow = 0
    const value = all[at]?.value
    for (; all[at]?.value === value && at < all.length; at++) {
      if (all[at]?.above) ties++
      else tiedBelow++
    }
    wins += ties * (under + tiedBelow / 2)
    under += tiedBelow
  }
  return round(wins / above.length / below.length)
}

function percentile(sorted: Float64Array, part: number): number | null {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
  return value === undefined ? null : Math.round(value * 10) / 10
}

function share(count: number, of: number): number | null {
  return of === 0 ? null : round(count / of)
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
