import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox'
import { ExtractiveSettings } from './extractive/settings.js'
import { LlamaCppSettings } from './llama-cpp/settings.js'
import { OnnxSettings } from './onnx/settings.js'
import { OpenAiSettings } from './openai/settings.js'
import { TritonSettings } from './triton/settings.js'

/** What every backend has, whatever its kind: its place in the pool. */
const place = {
  /** Shown in metrics, logs and `backends list`; unique. */
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$', restart: true }),
  /** A backup answers only while no primary can be used. */
  channel: Type.Union([Type.Literal('primary'), Type.Literal('backup')], {
    default: 'primary',
    restart: true,
  }),
  /** Tokens that it gets beside the others of its channel. */
  weight: Type.Number({ exclusiveMinimum: 0, maximum: 1_000, default: 1, restart: true }),
  /** Share of conversations that try it out, 0 to 1; the rest goes to those without a share. */
  canary: Type.Number({ minimum: 0, maximum: 1, default: 0, restart: true }),
  /** Requests that run there at once; of `llama-cpp` no more than its `parallel`. */
  maxRunning: Type.Integer({ minimum: 1, default: 256, restart: true }),
  /** Tokens in flight there, read and written. Without it they are learned. */
  creditTokens: Type.Optional(Type.Integer({ minimum: 256, restart: true })),
} as const

function placed<K extends string, P extends TProperties>(kind: K, settings: TObject<P>) {
  return Type.Object(
    { kind: Type.Literal(kind), ...place, ...settings.properties },
    { additionalProperties: false },
  )
}

/** One entry of `inference.backends`: the settings of a kind, and of its place in the pool. */
export const BackendConfig = Type.Union([
  placed('openai', OpenAiSettings),
  placed('triton', TritonSettings),
  placed('llama-cpp', LlamaCppSettings),
  placed('onnx', OnnxSettings),
  placed('extractive', ExtractiveSettings),
])
export type BackendConfig = Static<typeof BackendConfig>
