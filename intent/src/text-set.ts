import type { Featurizer } from './featurizer.js'
import { bucketOf } from './featurizer.js'

/** A text with the index of its label. */
export interface Sample {
  readonly text: string
  readonly label: number
}

/** Texts as n-grams, one text behind the other; shared between threads. */
export interface TextSet {
  /** Where each text's n-grams begin, and behind the last where they end. */
  readonly offsets: Int32Array
  readonly hashes: Int32Array
  readonly weights: Float32Array
  readonly labels: Int32Array
}

/** The samples that hold a word. */
export function textSet(samples: readonly Sample[], featurizer: Featurizer): TextSet {
  const texts = samples
    .map(({ text, label }) => ({ ...featurizer.ngrams(text), label }))
    .filter(({ hashes }) => hashes.length > 0)
  const total = texts.reduce((sum, { hashes }) => sum + hashes.length, 0)
  const set = {
    offsets: new Int32Array(new SharedArrayBuffer((texts.length + 1) * 4)),
    hashes: new Int32Array(new SharedArrayBuffer(total * 4)),
    weights: new Float32Array(new SharedArrayBuffer(total * 4)),
    labels: new Int32Array(new SharedArrayBuffer(texts.length * 4)),
  }
  let at = 0
  for (const [index, { hashes, weights, label }] of texts.entries()) {
    set.labels[index] = label
    set.hashes.set(hashes, at)
    set.weights.set(weights, at)
    at += hashes.length
    set.offsets[index + 1] = at
  }
  return set
}

/** The row of every n-gram in a member's table. */
export function rowsOf({ hashes }: TextSet, salt: number, buckets: number): Int32Array {
  return hashes.map((hash) => bucketOf(hash, salt, buckets))
}
