import { gaussian, type Random, shuffle } from './random.js'
import { rowsOf, type TextSet } from './text-set.js'
import { Arena, createKernels, type VectorKernels } from './vector-kernels.js'

/** A network with a narrow middle: z = head · Σ weight·embedding[row] + bias. A hidden layer that cuts off below zero did worse. */
export interface MemberWeights {
  readonly buckets: number
  readonly dim: number
  readonly classes: number
  /** [buckets, dim]. */
  readonly embedding: Float32Array
  /** [classes, dim]. */
  readonly head: Float32Array
  readonly bias: Float32Array
}

export interface MemberSettings {
  readonly buckets: number
  /** See `saltOf`. */
  readonly salt: number
  /** A multiple of 4. */
  readonly dim: number
  readonly classes: number
  readonly epochs: number
  readonly learningRate: number
  /** Chance that an n-gram is left out of a step: no single one decides. */
  readonly inputDropout: number
  readonly hiddenDropout: number
  /** Share of the target that is spread over all classes: keeps scores below certainty. */
  readonly smoothing: number
  /** Where the last class's bias starts: what a text of unknown features is taken for. */
  readonly lastBias: number
}

/** Called after every example; what it returns is awaited, so that the caller can yield, report and abort by throwing. */
export type AfterExample = (done: number, total: number) => Promise<void> | undefined

const BIAS_RATE = 0.1
const EPSILON = 1e-6
const INITIAL_EMBEDDING = 0.1
// Classes whose gradient is below this are skipped; with many classes that is most of them.
const NEGLIGIBLE = 1e-3

/** Trains by single-example steps with row-wise Adagrad and a rate that falls to zero. */
export async function trainMember(
  set: TextSet,
  settings: MemberSettings,
  random: Random,
  afterExample: AfterExample,
): Promise<MemberWeights> {
  const network = new Network(set, settings, random)
  const order = Array.from(set.labels, (_, index) => index)
  const total = settings.epochs * order.length
  let done = 0
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    shuffle(order, random)
    for (const index of order) {
      network.step(index, settings.learningRate * (1 - done / total))
      const pause = afterExample(++done, total)
      if (pause) await pause
    }
  }
  return network.weights()
}

/** The network while it is trained, in a memory of its own. */
class Network {
  readonly #set: TextSet
  readonly #settings: MemberSettings
  readonly #random: Random
  readonly #kernels: VectorKernels
  readonly #rows: Int32Array
  readonly #embedding: Float32Array
  readonly #rowSquares: Float32Array
  readonly #head: Float32Array
  readonly #headSquares: Float32Array
  readonly #bias: Float32Array
  readonly #hidden: Float32Array
  readonly #mask: Float32Array
  readonly #hiddenGradient: Float32Array
  readonly #gradient: Float32Array
  readonly #kept: Int32Array
  readonly #inputs: Float32Array

  constructor(set: TextSet, settings: MemberSettings, random: Random) {
    const { buckets, dim, classes, salt } = settings
    this.#set = set
    this.#settings = settings
    this.#random = random
    this.#kernels = createKernels(4 * ((buckets + classes + 4) * (dim + 4)))
    const arena = new Arena(this.#kernels.memory)
    this.#embedding = arena.floats(buckets * dim)
    this.#head = arena.floats(classes * dim)
    this.#hidden = arena.floats(dim)
    this.#hiddenGradient = arena.floats(dim)
    this.#rows = rowsOf(set, salt, buckets)
    this.#rowSquares = new Float32Array(buckets)
    this.#headSquares = new Float32Array(classes)
    this.#bias = new Float32Array(classes)
    this.#mask = new Float32Array(dim)
    this.#gradient = new Float32Array(classes)
    let longest = 0
    for (let i = 0; i < set.labels.length; i++) {
      longest = Math.max(longest, (set.offsets[i + 1] as number) - (set.offsets[i] as number))
    }
    this.#kept = new Int32Array(longest)
    this.#inputs = new Float32Array(longest)
    this.#initialise()
  }

  /** Rows of n-grams that no example has stay zero. */
  #initialise(): void {
    const { buckets, dim, classes, lastBias } = this.#settings
    const seen = new Uint8Array(buckets)
    for (const row of this.#rows) seen[row] = 1
    for (let row = 0; row < buckets; row++) {
      if (!seen[row]) continue
      for (let j = row * dim; j < (row + 1) * dim; j++) {
        this.#embedding[j] = INITIAL_EMBEDDING * gaussian(this.#random)
      }
    }
    for (let j = 0; j < this.#head.length; j++) this.#head[j] = gaussian(this.#random) / Math.sqrt(dim)
    this.#bias[classes - 1] = lastBias
  }

  step(index: number, rate: number): void {
    const count = this.#drop(index)
    if (count === 0) return
    this.#forward(count)
    this.#backward(count, this.#set.labels[index] as number, rate)
  }

  /** Chooses the n-grams of a step; their weights' squares sum to 1 again. */
  #drop(index: number): number {
    const { offsets, weights } = this.#set
    const end = offsets[index + 1] as number
    let count = 0
    let squares = 0
    for (let k = offsets[index] as number; k < end; k++) {
      if (this.#random() < this.#settings.inputDropout) continue
      const weight = weights[k] as number
      this.#kept[count] = this.#rows[k] as number
      this.#inputs[count++] = weight
      squares += weight * weight
    }
    const scale = 1 / Math.sqrt(squares)
    for (let k = 0; k < count; k++) this.#inputs[k] = (this.#inputs[k] as number) * scale
    return count
  }

  #forward(count: number): void {
    const { dim, classes, hiddenDropout } = this.#settings
    const { dot, addScaled } = this.#kernels
    const bytes = dim * 4
    const hidden = this.#hidden
    hidden.fill(0)
    for (let k = 0; k < count; k++) {
      const row = this.#embedding.byteOffset + (this.#kept[k] as number) * bytes
      addScaled(hidden.byteOffset, row, this.#inputs[k] as number, bytes)
    }
    const grown = 1 / (1 - hiddenDropout)
    for (let j = 0; j < dim; j++) {
      const value = hidden[j] as number
      const mask = this.#random() < hiddenDropout ? 0 : grown
      this.#mask[j] = mask
      hidden[j] = value * mask
    }
    for (let c = 0; c < classes; c++) {
      const row = this.#head.byteOffset + c * bytes
      this.#gradient[c] = (this.#bias[c] as number) + dot(row, hidden.byteOffset, bytes)
    }
    softmaxInPlace(this.#gradient)
  }

  #backward(count: number, label: number, rate: number): void {
    const { dim, classes, smoothing } = this.#settings
    const { addScaled } = this.#kernels
    const bytes = dim * 4
    const hidden = this.#hidden
    const back = this.#hiddenGradient
    back.fill(0)
    const hiddenSquares = this.#meanSquare(hidden)
    for (let c = 0; c < classes; c++) {
      const target = (c === label ? 1 - smoothing : 0) + smoothing / classes
      const g = (this.#gradient[c] as number) - target
      if (g < NEGLIGIBLE && g > -NEGLIGIBLE) continue
      const squares = (this.#headSquares[c] as number) + g * g * hiddenSquares
      this.#headSquares[c] = squares
      const row = this.#head.byteOffset + c * bytes
      addScaled(back.byteOffset, row, g, bytes)
      addScaled(row, hidden.byteOffset, (-rate * g) / (Math.sqrt(squares) + EPSILON), bytes)
      this.#bias[c] = (this.#bias[c] as number) - BIAS_RATE * rate * g
    }
    for (let j = 0; j < dim; j++) back[j] = (back[j] as number) * (this.#mask[j] as number)
    const backSquares = this.#meanSquare(back)
    for (let k = 0; k < count; k++) {
      const row = this.#kept[k] as number
      const input = this.#inputs[k] as number
      const squares = (this.#rowSquares[row] as number) + input * input * backSquares
      this.#rowSquares[row] = squares
      const factor = (-rate * input) / (Math.sqrt(squares) + EPSILON)
      addScaled(this.#embedding.byteOffset + row * bytes, back.byteOffset, factor, bytes)
    }
  }

  #meanSquare(values: Float32Array): number {
    const { byteOffset, length } = values
    return this.#kernels.dot(byteOffset, byteOffset, length * 4) / length
  }

  weights(): MemberWeights {
    const { buckets, dim, classes } = this.#settings
    return {
      buckets,
      dim,
      classes,
      embedding: this.#embedding.slice(),
      head: this.#head.slice(),
      bias: this.#bias,
    }
  }
}

/** Turns scores into probabilities. */
export function softmaxInPlace(values: Float32Array): void {
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) max = Math.max(max, values[i] as number)
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const value = Math.exp((values[i] as number) - max)
    values[i] = value
    sum += value
  }
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) / sum
}
