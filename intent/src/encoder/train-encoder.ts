import type { Clock } from '@yizhan/kernel'
import { foreignBackground } from '../augment.js'
import { PLAIN } from '../blend.js'
import { CAGE_DEFAULTS, type Cage, openCage } from '../cage/index.js'
import { heldOutRows, metricsOf, rate } from '../calibrate.js'
import { prepareCorpus } from '../corpus.js'
import type { LabelledText } from '../evaluator.js'
import { createFeaturizer, DEFAULT_FEATURIZER } from '../featurizer.js'
import type { HeldOutJudgement } from '../model.js'
import type { Head } from '../network.js'
import { seededRandom } from '../random.js'
import type { Sample } from '../text-set.js'
import { chooseThresholds, DEFAULT_OPERATING_POINT } from '../thresholds.js'
import { checkEncoderFiles } from './check-encoder.js'
import type { EncoderCard, EncoderSettings } from './encoder-card.js'
import { readable } from './encoder-codec.js'
import { probabilities } from './head.js'
import { trainHead } from './head-trainer.js'

/** An encoder that somebody brings along: a BERT-like ONNX file and its `tokenizer.json`. */
export interface EncoderFiles extends EncoderSettings {
  readonly onnx: Uint8Array
  readonly tokenizer: Uint8Array
}

export interface TrainedEncoder {
  readonly onnx: Uint8Array
  readonly tokenizer: Uint8Array
  readonly head: Head
  readonly card: EncoderCard
  /** As of `TrainedModel`. */
  readonly judged: readonly HeldOutJudgement[]
  /** Sentences for the author of the examples. Not part of the bundle. */
  readonly warnings: readonly string[]
}

export interface EncoderTraining {
  readonly encoder: EncoderFiles
  /** In any order; the intent `oos` is for texts that must not be answered. */
  readonly examples: readonly LabelledText[]
  readonly languages?: readonly string[]
  /** The same seed, files and examples give the same head on the same kind of machine; default 1. */
  readonly seed?: number
  readonly signal: AbortSignal
}

const MAX_CHARS = 2000
const TEXTS_PER_RUN = 32
/** A large set and a slow encoder: 10,000 texts at 100 ms. */
const LIMITS = { ...CAGE_DEFAULTS, cpuSeconds: 1_200, runMs: 60_000 }

/**
 * Trains a head on an encoder's embeddings and calibrates it. The encoder, which is nobody's friend, runs in a cage.
 * Throws `tenant_invalid` (no intent to train), `invalid_argument` (files refused by the inspection), `model_refused`
 * (by the cage), the signal's reason.
 */
export async function trainEncoderHead(
  { clock }: { readonly clock: Pick<Clock, 'after'> },
  { encoder, examples, languages = [], seed = 1, signal }: EncoderTraining,
): Promise<TrainedEncoder> {
  const { onnx, tokenizer, pooling, maxTokens } = encoder
  const tokens = checkEncoderFiles(onnx, tokenizer)
  const corpus = prepareCorpus(examples, languages, MAX_CHARS)
  const oos = corpus.labels.length - 1
  const background = foreignBackground(corpus.examples, createFeaturizer(DEFAULT_FEATURIZER))
  const samples: readonly Sample[] = [...corpus.examples, ...background.map((text) => ({ text, label: oos }))]
  const network = { kind: 'encoder', tokenizer: tokens, pooling, maxTokens } as const
  const cage = await openCage({ clock }, { network, onnx }, LIMITS, signal)
  const embeddings = await embedAll(cage, [...new Set(samples.map(({ text }) => text))], signal).finally(() =>
    cage.stop(),
  )
  const embedded = (part: readonly Sample[]) =>
    part.map(({ text, label }) => ({ embedding: embeddingOf(embeddings, text), label }))
  const train = (part: readonly Sample[], salt: number) =>
    trainHead(embedded(part), corpus.labels.length, seededRandom(seed + salt), signal)
  const heldOut = await heldOutRows(samples, oos, seededRandom(seed), async (part, fold) => {
    const head = await train(part, fold + 2)
    return (text) => ({
      votes: probabilities(head, embeddingOf(embeddings, text)).map(Math.log),
      linear: undefined,
    })
  })
  const { confidence, rated, judged } = rate(heldOut, PLAIN, corpus.labels)
  const thresholds = chooseThresholds(rated, 'examples')
  const head = await train(samples, 1)
  const card: EncoderCard = {
    format: 1,
    kind: 'encoder',
    labels: [...corpus.labels],
    languages: [...languages],
    encoder: { pooling, maxTokens },
    dim: head.weights.length / corpus.labels.length,
    maxChars: MAX_CHARS,
    confidence,
    thresholds,
    metrics: metricsOf(corpus.examples.length, rated, thresholds[DEFAULT_OPERATING_POINT]),
    dataDigest: corpus.digest,
    exact: corpus.exact,
  }
  return { onnx, tokenizer, head, card, judged, warnings: corpus.warnings }
}

async function embedAll(
  cage: Cage,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Float32Array>> {
  const embeddings = new Map<string, Float32Array>()
  for (let at = 0; at < texts.length; at += TEXTS_PER_RUN) {
    const part = texts.slice(at, at + TEXTS_PER_RUN)
    const { rows } = await cage.run(
      part.map((text) => readable(text, MAX_CHARS)),
      signal,
    )
    for (const [i, text] of part.entries()) embeddings.set(text, rows[i] ?? new Float32Array())
  }
  return embeddings
}

function embeddingOf(embeddings: ReadonlyMap<string, Float32Array>, text: string): Float32Array {
  return embeddings.get(text) ?? new Float32Array()
}
