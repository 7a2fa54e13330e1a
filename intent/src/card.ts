import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { canonicalJson, parseJson, YizhanError } from '@yizhan/kernel'
import { Confidence, PLAIN_CONFIDENCE } from './confidence.js'
import { type DecisionSource, OOS } from './decide.js'
import { FeaturizerConfig } from './featurizer.js'
import type { TrainedModel } from './model.js'
import { writeOnnx } from './onnx/hashed-graph.js'
import { Thresholds } from './thresholds.js'

/** Names of the model's files in a bundle. */
export const MODEL_FILE = 'model.onnx'
export const CARD_FILE = 'bundle.json'

const Share = Type.Number({ minimum: 0, maximum: 1 })
const KEY_DIGITS = 16

/** What `bundle.json` holds; unknown keys are refused. */
export const ModelCardFile = Type.Object(
  {
    format: Type.Literal(1),
    kind: Type.Literal('hashed'),
    labels: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 2, maxItems: 2001 }),
    languages: Type.Array(Type.String({ maxLength: 35 }), { maxItems: 100 }),
    featurizer: FeaturizerConfig,
    /** Columns of the embedding tables. */
    dim: Type.Integer({ minimum: 1, maximum: 1024 }),
    /** Whether linear machines vote beside the members. */
    linear: Type.Boolean(),
    confidence: Confidence,
    thresholds: Thresholds,
    metrics: Type.Object(
      {
        examples: Type.Integer({ minimum: 0 }),
        heldOut: Type.Integer({ minimum: 0 }),
        closedAccuracy: Type.Optional(Share),
        answered: Type.Optional(Share),
        oosRecall: Type.Optional(Share),
      },
      { additionalProperties: false },
    ),
    dataDigest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    /** One text per label: the exact-match keys, 16 hex digits each, without separators. */
    exact: Type.Array(Type.String({ pattern: '^([0-9a-f]{16})*$' })),
  },
  { additionalProperties: false },
)
type ModelCardFile = Static<typeof ModelCardFile>

/** A model's card: all that serving needs beside the network. */
export interface ModelCard extends DecisionSource, Omit<ModelCardFile, 'exact' | keyof DecisionSource> {}

const MAX_CARD_BYTES = 8 * 1024 * 1024

/** The model's part of a bundle: `model.onnx` and `bundle.json`. The same model gives the same bytes. */
export function encodeModel(model: TrainedModel): Map<string, Uint8Array> {
  const { labels, languages, featurizer, thresholds, metrics, dataDigest } = model
  const card: ModelCardFile = {
    format: 1,
    kind: 'hashed',
    labels: [...labels],
    languages: [...languages],
    featurizer,
    dim: model.network.dim,
    linear: model.network.linear !== undefined,
    confidence: model.confidence ?? PLAIN_CONFIDENCE,
    thresholds,
    metrics,
    dataDigest,
    exact: model.exact.map((keys) => keys.join('')),
  }
  return new Map([
    [MODEL_FILE, writeOnnx(model)],
    [CARD_FILE, new TextEncoder().encode(canonicalJson(card))],
  ])
}

/** Reads `bundle.json`; throws `invalid_argument` unless it fits the schema and agrees with itself. */
export function parseModelCard(bytes: Uint8Array): ModelCard {
  if (bytes.length > MAX_CARD_BYTES) throw refuse(`it has more than ${MAX_CARD_BYTES} bytes`)
  const value = parseJson(decodeUtf8(bytes))
  if (!Value.Check(ModelCardFile, value)) {
    const first = Value.Errors(ModelCardFile, value).First()
    throw refuse(`${first?.path || 'it'}: ${first?.message ?? 'does not fit the schema'}`)
  }
  const { labels, exact, thresholds, ...rest } = value
  if (new Set(labels).size !== labels.length) throw refuse('a label appears twice')
  if (labels.indexOf(OOS) !== labels.length - 1) throw refuse('the last label is not oos')
  if (exact.length !== labels.length) throw refuse('it has not one list of exact keys per label')
  for (const { accept, askBack } of Object.values(thresholds)) {
    if (askBack > accept) throw refuse('a threshold for asking back is above the one for answering')
  }
  return { ...rest, labels, thresholds, exact: exact.map(splitKeys) }
}

function splitKeys(joined: string): string[] {
  const keys: string[] = []
  for (let at = 0; at < joined.length; at += KEY_DIGITS) keys.push(joined.slice(at, at + KEY_DIGITS))
  return keys
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw refuse('it is not UTF-8')
  }
}

function refuse(why: string): YizhanError {
  return new YizhanError('invalid_argument', `the model card is refused: ${why}`)
}
