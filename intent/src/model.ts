import type { DecisionSource } from './decide.js'
import type { Features } from './featurizer.js'
import type { LinearWeights } from './train-linear.js'
import { type MemberWeights, softmaxInPlace } from './train-member.js'

/** Members that vote by the mean of their scores, and linear machines beside them, as one network. */
export interface Ensemble<Table extends Int8Array | Float32Array> {
  readonly members: number
  readonly buckets: number
  readonly dim: number
  readonly classes: number
  /** [members · buckets, dim]; a value times its row's scale is the weight. */
  readonly embedding: Table
  /** [members · buckets]. */
  readonly scales: Float32Array
  /** [classes, members · dim]. */
  readonly head: Float32Array
  readonly bias: Float32Array
  /** Over the rows of the first member. */
  readonly linear?: {
    /** [buckets, classes]. */
    readonly table: Table
    /** [buckets]. */
    readonly scales: Float32Array
  }
}

/** The network as it is stored: tables in 8 bits with a scale for every row. */
export type QuantisedNetwork = Ensemble<Int8Array>

/** What held-out texts showed, at the operating point `balanced`; shares in 0..1, absent where nothing was held out. */
export interface TrainingMetrics {
  readonly examples: number
  /** Texts in scope that the calibrated model had not seen. */
  readonly heldOut: number
  /** Share of them whose best intent is the right one, whatever its score. */
  readonly closedAccuracy?: number
  /** The same, and over `accept`. */
  readonly answered?: number
  /** Held-out texts out of scope that stay under `accept`. */
  readonly oosRecall?: number
}

/** What the model made of an example that it had not seen. */
export interface HeldOutJudgement {
  /** Normalised. */
  readonly text: string
  readonly intent: string
  /** The best intent in scope, whatever its score. */
  readonly best: string
  readonly score: number
}

/** `labels` are the intents in code-unit order, then `oos`. */
export interface TrainedModel extends DecisionSource {
  readonly languages: readonly string[]
  readonly network: QuantisedNetwork
  readonly metrics: TrainingMetrics
  /** Of the texts in scope that `metrics` counts. Not part of the bundle. */
  readonly judged: readonly HeldOutJudgement[]
  /** SHA-256 over the examples in canonical form and order. */
  readonly dataDigest: string
  /** Sentences for the author of the examples: the model was trained all the same. Not part of the bundle. */
  readonly warnings: readonly string[]
}

/** How the scores of a network's parts become one. */
export interface Blend {
  /** What a linear score counts against a member's; 0 leaves the linear machines out. */
  readonly linear: number
  /** Scores are divided by it before they become probabilities. */
  readonly temperature: number
}

/** One network of what was trained. */
export function assemble(
  members: readonly MemberWeights[],
  linear: LinearWeights | undefined,
  blend: Blend,
): QuantisedNetwork {
  const [first] = members
  if (!first) throw new RangeError('a network needs a member')
  const { buckets, dim, classes } = first
  const tables = members.map((member) => quantiseRows(member.embedding, dim))
  const embedding = new Int8Array(members.length * buckets * dim)
  const scales = new Float32Array(members.length * buckets)
  const head = new Float32Array(classes * members.length * dim)
  const bias = new Float32Array(classes)
  const share = 1 / (members.length * blend.temperature)
  for (const [index, member] of members.entries()) {
    embedding.set(tables[index]?.table ?? [], index * buckets * dim)
    scales.set(tables[index]?.scales ?? [], index * buckets)
    for (let c = 0; c < classes; c++) {
      bias[c] = (bias[c] as number) + share * (member.bias[c] as number)
      const to = (c * members.length + index) * dim
      for (let j = 0; j < dim; j++) head[to + j] = share * (member.head[c * dim + j] as number)
    }
  }
  const network = { members: members.length, buckets, dim, classes, embedding, scales, head, bias }
  if (!linear || blend.linear === 0) return network
  const machines = quantiseRows(linear.table, classes)
  const factor = blend.linear / blend.temperature
  for (let c = 0; c < classes; c++) bias[c] = (bias[c] as number) + factor * (linear.bias[c] as number)
  return { ...network, linear: { table: machines.table, scales: machines.scales.map((one) => one * factor) } }
}

function quantiseRows(values: Float32Array, width: number): { table: Int8Array; scales: Float32Array } {
  const table = new Int8Array(values.length)
  const scales = new Float32Array(values.length / width)
  for (let row = 0; row < scales.length; row++) {
    const from = row * width
    let max = 0
    for (let j = from; j < from + width; j++) max = Math.max(max, Math.abs(values[j] as number))
    if (max === 0) continue
    const scale = Math.fround(max / 127)
    scales[row] = scale
    for (let j = from; j < from + width; j++) table[j] = Math.round((values[j] as number) / scale)
  }
  return { table, scales }
}

/** Probabilities of the classes for one text's features, in plain TypeScript: what the written graph must agree with. */
export function probabilitiesOf(network: QuantisedNetwork, features: Features): Float32Array {
  const out = votesOf(network, features)
  const linear = linearScoresOf(network, features)
  if (linear) for (let c = 0; c < out.length; c++) out[c] = (out[c] as number) + (linear[c] as number)
  softmaxInPlace(out)
  return out
}

/** The mean scores of the members. */
export function votesOf(network: QuantisedNetwork, { ids, weights }: Features): Float32Array {
  const { members, dim, classes, embedding, scales, head, bias } = network
  const out = bias.slice()
  const hidden = new Float32Array(dim)
  for (let member = 0; member < members; member++) {
    hidden.fill(0)
    for (let k = 0; k < weights.length; k++) {
      const row = ids[member * weights.length + k] as number
      addRow(hidden, embedding, row, (weights[k] as number) * (scales[row] as number))
    }
    for (let c = 0; c < classes; c++) {
      const from = (c * members + member) * dim
      let sum = 0
      for (let j = 0; j < dim; j++) {
        sum += (hidden[j] as number) * (head[from + j] as number)
      }
      out[c] = (out[c] as number) + sum
    }
  }
  return out
}

/** What the linear machines add, without their bias; undefined if there are none. */
export function linearScoresOf(
  { linear, classes }: QuantisedNetwork,
  { ids, weights }: Features,
): Float32Array | undefined {
  if (!linear) return undefined
  const out = new Float32Array(classes)
  for (let k = 0; k < weights.length; k++) {
    const row = ids[k] as number
    addRow(out, linear.table, row, (weights[k] as number) * (linear.scales[row] as number))
  }
  return out
}

function addRow(sum: Float32Array, table: Int8Array, row: number, factor: number): void {
  const from = row * sum.length
  for (let j = 0; j < sum.length; j++) {
    sum[j] = (sum[j] as number) + factor * (table[from + j] as number)
  }
}
