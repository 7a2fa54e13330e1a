import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { foreignBackground, type Sample, trainingSet } from './augment.js'
import { type BagExample, type BagSettings, type BagWeights, bagProbabilities, trainBag } from './bag.js'
import { foldCount, heldOutRows, metricsOf } from './calibrate.js'
import { prepareCorpus } from './corpus.js'
import type { LabelledText } from './evaluator.js'
import { createFeaturizer, DEFAULT_FEATURIZER, type Featurizer } from './featurizer.js'
import { quantise, type TrainedModel } from './model.js'
import { seededRandom } from './random.js'
import { chooseThresholds, DEFAULT_OPERATING_POINT } from './thresholds.js'

export interface TrainingProgress {
  /** First thresholds are calibrated on models that do not see all examples, then the model is trained on all. */
  readonly phase: 'calibrating' | 'training'
  /** 0..1 of the phase. */
  readonly done: number
}

export interface TrainingInput {
  /** In any order; the intent `oos` is for texts that must not be answered. */
  readonly examples: readonly LabelledText[]
  /** Languages in which every intent should have examples; only for warnings. */
  readonly languages?: readonly string[]
  /** The same seed and examples give the same model on the same kind of machine; default 1. */
  readonly seed?: number
}

export interface TrainingOptions extends TrainingInput {
  readonly signal: AbortSignal
  readonly onProgress?: (progress: TrainingProgress) => void
}

/**
 * Trains, calibrates and quantises. Gives the event loop a turn every few milliseconds; `trainInWorker` leaves it
 * free. Throws `tenant_invalid` if there is no intent to train, and the signal's reason when aborted.
 */
export async function trainIntentModel(options: TrainingOptions): Promise<TrainedModel> {
  const { signal, seed = 1, languages = [] } = options
  signal.throwIfAborted()
  const corpus = prepareCorpus(options.examples, languages, DEFAULT_FEATURIZER.maxChars)
  const oos = corpus.labels.length - 1
  const samples: readonly Sample[] = [
    ...corpus.examples,
    ...foreignBackground(corpus.examples, createFeaturizer(DEFAULT_FEATURIZER)).map((text) => ({
      text,
      label: oos,
    })),
  ]
  const featurizer = createFeaturizer({ ...DEFAULT_FEATURIZER, buckets: bucketsFor(samples) })
  const train = async (part: readonly Sample[], salt: number, report: (done: number) => void) => {
    const random = seededRandom(seed + salt)
    const set = trainingSet(part, featurizer, random)
    return trainBag(set, settingsFor(set, corpus.labels.length, featurizer), random, paced(signal, report))
  }

  const folds = foldCount(samples.length)
  const rows = await heldOutRows(samples, oos, seededRandom(seed), async (part, fold) => {
    const weights = await train(part, fold + 2, (done) =>
      options.onProgress?.({ phase: 'calibrating', done: (fold + done) / folds }),
    )
    return (text) => bagProbabilities(weights, featurizer.featurize(text))
  })
  const thresholds = chooseThresholds(rows)
  const weights: BagWeights = await train(samples, 1, (done) =>
    options.onProgress?.({ phase: 'training', done }),
  )
  return {
    labels: corpus.labels,
    languages,
    featurizer: featurizer.config,
    network: quantise(weights),
    thresholds,
    exact: corpus.exact,
    metrics: metricsOf(corpus.examples.length, rows, thresholds[DEFAULT_OPERATING_POINT]),
    dataDigest: corpus.digest,
    warnings: corpus.warnings,
  }
}

const MIN_BUCKETS = 16_384
const MAX_BUCKETS = 65_536
// Unknown n-grams should mostly meet empty rows, or they vote for somebody.
const BUCKETS_PER_FEATURE = 2

/** A power of two that keeps collisions rare and a model of 64 dimensions under 5 MB. */
function bucketsFor(samples: readonly Sample[]): number {
  const wide = createFeaturizer({ ...DEFAULT_FEATURIZER, buckets: 4 * MAX_BUCKETS })
  const seen = new Set<number>()
  for (const { text } of samples) for (const id of wide.featurize(text).ids) seen.add(id)
  let buckets = MIN_BUCKETS
  while (buckets < MAX_BUCKETS && buckets < seen.size * BUCKETS_PER_FEATURE) buckets *= 2
  return buckets
}

// Found on the validation data of four sets and on small tenants drawn from them.
const STEPS = 100_000
const LARGE_SET = 3000
const MANY_INTENTS = 32
// A text of unknown words gives no intent more than one share of so many.
const UNKNOWN_SHARES = 10

function settingsFor(set: readonly BagExample[], classes: number, featurizer: Featurizer): BagSettings {
  return {
    buckets: featurizer.config.buckets,
    dim: classes > MANY_INTENTS ? 64 : 32,
    classes,
    epochs: Math.min(20, Math.max(10, Math.round(STEPS / set.length))),
    learningRate: set.length > LARGE_SET ? 0.1 : 0.05,
    dropout: 0.5,
    smoothing: 0.1,
    // With few intents, a text of unknown words would otherwise get each of them with a fair share.
    lastBias: Math.log(Math.max(1, UNKNOWN_SHARES + 1 - classes)),
  }
}

const SLICE_MS = 10
const EXAMPLES_PER_LOOK = 32

/** What trainBag calls after every example: now and then lets others run, reports, and throws when aborted. */
function paced(signal: AbortSignal, report: (done: number) => void) {
  let since = performance.now()
  return (done: number, total: number): Promise<void> | undefined => {
    if (done % EXAMPLES_PER_LOOK !== 0 && done !== total) return undefined
    if (performance.now() - since < SLICE_MS && done !== total) return undefined
    return (async () => {
      report(done / total)
      await nextTurn()
      signal.throwIfAborted()
      since = performance.now()
    })()
  }
}
