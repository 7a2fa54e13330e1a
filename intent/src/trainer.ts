import { foreignBackground, namesOf, withCarriers } from './augment.js'
import { chooseBlend, type HeldOutScores } from './blend.js'
import { foldCount, type HeldOutText, heldOutRows, metricsOf, rate } from './calibrate.js'
import { type Corpus, prepareCorpus } from './corpus.js'
import type { LabelledText } from './evaluator.js'
import { createFeaturizer, DEFAULT_FEATURIZER, type Featurizer } from './featurizer.js'
import { assemble, linearScoresOf, type TrainedModel, votesOf } from './model.js'
import { seededRandom } from './random.js'
import { jobsOf, recipeFor, type TrainingProfile } from './recipe.js'
import { type Sample, textSet } from './text-set.js'
import { chooseThresholds, DEFAULT_OPERATING_POINT } from './thresholds.js'
import { type JobResult, runJobs } from './training-jobs.js'

export interface TrainingProgress {
  /** Without validation texts, models that do not see all examples are calibrated first; then the model is trained on all. */
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
  /** Texts for calibration and the choice between heads; without them some of the examples are held out for it. */
  readonly validation?: readonly LabelledText[]
  /** More texts out of scope, for training. */
  readonly negatives?: readonly string[]
  /** Default `best`. */
  readonly profile?: TrainingProfile
  /** Threads that train beside each other; default 1, this one. */
  readonly threads?: number
}

export interface TrainingOptions extends TrainingInput {
  readonly signal: AbortSignal
  readonly onProgress?: (progress: TrainingProgress) => void
}

/** So many examples an intent, on average, are few. */
const FEW_EXAMPLES = 10
// One network rates what it has not seen much as four do, in a quarter of the time.
const MEMBERS_FOR_CALIBRATION = 1

/**
 * Trains, calibrates and quantises. Gives the event loop a turn every few milliseconds; `trainInWorker` leaves it
 * free. Throws `tenant_invalid` if there is no intent to train, and the signal's reason when aborted.
 */
export async function trainIntentModel(options: TrainingOptions): Promise<TrainedModel> {
  const { signal, seed = 1, languages = [], profile = 'best' } = options
  signal.throwIfAborted()
  const corpus = prepareCorpus(options.examples, languages, DEFAULT_FEATURIZER.maxChars)
  const classes = corpus.labels.length
  const samples = [...corpus.examples, ...outOfScope(corpus, options.negatives ?? [])]
  const recipe = recipeFor(samples, classes, profile, seed)
  const featurizer = createFeaturizer(recipe.featurizer)
  // Where an intent has examples enough, its name says nothing more, and near misses come nearer by it.
  const isFew = corpus.examples.length <= FEW_EXAMPLES * (classes - 1)
  const names = (part: readonly Sample[]) => (isFew ? namesOf(part, corpus.labels) : [])
  const train = (
    part: readonly Sample[],
    salt: number,
    members: number,
    onProgress: (done: number) => void,
  ) =>
    runJobs(
      textSet([...withCarriers(part, seededRandom(seed + salt)), ...names(part)], featurizer),
      jobsOf(recipe, classes, seed + salt, members),
      { signal, threads: options.threads ?? 1, onProgress },
    )
  const trainAll = () =>
    train(samples, 1, recipe.featurizer.members, (done) => options.onProgress?.({ phase: 'training', done }))

  const validation = labelled(options.validation ?? [], corpus)
  let parts: JobResult[]
  let heldOut: HeldOutText[]
  if (validation.known.length > 0) {
    parts = await trainAll()
    const score = scorerOf(parts, featurizer)
    heldOut = validation.known.map(({ text, label }) => ({ ...score(text), text, label, foreign: false }))
  } else {
    const folds = foldCount(samples.length)
    heldOut = await heldOutRows(samples, classes - 1, seededRandom(seed), async (part, fold) => {
      const ofFold = await train(part, fold + 2, MEMBERS_FOR_CALIBRATION, (done) =>
        options.onProgress?.({ phase: 'calibrating', done: (fold + done) / folds }),
      )
      return scorerOf(ofFold, featurizer)
    })
    parts = await trainAll()
  }
  const blend = chooseBlend(heldOut)
  const { confidence, rated, judged } = rate(heldOut, blend, corpus.labels)
  const thresholds = chooseThresholds(rated, validation.known.length > 0 ? 'validation' : 'examples')
  return {
    labels: corpus.labels,
    languages,
    featurizer: featurizer.config,
    network: assemble(...partsOf(parts), blend),
    confidence,
    thresholds,
    exact: corpus.exact,
    judged,
    metrics: metricsOf(corpus.examples.length, rated, thresholds[DEFAULT_OPERATING_POINT]),
    dataDigest: corpus.digest,
    warnings: [...corpus.warnings, ...validation.warnings],
  }
}

/** The project's own background sentences that are not near any example, and the caller's negatives. */
function outOfScope({ examples, labels }: Corpus, negatives: readonly string[]): Sample[] {
  const background = foreignBackground(examples, createFeaturizer(DEFAULT_FEATURIZER))
  return [...background, ...negatives].map((text) => ({ text, label: labels.length - 1 }))
}

/** Validation texts with the index of their label; those of intents without an example can be nobody's. */
function labelled(rows: readonly LabelledText[], { labels }: Corpus) {
  const indexOf = new Map(labels.map((label, index) => [label, index]))
  const known: Sample[] = []
  const unknown = new Set<string>()
  for (const { text, intent } of rows) {
    const label = indexOf.get(intent)
    if (label === undefined) unknown.add(intent)
    else known.push({ text, label })
  }
  const warnings = [...unknown].map((intent) => `${intent}: texts for validation, and none for training`)
  return { known, warnings }
}

function partsOf(parts: readonly JobResult[]) {
  const members = parts.flatMap((part) => (part.kind === 'member' ? [part.weights] : []))
  const linear = parts.find((part) => part.kind === 'linear')
  return [members, linear?.weights] as const
}

function scorerOf(parts: readonly JobResult[], featurizer: Featurizer) {
  const [members, linear] = partsOf(parts)
  const votes = assemble(members, undefined, { linear: 0, temperature: 1 })
  const machines = assemble(members, linear, { linear: 1, temperature: 1 })
  return (text: string): Pick<HeldOutScores, 'votes' | 'linear'> => {
    const features = featurizer.featurize(text)
    const scores = linearScoresOf(machines, features)
    if (scores && linear)
      for (let c = 0; c < scores.length; c++) scores[c] = (scores[c] as number) + (linear.bias[c] as number)
    return { votes: votesOf(votes, features), linear: scores }
  }
}
