import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { YizhanError } from '@yizhan/kernel'
import { normalise } from './normalise.js'
import { type Segment, segments } from './segment.js'

const Range = Type.Tuple([Type.Integer({ minimum: 1, maximum: 8 }), Type.Integer({ minimum: 1, maximum: 8 })])

/**
 * What turns a text into hashed features. Part of every deployed model: a change of the code behind `version` 1
 * breaks the models that are out, so it gets a new version instead. Ranges are [from, to], both included.
 */
export const FeaturizerConfig = Type.Object(
  {
    kind: Type.Literal('hashed'),
    version: Type.Literal(1),
    /** Rows of the embedding table. */
    buckets: Type.Integer({ minimum: 256, maximum: 262_144 }),
    wordNgrams: Range,
    /** Inside a word, with boundary marks. */
    charNgrams: Range,
    /** Inside a run of a script that is written without spaces. */
    cjkNgrams: Range,
    maxFeatures: Type.Integer({ minimum: 1, maximum: 4096 }),
    /** UTF-16 units of a text that are read. */
    maxChars: Type.Integer({ minimum: 1, maximum: 8192 }),
  },
  { additionalProperties: false },
)
export type FeaturizerConfig = Static<typeof FeaturizerConfig>

export const DEFAULT_FEATURIZER: FeaturizerConfig = {
  kind: 'hashed',
  version: 1,
  buckets: 16_384,
  wordNgrams: [1, 2],
  charNgrams: [2, 4],
  cjkNgrams: [1, 3],
  maxFeatures: 1024,
  maxChars: 2000,
}

/** Distinct buckets and their weights; the weights' squares sum to 1. Both empty if the text holds no word. */
export interface Features {
  readonly ids: Int32Array
  readonly weights: Float32Array
}

export interface Featurizer {
  readonly config: FeaturizerConfig
  /** Takes any string and normalises it itself. */
  featurize(text: string): Features
}

// A feature's kind is the seed of its hash, so that the word "的" and the run "的" differ.
const WORD = 0x811c9dc5
const CHARS = 0x2f0b4c47
const RUN = 0x5bd1e995
// Parts of words say less than whole ones; measured on the validation data of three sets.
const CHARS_WEIGHT = 0.7
const WORD_GAP = 0x20
const EDGE_OF_WORD = 0x1f
const EDGE_OF_TEXT = 0x1e

/** A featurizer for `config`; throws `invalid_argument` if the config is not valid. */
export function createFeaturizer(config: FeaturizerConfig): Featurizer {
  const ranges = [config.wordNgrams, config.charNgrams, config.cjkNgrams]
  if (!Value.Check(FeaturizerConfig, config) || ranges.some(([from, to]) => from > to)) {
    throw new YizhanError('invalid_argument', 'the featurizer config is not valid')
  }
  return {
    config,
    featurize(text) {
      const bag = new Bag(config.buckets, config.maxFeatures)
      const parts = [...segments(normalise(text.slice(0, config.maxChars)))]
      addWordNgrams(bag, parts, config.wordNgrams)
      for (const part of parts) {
        if (part.kind === 'run') addRunNgrams(bag, part.text, config.cjkNgrams)
        else addCharNgrams(bag, part.text, config.charNgrams)
      }
      return bag.features()
    },
  }
}

function addWordNgrams(bag: Bag, parts: readonly Segment[], [from, to]: readonly [number, number]): void {
  for (let start = 0; start < parts.length && !bag.full; start++) {
    let hash = WORD
    for (let n = 1; n <= to; n++) {
      const part = parts[start + n - 1]
      if (part?.kind !== 'word') break
      if (n > 1) hash = step(hash, WORD_GAP)
      hash = text(hash, part.text)
      if (n >= from) bag.add(hash, 1)
    }
  }
  if (to < 2) return
  // How a text begins and ends tells questions from requests.
  const first = parts[0]
  if (first?.kind === 'word') bag.add(text(step(WORD, EDGE_OF_TEXT), first.text), 1)
  const last = parts.at(-1)
  if (last?.kind === 'word') bag.add(step(text(WORD, last.text), EDGE_OF_TEXT), 1)
}

function addCharNgrams(bag: Bag, word: string, [from, to]: readonly [number, number]): void {
  const units = [EDGE_OF_WORD, ...codePoints(word), EDGE_OF_WORD]
  // The whole marked word is left out: it is a word feature already.
  addNgrams(bag, units, CHARS, from, Math.min(to, units.length - 1), CHARS_WEIGHT)
}

function addRunNgrams(bag: Bag, run: string, [from, to]: readonly [number, number]): void {
  addNgrams(bag, [EDGE_OF_WORD, ...codePoints(run), EDGE_OF_WORD], RUN, from, to, 1)
}

function addNgrams(
  bag: Bag,
  units: readonly number[],
  seed: number,
  from: number,
  to: number,
  weight: number,
) {
  for (let start = 0; start < units.length && !bag.full; start++) {
    let hash = seed
    for (let n = 1; n <= to; n++) {
      const unit = units[start + n - 1]
      if (unit === undefined) break
      hash = step(hash, unit)
      if (n >= from && !(n === 1 && unit === EDGE_OF_WORD)) bag.add(hash, weight)
    }
  }
}

class Bag {
  readonly #counts = new Map<number, number>()
  readonly #buckets: number
  readonly #max: number

  constructor(buckets: number, max: number) {
    this.#buckets = buckets
    this.#max = max
  }

  get full(): boolean {
    return this.#counts.size >= this.#max
  }

  add(hash: number, weight: number): void {
    const id = finish(hash) % this.#buckets
    const before = this.#counts.get(id)
    if (before === undefined && this.full) return
    this.#counts.set(id, (before ?? 0) + weight)
  }

  features(): Features {
    const ids = new Int32Array(this.#counts.size)
    const weights = new Float32Array(this.#counts.size)
    let squares = 0
    let i = 0
    for (const [id, count] of this.#counts) {
      const weight = count > 1 ? 1 + Math.log(count) : count
      ids[i] = id
      weights[i++] = weight
      squares += weight * weight
    }
    const norm = Math.sqrt(squares)
    for (let k = 0; k < weights.length; k++) weights[k] = (weights[k] ?? 0) / norm
    return { ids, weights }
  }
}

function codePoints(text: string): number[] {
  return Array.from(text, (char) => char.codePointAt(0) ?? 0)
}

function text(hash: number, value: string): number {
  let out = hash
  for (const char of value) out = step(out, char.codePointAt(0) ?? 0)
  return out
}

/** FNV-1a over the three bytes of a code point. */
function step(hash: number, unit: number): number {
  let out = Math.imul(hash ^ (unit & 0xff), 0x01000193)
  out = Math.imul(out ^ ((unit >>> 8) & 0xff), 0x01000193)
  return Math.imul(out ^ (unit >>> 16), 0x01000193)
}

/** murmur3's finisher: FNV's low bits alone spread badly over few buckets. */
function finish(hash: number): number {
  let out = hash ^ (hash >>> 16)
  out = Math.imul(out, 0x85ebca6b)
  out ^= out >>> 13
  out = Math.imul(out, 0xc2b2ae35)
  return (out ^ (out >>> 16)) >>> 0
}
