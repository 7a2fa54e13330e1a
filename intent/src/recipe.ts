import { isUnspaced } from './corpus.js'
import { createFeaturizer, DEFAULT_FEATURIZER, type FeaturizerConfig, saltOf } from './featurizer.js'
import type { Sample } from './text-set.js'
import type { TrainingJob } from './training-jobs.js'

/** How much time a training may take: `fast` is one network, `best` as many as 5 MB hold. */
export type TrainingProfile = 'fast' | 'best'

/** What is trained, and how; fixed by the samples and the profile. */
export interface Recipe {
  readonly featurizer: FeaturizerConfig
  readonly dim: number
  readonly epochs: number
  readonly learningRate: number
  readonly inputDropout: number
  readonly hiddenDropout: number
  readonly smoothing: number
  /** Passes of the linear machines over the samples; 0 is none. */
  readonly linearEpochs: number
  readonly lastBias: number
}

/** Sets of up to so many texts, background included, are a tenant's own: one small network, trained in a second or two. */
export const SMALL_SET = 600

// Everything below was found on validation data: four sets in English, three in Chinese, and small tenants.
const SMALL_EPOCHS = 12
const LARGE_STEPS = 300_000
const FAST_STEPS = 150_000
const MAX_MEMBERS = 4
const LARGE_BUCKETS = 16_384
const LARGE_DIM = 64
const MAX_BUNDLE_BYTES = 4_900_000
const BYTES_PER_KEY = 16
const BYTES_PER_SCALE = 4
const LINEAR_EPOCHS = 12
const MIN_EPOCHS = 5
const MAX_EPOCHS = 20
const MAX_SMALL_BUCKETS = 65_536
// Unknown n-grams should mostly meet empty rows, or they vote for somebody.
const BUCKETS_PER_FEATURE = 2
const MOSTLY_UNSPACED = 0.5
// A text of unknown words gives no intent more than one share of so many.
const UNKNOWN_SHARES = 10

export function recipeFor(
  samples: readonly Sample[],
  classes: number,
  profile: TrainingProfile,
  seed: number,
): Recipe {
  const unspaced = samples.filter(({ text }) => isUnspaced(text)).length / samples.length
  const base = { ...DEFAULT_FEATURIZER, salt: seed }
  const common = {
    inputDropout: unspaced > MOSTLY_UNSPACED ? 0.3 : 0.5,
    // With few intents, a text of unknown words would otherwise get each of them with a fair share.
    lastBias: Math.log(Math.max(1, UNKNOWN_SHARES + 1 - classes)),
  }
  if (samples.length <= SMALL_SET) {
    return {
      ...common,
      featurizer: { ...base, buckets: bucketsFor(samples) },
      dim: 32,
      epochs: SMALL_EPOCHS,
      learningRate: 0.05,
      hiddenDropout: 0,
      smoothing: 0.1,
      linearEpochs: 0,
    }
  }
  const members = profile === 'fast' ? 1 : membersFor(samples.length, classes)
  return {
    ...common,
    featurizer: { ...base, members, buckets: LARGE_BUCKETS },
    dim: LARGE_DIM,
    epochs: epochsFor(profile === 'fast' ? FAST_STEPS : LARGE_STEPS, samples.length),
    learningRate: 0.1,
    hiddenDropout: 0.2,
    smoothing: 0,
    linearEpochs: profile === 'best' && linearFits(samples.length, classes, members) ? LINEAR_EPOCHS : 0,
  }
}

/** As many members as a bundle of 5 MB holds beside the keys of the examples, which grow with the set. */
function membersFor(samples: number, classes: number): number {
  const each = LARGE_BUCKETS * (LARGE_DIM + BYTES_PER_SCALE) + classes * LARGE_DIM * BYTES_PER_SCALE
  return Math.min(MAX_MEMBERS, Math.max(1, Math.floor(roomFor(samples) / each)))
}

/** Whether a table for linear machines fits beside the members' too; with many classes it does not. */
function linearFits(samples: number, classes: number, members: number): boolean {
  const taken = members * LARGE_BUCKETS * (LARGE_DIM + BYTES_PER_SCALE)
  return taken + LARGE_BUCKETS * (classes + BYTES_PER_SCALE) <= roomFor(samples)
}

function roomFor(samples: number): number {
  return MAX_BUNDLE_BYTES - samples * BYTES_PER_KEY
}

/** The networks of a recipe, as jobs; of its ensemble the first `most`. */
export function jobsOf(recipe: Recipe, classes: number, seed: number, most: number): TrainingJob[] {
  const { featurizer, dim, epochs, learningRate, inputDropout, hiddenDropout, smoothing, lastBias } = recipe
  const { buckets, members } = featurizer
  const jobs: TrainingJob[] = Array.from({ length: Math.min(members, most) }, (_, member) => ({
    kind: 'member',
    seed: seed * MAX_MEMBERS + member,
    settings: {
      ...{ buckets, salt: saltOf(featurizer, member), dim, classes, epochs, learningRate },
      ...{ inputDropout, hiddenDropout, smoothing, lastBias },
    },
  }))
  if (recipe.linearEpochs === 0) return jobs
  const linear = { buckets, salt: saltOf(featurizer, 0), classes, inputDropout: 0.3 }
  return [
    ...jobs,
    { kind: 'linear', seed, settings: { ...linear, epochs: recipe.linearEpochs, learningRate: 0.3 } },
  ]
}

function epochsFor(steps: number, samples: number): number {
  return Math.min(MAX_EPOCHS, Math.max(MIN_EPOCHS, Math.round(steps / samples)))
}

/** A power of two that keeps collisions rare. */
function bucketsFor(samples: readonly Sample[]): number {
  const { ngrams } = createFeaturizer(DEFAULT_FEATURIZER)
  const seen = new Set<number>()
  for (const { text } of samples) for (const hash of ngrams(text).hashes) seen.add(hash)
  let { buckets } = DEFAULT_FEATURIZER
  while (buckets < MAX_SMALL_BUCKETS && buckets < seen.size * BUCKETS_PER_FEATURE) buckets *= 2
  return buckets
}
