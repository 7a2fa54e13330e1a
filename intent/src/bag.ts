import type { Features } from './featurizer.js'
import { gaussian, type Random, shuffle } from './random.js'

/** An embedding bag with a linear head, in 32-bit floats: z = head · Σ weight·embedding[id] + bias. */
export interface BagWeights {
  readonly buckets: number
  readonly dim: number
  readonly classes: number
  /** [buckets, dim], row by row; rows of features that no example has are zero. */
  readonly embedding: Float32Array
  /** [classes, dim]. */
  readonly head: Float32Array
  readonly bias: Float32Array
}

export interface BagExample {
  readonly features: Features
  readonly label: number
}

export interface BagSettings {
  readonly buckets: number
  readonly dim: number
  readonly classes: number
  readonly epochs: number
  readonly learningRate: number
  /** Chance that a feature is left out of a step: no single n-gram decides. */
  readonly dropout: number
  /** Share of the target that is spread over all classes: keeps scores below certainty. */
  readonly smoothing: number
  /** Where the last class's bias starts: what a text of unknown features is taken for. */
  readonly lastBias: number
}

const HEAD_BIAS_RATE = 0.1
const EPSILON = 1e-6
// Classes whose gradient is below this are skipped; with many classes that is most of them.
const NEGLIGIBLE = 2e-3

/**
 * Trains by single-example steps with row-wise Adagrad and a rate that falls to zero. Calls `afterExample` after
 * every example and awaits what it returns, so that the caller can yield, report and abort (by throwing).
 */
export async function trainBag(
  examples: readonly BagExample[],
  settings: BagSettings,
  random: Random,
  afterExample: (done: number, total: number) => Promise<void> | undefined,
): Promise<BagWeights> {
  const weights = initialWeights(examples, settings, random)
  const step = createStep(weights, settings, random)
  const order = examples.map((_, index) => index)
  const total = settings.epochs * order.length
  let done = 0
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    shuffle(order, random)
    for (const index of order) {
      const example = examples[index]
      if (example) step(example, settings.learningRate * (1 - done / total))
      const pause = afterExample(++done, total)
      if (pause) await pause
    }
  }
  return weights
}

function initialWeights(examples: readonly BagExample[], settings: BagSettings, random: Random): BagWeights {
  const { buckets, dim, classes } = settings
  const embedding = new Float32Array(buckets * dim)
  const seen = new Uint8Array(buckets)
  for (const { features } of examples) {
    for (const id of features.ids) {
      if (seen[id]) continue
      seen[id] = 1
      for (let j = id * dim; j < (id + 1) * dim; j++) embedding[j] = 0.05 * gaussian(random)
    }
  }
  const head = Float32Array.from({ length: classes * dim }, () => gaussian(random) / Math.sqrt(dim))
  const bias = new Float32Array(classes)
  bias[classes - 1] = settings.lastBias
  return { buckets, dim, classes, embedding, head, bias }
}

function createStep(weights: BagWeights, settings: BagSettings, random: Random) {
  const { dim, classes, embedding, head, bias } = weights
  const rowSquares = new Float32Array(weights.buckets)
  const headSquares = new Float32Array(classes)
  const hidden = new Float32Array(dim)
  const hiddenGradient = new Float32Array(dim)
  const gradient = new Float32Array(classes)
  const spread = settings.smoothing / classes
  return function step({ features, label }: BagExample, rate: number): void {
    const { ids, kept, scale } = dropFeatures(features, settings.dropout, random)
    hidden.fill(0)
    for (let k = 0; k < ids.length; k++) {
      const x = (kept[k] as number) * scale
      if (x === 0) continue
      const row = (ids[k] as number) * dim
      for (let j = 0; j < dim; j++) hidden[j] = (hidden[j] as number) + x * (embedding[row + j] as number)
    }
    scores(head, bias, hidden, gradient)
    softmaxInPlace(gradient)
    for (let c = 0; c < classes; c++) gradient[c] = (gradient[c] as number) - spread
    gradient[label] = (gradient[label] as number) - (1 - settings.smoothing)

    hiddenGradient.fill(0)
    let hiddenSquares = 0
    for (let j = 0; j < dim; j++) hiddenSquares += (hidden[j] as number) ** 2
    hiddenSquares /= dim
    for (let c = 0; c < classes; c++) {
      const g = gradient[c] as number
      if (Math.abs(g) < NEGLIGIBLE) continue
      const row = c * dim
      const squares = (headSquares[c] as number) + g * g * hiddenSquares
      headSquares[c] = squares
      const move = (rate * g) / (Math.sqrt(squares) + EPSILON)
      for (let j = 0; j < dim; j++) {
        const h = head[row + j] as number
        hiddenGradient[j] = (hiddenGradient[j] as number) + g * h
        head[row + j] = h - move * (hidden[j] as number)
      }
      bias[c] = (bias[c] as number) - HEAD_BIAS_RATE * rate * g
    }

    let gradientSquares = 0
    for (let j = 0; j < dim; j++) gradientSquares += (hiddenGradient[j] as number) ** 2
    gradientSquares /= dim
    for (let k = 0; k < ids.length; k++) {
      const x = (kept[k] as number) * scale
      if (x === 0) continue
      const id = ids[k] as number
      const squares = (rowSquares[id] as number) + x * x * gradientSquares
      rowSquares[id] = squares
      const move = (rate * x) / (Math.sqrt(squares) + EPSILON)
      const row = id * dim
      for (let j = 0; j < dim; j++) {
        embedding[row + j] = (embedding[row + j] as number) - move * (hiddenGradient[j] as number)
      }
    }
  }
}

/** The weights with some set to zero, and the factor that makes the rest's squares sum to 1 again. */
function dropFeatures(features: Features, dropout: number, random: Random) {
  const kept = features.weights.slice()
  let squares = 0
  for (let k = 0; k < kept.length; k++) {
    if (random() < dropout) kept[k] = 0
    else squares += (kept[k] as number) ** 2
  }
  return { ids: features.ids, kept, scale: squares > 0 ? 1 / Math.sqrt(squares) : 0 }
}

function scores(head: Float32Array, bias: Float32Array, hidden: Float32Array, out: Float32Array): void {
  const dim = hidden.length
  for (let c = 0; c < out.length; c++) {
    let sum = bias[c] as number
    const row = c * dim
    for (let j = 0; j < dim; j++) sum += (head[row + j] as number) * (hidden[j] as number)
    out[c] = sum
  }
}

/** Turns scores into probabilities. */
export function softmaxInPlace(values: Float32Array): void {
  let max = Number.NEGATIVE_INFINITY
  for (const value of values) max = Math.max(max, value)
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const value = Math.exp((values[i] as number) - max)
    values[i] = value
    sum += value
  }
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / sum
}

/** Probabilities of the classes for one text's features. */
export function bagProbabilities(weights: BagWeights, { ids, weights: xs }: Features): Float32Array {
  const { dim, embedding, head, bias } = weights
  const hidden = new Float32Array(dim)
  for (let k = 0; k < ids.length; k++) {
    const row = (ids[k] as number) * dim
    const x = xs[k] as number
    for (let j = 0; j < dim; j++) hidden[j] = (hidden[j] as number) + x * (embedding[row + j] as number)
  }
  const out = new Float32Array(bias.length)
  scores(head, bias, hidden, out)
  softmaxInPlace(out)
  return out
}
