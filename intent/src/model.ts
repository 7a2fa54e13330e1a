import type { BagWeights } from './bag.js'
import type { DecisionSource } from './decide.js'

/** The network as it is stored: embedding rows in 8 bits with a scale each. */
export interface QuantisedBag {
  readonly buckets: number
  readonly dim: number
  readonly classes: number
  /** [buckets, dim]; a value times its row's scale is the weight. */
  readonly embedding: Int8Array
  /** [buckets]. */
  readonly scales: Float32Array
  /** [classes, dim]. */
  readonly head: Float32Array
  readonly bias: Float32Array
}

/** What held-out texts showed, at the operating point `balanced`; shares in 0..1, absent where nothing was held out. */
export interface TrainingMetrics {
  readonly examples: number
  /** Texts in scope that some model of the calibration had not seen. */
  readonly heldOut: number
  /** Share of them whose best intent is the right one, whatever its score. */
  readonly closedAccuracy?: number
  /** The same, and over `accept`. */
  readonly answered?: number
  /** Held-out texts out of scope that stay under `accept`. */
  readonly oosRecall?: number
}

/** `labels` are the intents in code-unit order, then `oos`. */
export interface TrainedModel extends DecisionSource {
  readonly languages: readonly string[]
  readonly network: QuantisedBag
  readonly metrics: TrainingMetrics
  /** SHA-256 over the examples in canonical form and order. */
  readonly dataDigest: string
  /** Sentences for the author of the examples: the model was trained all the same. Not part of the bundle. */
  readonly warnings: readonly string[]
}

export function quantise(weights: BagWeights): QuantisedBag {
  const { buckets, dim, classes, head, bias } = weights
  const embedding = new Int8Array(buckets * dim)
  const scales = new Float32Array(buckets)
  for (let id = 0; id < buckets; id++) {
    const row = weights.embedding.subarray(id * dim, (id + 1) * dim)
    let max = 0
    for (const value of row) max = Math.max(max, Math.abs(value))
    if (max === 0) continue
    const scale = Math.fround(max / 127)
    scales[id] = scale
    for (let j = 0; j < dim; j++) embedding[id * dim + j] = Math.round((row[j] as number) / scale)
  }
  return { buckets, dim, classes, embedding, scales, head, bias }
}

export function dequantise(network: QuantisedBag): BagWeights {
  const { buckets, dim, classes, head, bias } = network
  const embedding = Float32Array.from(
    network.embedding,
    (value, index) => value * (network.scales[Math.floor(index / dim)] as number),
  )
  return { buckets, dim, classes, embedding, head, bias }
}
