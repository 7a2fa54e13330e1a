import { type Random, shuffle } from './random.js'
import { rowsOf, type TextSet } from './text-set.js'
import type { AfterExample, MemberSettings } from './train-member.js'
import { Arena, createKernels } from './vector-kernels.js'

/** One-vs-rest linear machines: z = Σ weight·table[row] + bias. */
export interface LinearWeights {
  readonly buckets: number
  readonly classes: number
  /** [buckets, classes]. */
  readonly table: Float32Array
  readonly bias: Float32Array
}

export interface LinearSettings
  extends Pick<MemberSettings, 'buckets' | 'salt' | 'classes' | 'inputDropout'> {
  readonly epochs: number
  readonly learningRate: number
}

const BIAS_RATE = 0.02
const EPSILON = 1e-6

/** Trains by single-example steps on the squared hinge loss, with row-wise Adagrad and a rate that falls to zero. */
export async function trainLinear(
  set: TextSet,
  settings: LinearSettings,
  random: Random,
  afterExample: AfterExample,
): Promise<LinearWeights> {
  const { buckets, classes, salt, epochs, learningRate, inputDropout } = settings
  const width = Math.ceil(classes / 4) * 4
  const bytes = width * 4
  const { memory, dot, addScaled } = createKernels((buckets + 4) * bytes)
  const arena = new Arena(memory)
  const table = arena.floats(buckets * width)
  const scores = arena.floats(width)
  const squares = new Float32Array(buckets)
  const bias = new Float32Array(classes)
  const rows = rowsOf(set, salt, buckets)
  const order = Array.from(set.labels, (_, index) => index)
  const total = epochs * order.length
  const kept: number[] = []
  let done = 0
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random)
    for (const index of order) {
      step(index, learningRate * (1 - done / total))
      const pause = afterExample(++done, total)
      if (pause) await pause
    }
  }
  return { buckets, classes, table: narrowed(), bias }

  function step(index: number, rate: number): void {
    let norm = 0
    kept.length = 0
    for (let k = set.offsets[index] as number; k < (set.offsets[index + 1] as number); k++) {
      if (random() < inputDropout) continue
      kept.push(k)
      norm += (set.weights[k] as number) ** 2
    }
    if (norm === 0) return
    const scale = 1 / Math.sqrt(norm)
    scores.fill(0)
    for (const k of kept) {
      addScaled(scores.byteOffset, placeOf(k), (set.weights[k] as number) * scale, bytes)
    }
    for (let c = 0; c < classes; c++) {
      const target = c === set.labels[index] ? 1 : -1
      const short = 1 - target * ((scores[c] as number) + (bias[c] as number))
      const g = short > 0 ? -target * short : 0
      scores[c] = g
      bias[c] = (bias[c] as number) - BIAS_RATE * rate * g
    }
    const gradientSquares = dot(scores.byteOffset, scores.byteOffset, bytes)
    if (gradientSquares === 0) return
    for (const k of kept) {
      const input = (set.weights[k] as number) * scale
      const row = rows[k] as number
      const sum = (squares[row] as number) + input * input * gradientSquares
      squares[row] = sum
      addScaled(placeOf(k), scores.byteOffset, (-rate * input) / (Math.sqrt(sum) + EPSILON), bytes)
    }
  }

  function placeOf(k: number): number {
    return table.byteOffset + (rows[k] as number) * bytes
  }

  /** Without the padding of the rows. */
  function narrowed(): Float32Array {
    const out = new Float32Array(buckets * classes)
    for (let row = 0; row < buckets; row++) {
      out.set(table.subarray(row * width, row * width + classes), row * classes)
    }
    return out
  }
}
