import type { Head } from '../network.js'

/** Softmax over the labels. */
export function probabilities({ weights, bias }: Head, embedding: Float32Array): Float32Array {
  const size = embedding.length
  if (weights.length !== bias.length * size) throw new Error('the head does not fit the encoder')
  const logits = bias.map((start, label) => {
    let sum = start
    for (let at = 0; at < size; at++) sum += (weights[label * size + at] ?? 0) * (embedding[at] ?? 0)
    return sum
  })
  const top = Math.max(...logits)
  let total = 0
  const out = logits.map((logit) => {
    const value = Math.exp(logit - top)
    total += value
    return value
  })
  return out.map((value) => value / total)
}
