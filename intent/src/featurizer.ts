import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { sha256Hex, YizhanError } from '@yizhan/kernel'
import { finish, GROUPS, NgramCounter, WORDS } from './ngrams.js'
import { normalise } from './normalise.js'
import { Scanner } from './scan.js'

const Range = Type.Tuple([Type.Integer({ minimum: 1, maximum: 8 }), Type.Integer({ minimum: 1, maximum: 8 })])

/**
 * What turns a text into hashed features. Part of every deployed model: a change of the code behind `version` 2
 * breaks the models that are out, so it gets a new version instead. Ranges are [from, to], both included.
 */
export const FeaturizerConfig = Type.Object(
  {
    kind: Type.Literal('hashed'),
    version: Type.Literal(2),
    /** Networks that vote; each hashes with a salt of its own, so that what collides in one does not in another. */
    members: Type.Integer({ minimum: 1, maximum: 4 }),
    /** Rows of a member's embedding table. */
    buckets: Type.Integer({ minimum: 256, maximum: 65_536 }),
    /** Where the members' salts come from. */
    salt: Type.Integer({ minimum: 0, maximum: 0x7fff_ffff }),
    /** Traditional Chinese characters count as the simplified ones. */
    foldTraditional: Type.Boolean(),
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
  version: 2,
  members: 1,
  buckets: 8192,
  salt: 1,
  foldTraditional: true,
  wordNgrams: [1, 2],
  charNgrams: [2, 5],
  cjkNgrams: [1, 3],
  maxFeatures: 1024,
  maxChars: 2000,
}

/** Distinct n-grams of a text; both arrays are empty if the text holds no word. */
export interface Features {
  /** Rows in the members' tables, which lie one behind the other: those of all n-grams for the first member, then for the next. */
  readonly ids: Int32Array
  /** One for every n-gram; the squares sum to 1. */
  readonly weights: Float32Array
}

/** The n-grams of a text before any member hashes them into its buckets. */
export interface Ngrams {
  readonly hashes: Int32Array
  readonly weights: Float32Array
}

export interface Featurizer {
  readonly config: FeaturizerConfig
  /** Takes any string and normalises it itself. */
  featurize(text: string): Features
  ngrams(text: string): Ngrams
}

/** A featurizer for `config`; throws `invalid_argument` if the config is not valid. */
export function createFeaturizer(config: FeaturizerConfig): Featurizer {
  const ranges = [config.wordNgrams, config.charNgrams, config.cjkNgrams]
  if (!Value.Check(FeaturizerConfig, config) || ranges.some(([from, to]) => from > to)) {
    throw new YizhanError('invalid_argument', 'the featurizer config is not valid')
  }
  const scanner = new Scanner(config.maxChars, config.foldTraditional)
  const counter = new NgramCounter(config, config.maxFeatures)
  const read = (text: string) => {
    scanner.scan(normalise(text.slice(0, config.maxChars)))
    counter.count(scanner)
  }
  return {
    config,
    featurize(text) {
      read(text)
      const ids = new Int32Array(counter.size * config.members)
      for (let member = 0, at = 0; member < config.members; member++) {
        const salt = saltOf(config, member)
        for (let i = 0; i < counter.size; i++, at++) {
          ids[at] = member * config.buckets + bucketOf(counter.hashes[i] as number, salt, config.buckets)
        }
      }
      return { ids, weights: weigh(counter) }
    },
    ngrams(text) {
      read(text)
      return { hashes: counter.hashes.slice(0, counter.size), weights: weigh(counter) }
    },
  }
}

/** What a member mixes into every hash. */
export function saltOf({ salt }: Pick<FeaturizerConfig, 'salt'>, member: number): number {
  return finish(Math.imul(salt, 0x9e3779b1) + member)
}

/** An n-gram's row in a member's table. */
export function bucketOf(hash: number, salt: number, buckets: number): number {
  return (finish(hash ^ salt) >>> 0) % buckets
}

/** Names a config: the same code and the same settings give the same name. */
export function featurizerId(config: FeaturizerConfig): string {
  const { kind, version, ...settings } = config
  return `${kind}-${version}/${sha256Hex(JSON.stringify(Object.entries(settings).sort())).slice(0, 12)}`
}

/**
 * 1 + ln of the count. Words have half of the say on what stands in words, and none on runs of a script without spaces, so
 * that a number behind a Chinese question does not count as much as the question.
 */
function weigh({ size, counts, groups, spaced }: NgramCounter): Float32Array {
  const weights = new Float32Array(size)
  const squares = new Float64Array(GROUPS)
  for (let i = 0; i < size; i++) {
    const count = counts[i] as number
    const weight = count > 1 ? 1 + Math.log(count) : 1
    const group = groups[i] as number
    weights[i] = weight
    squares[group] = (squares[group] as number) + weight * weight
  }
  const alone = squares.filter((sum) => sum > 0).length < GROUPS
  for (let i = 0; i < size; i++) {
    const group = groups[i] as number
    const share = alone ? 1 : group === WORDS ? spaced / 2 : 1 - spaced / 2
    weights[i] = (weights[i] as number) * Math.sqrt(share / (squares[group] as number))
  }
  return weights
}
