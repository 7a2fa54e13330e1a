import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Head } from '../network.js'
import { type Random, shuffle } from '../random.js'
import { probabilities } from './head.js'

/** An embedding of length 1 with the index of its label. */
export interface Embedded {
  readonly embedding: Float32Array
  readonly label: number
}

const EPOCHS = 40
const LEARNING_RATE = 0.5
/** Embeddings of one encoder lie close together: weights may grow, but not for a single example. */
const DECAY = 1e-4
const SMOOTHING = 0.05
const EPSILON = 1e-8
const SLICE_MS = 10

/**
 * A softmax head by Adagrad with label smoothing. The same samples and seed give the same head. Gives the event loop a
 * turn every few milliseconds; throws the signal's reason.
 */
export async function trainHead(
  samples: readonly Embedded[],
  labels: number,
  random: Random,
  signal: AbortSignal,
): Promise<Head> {
  const size = samples[0]?.embedding.length ?? 0
  const head = { weights: new Float32Array(labels * size), bias: new Float32Array(labels) }
  const seen = { weights: new Float32Array(labels * size), bias: new Float32Array(labels) }
  const order = [...samples]
  let since = performance.now()
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const rate = LEARNING_RATE * (1 - epoch / EPOCHS)
    for (const sample of shuffle(order, random)) {
      step(head, seen, sample, rate)
      if (performance.now() - since < SLICE_MS) continue
      await nextTurn()
      signal.throwIfAborted()
      since = performance.now()
    }
  }
  return head
}

function step(head: Head, seen: Head, { embedding, label }: Embedded, rate: number): void {
  const scores = probabilities(head, embedding)
  const [labels, size] = [scores.length, embedding.length]
  for (let k = 0; k < labels; k++) {
    const target = (k === label ? 1 - SMOOTHING : 0) + SMOOTHING / labels
    const error = (scores[k] ?? 0) - target
    descend(head.bias, seen.bias, k, error, rate)
    for (let at = 0; at < size; at++) {
      const w = k * size + at
      descend(
        head.weights,
        seen.weights,
        w,
        error * (embedding[at] ?? 0) + DECAY * (head.weights[w] ?? 0),
        rate,
      )
    }
  }
}

function descend(values: Float32Array, seen: Float32Array, at: number, slope: number, rate: number): void {
  seen[at] = (seen[at] ?? 0) + slope * slope
  values[at] = (values[at] ?? 0) - (rate * slope) / Math.sqrt((seen[at] ?? 0) + EPSILON)
}
