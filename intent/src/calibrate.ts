import { blendedProbabilities, type HeldOutScores } from './blend.js'
import { type Confidence, evidenceFor, fitConfidence, scoreOf } from './confidence.js'
import type { Blend, HeldOutJudgement, TrainingMetrics } from './model.js'
import { type Random, shuffle } from './random.js'
import type { Sample } from './text-set.js'
import type { HeldOutRow, Threshold } from './thresholds.js'

/** Scores of the labels for a text, from networks trained on some of the samples. */
export type Scorer = (text: string) => Pick<HeldOutScores, 'votes' | 'linear'>

/** The same with the text that it is of. */
export interface HeldOutText extends HeldOutScores {
  readonly text: string
}

const FOLDS = 5
// A tenant's own set has no more texts, background included; with two folds its thresholds would hang on the seed.
const TENANTS_OWN = 2500
// From this many intents on, some are left out whole: their texts are what nearby questions out of scope look like.
const INTENTS_TO_LEAVE_OUT = 4

/** How many folds are worth their time: a large set is calibrated well by one. */
export function foldCount(samples: number): number {
  return samples > 5000 ? 1 : samples > TENANTS_OWN ? 2 : FOLDS
}

/** Trains on parts and scores what each part left out. `oos` is the index of the label out of scope, the last one. */
export async function heldOutRows(
  samples: readonly Sample[],
  oos: number,
  random: Random,
  train: (samples: readonly Sample[], fold: number) => Promise<Scorer>,
): Promise<HeldOutText[]> {
  const folds = assignFolds(samples, random)
  const intents = shuffle(
    Array.from({ length: oos }, (_, index) => index),
    random,
  )
  const foldOfIntent = new Map(intents.map((intent, index) => [intent, index % FOLDS]))
  const rows: HeldOutText[] = []
  for (let fold = 0; fold < foldCount(samples.length); fold++) {
    const isForeign = ({ label }: Sample) =>
      oos >= INTENTS_TO_LEAVE_OUT && label !== oos && foldOfIntent.get(label) === fold
    const kept = samples.filter((sample, index) => folds[index] !== fold && !isForeign(sample))
    const trained = new Set(kept.map((sample) => sample.label))
    const score = await train(kept, fold)
    for (const [index, sample] of samples.entries()) {
      const foreign = isForeign(sample)
      if (folds[index] !== fold && !foreign) continue
      // The only example of an intent was held out: the model cannot know it, which says nothing.
      if (!foreign && !trained.has(sample.label)) continue
      rows.push({ ...score(sample.text), text: sample.text, label: sample.label, foreign })
    }
  }
  return rows
}

/** How sure a blend's best intents are, fitted to the texts, and what a threshold would have to decide on then. */
export function rate(
  rows: readonly HeldOutText[],
  blend: Blend,
  labels: readonly string[],
): { confidence: Confidence; rated: HeldOutRow[]; judged: HeldOutJudgement[] } {
  const best = rows.map((row) => {
    const probabilities = blendedProbabilities(row, blend)
    const oos = probabilities.length - 1
    let label = 0
    for (let i = 1; i < oos; i++) if ((probabilities[i] ?? 0) > (probabilities[label] ?? 0)) label = i
    const kind = row.foreign
      ? 'foreign'
      : row.label === oos
        ? 'background'
        : label === row.label
          ? 'right'
          : 'wrong'
    return { evidence: evidenceFor(label, probabilities), kind, label } as const
  })
  const confidence = fitConfidence(
    best.map(({ evidence, kind }) => ({
      evidence,
      right: kind === 'right',
      outside: kind === 'foreign' || kind === 'background',
    })),
  )
  const judged = best.flatMap(({ evidence, kind, label }, i) => {
    const row = rows[i]
    if (!row || (kind !== 'right' && kind !== 'wrong')) return []
    const [intent = '', named = ''] = [labels[row.label], labels[label]]
    return [{ text: row.text, intent, best: named, score: scoreOf(confidence, evidence) }]
  })
  return {
    confidence,
    rated: best.map(({ evidence, kind }) => ({ score: scoreOf(confidence, evidence), kind })),
    judged,
  }
}

/** A fold for every sample, so that every label is spread evenly. */
function assignFolds(samples: readonly Sample[], random: Random): number[] {
  const order = shuffle(
    samples.map((_, index) => index),
    random,
  )
  const next = new Map<number, number>()
  const folds: number[] = samples.map(() => 0)
  for (const index of order) {
    const label = samples[index]?.label ?? 0
    // Each label starts at another fold, or fold 0 would hold out every single-example intent.
    const fold = next.get(label) ?? label % FOLDS
    folds[index] = fold
    next.set(label, (fold + 1) % FOLDS)
  }
  return folds
}

/** What the held-out rows say about a threshold. */
export function metricsOf(
  examples: number,
  rows: readonly HeldOutRow[],
  { accept }: Threshold,
): TrainingMetrics {
  const right = rows.filter((row) => row.kind === 'right')
  const wrong = rows.filter((row) => row.kind === 'wrong')
  const outside = rows.filter((row) => row.kind === 'background' || row.kind === 'foreign')
  const heldOut = right.length + wrong.length
  const figure = (count: number, of: number) => Math.round((count / of) * 10_000) / 10_000
  return {
    examples,
    heldOut,
    ...(heldOut > 0 && {
      closedAccuracy: figure(right.length, heldOut),
      answered: figure(right.filter((row) => row.score >= accept).length, heldOut),
    }),
    ...(outside.length > 0 && {
      oosRecall: figure(outside.filter((row) => row.score < accept).length, outside.length),
    }),
  }
}
