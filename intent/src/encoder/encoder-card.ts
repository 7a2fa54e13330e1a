import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { canonicalJson, parseJson, YizhanError } from '@yizhan/kernel'
import { CARD_FILE, MODEL_FILE } from '../card.js'
import { Confidence } from '../confidence.js'
import { OOS } from '../decide.js'
import type { Head } from '../network.js'
import { Thresholds } from '../thresholds.js'
import type { TrainedEncoder } from './train-encoder.js'

/** Names of the files that an encoder's bundle has beside the model and the card. */
export const TOKENIZER_FILE = 'tokenizer.json'
export const HEAD_FILE = 'head.bin'

const Share = Type.Number({ minimum: 0, maximum: 1 })
const KEY = /.{16}/gu
const MAX_CARD_BYTES = 8 * 1024 * 1024

/** How the encoder is read; the author's choice. */
export const EncoderSettings = Type.Object(
  {
    pooling: Type.Union([Type.Literal('mean'), Type.Literal('cls')]),
    maxTokens: Type.Integer({ minimum: 8, maximum: 512 }),
  },
  { additionalProperties: false },
)
export type EncoderSettings = Static<typeof EncoderSettings>

/** What `bundle.json` of an encoder holds; unknown keys are refused. */
const EncoderCardFile = Type.Object(
  {
    format: Type.Literal(1),
    kind: Type.Literal('encoder'),
    labels: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { minItems: 2, maxItems: 2001 }),
    languages: Type.Array(Type.String({ maxLength: 35 }), { maxItems: 100 }),
    encoder: EncoderSettings,
    /** Numbers of an embedding. */
    dim: Type.Integer({ minimum: 1, maximum: 4096 }),
    /** UTF-16 units of a text that are read. */
    maxChars: Type.Integer({ minimum: 1, maximum: 8192 }),
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
type EncoderCardFile = Static<typeof EncoderCardFile>

export interface EncoderCard extends Omit<EncoderCardFile, 'exact'> {
  /** For every label the keys of texts that are always its own. */
  readonly exact: readonly (readonly string[])[]
}

/** An encoder's part of a bundle. The same model gives the same bytes. */
export function encodeEncoder(model: TrainedEncoder): Map<string, Uint8Array> {
  const { onnx, tokenizer, head, card } = model
  const file: EncoderCardFile = { ...card, exact: card.exact.map((keys) => keys.join('')) }
  const numbers = new Float32Array([...head.weights, ...head.bias])
  return new Map([
    [MODEL_FILE, onnx],
    [CARD_FILE, new TextEncoder().encode(canonicalJson(file))],
    [TOKENIZER_FILE, tokenizer],
    [HEAD_FILE, new Uint8Array(numbers.buffer)],
  ])
}

/** Reads an encoder's `bundle.json`; throws `invalid_argument` unless it fits the schema and agrees with itself. */
export function parseEncoderCard(bytes: Uint8Array): EncoderCard {
  if (bytes.length > MAX_CARD_BYTES) throw refuse(`it has more than ${MAX_CARD_BYTES} bytes`)
  const value = parseJson(new TextDecoder().decode(bytes))
  if (!Value.Check(EncoderCardFile, value)) {
    const first = Value.Errors(EncoderCardFile, value).First()
    throw refuse(`${first?.path || 'it'}: ${first?.message ?? 'does not fit the schema'}`)
  }
  const { labels, exact, thresholds } = value
  if (new Set(labels).size !== labels.length) throw refuse('a label appears twice')
  if (labels.indexOf(OOS) !== labels.length - 1) throw refuse('the last label is not oos')
  if (exact.length !== labels.length) throw refuse('it has not one list of exact keys per label')
  for (const { accept, askBack } of Object.values(thresholds)) {
    if (askBack > accept) throw refuse('a threshold for asking back is above the one for answering')
  }
  return { ...value, exact: exact.map((joined) => joined.match(KEY) ?? []) }
}

/** Reads `head.bin` of a card; throws `invalid_argument` if its size or its numbers do not fit. */
export function parseHead(bytes: Uint8Array, { labels, dim }: Pick<EncoderCard, 'labels' | 'dim'>): Head {
  const weights = labels.length * dim
  if (bytes.length !== 4 * (weights + labels.length)) throw refuse('its head is of another size')
  const numbers = new Float32Array(new Uint8Array(bytes).buffer)
  if (!numbers.every(Number.isFinite)) throw refuse('its head holds a number that is not finite')
  return { weights: numbers.slice(0, weights), bias: numbers.slice(weights) }
}

function refuse(why: string): YizhanError {
  return new YizhanError('invalid_argument', `the encoder's card is refused: ${why}`)
}
