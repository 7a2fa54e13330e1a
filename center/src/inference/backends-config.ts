import { type Static, type TProperties, Type } from '@sinclair/typebox'

const Ms = (def: number) => Type.Integer({ minimum: 100, default: def, restart: true })

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
  /** Requests that run there at once. */
  maxRunning: Type.Integer({ minimum: 1, default: 256, restart: true }),
  /** Tokens in flight there, read and written. Without it they are learned. */
  creditTokens: Type.Optional(Type.Integer({ minimum: 256, restart: true })),
  /** From the request to the first text, and from one text to the next. */
  firstTokenMs: Ms(120_000),
  betweenTokensMs: Ms(60_000),
} as const

/** The settings of a kind with those of its place. */
export function backendSchema<K extends string, P extends TProperties>(kind: K, properties: P) {
  return Type.Object({ kind: Type.Literal(kind), ...place, ...properties }, { additionalProperties: false })
}

export const openAiBackendSchema = backendSchema('openai', {
  url: Type.String({ pattern: '^https?://', restart: true }),
  model: Type.String({ default: 'default', restart: true }),
  apiKey: Type.Optional(Type.String({ secret: true, restart: true })),
  maxTokens: Type.Optional(Type.Integer({ minimum: 1, restart: true })),
  temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2, restart: true })),
})

export const extractiveBackendSchema = backendSchema('extractive', {
  /** Pause between the pieces of a quoted answer, so that a person can read along. 0 = none. */
  paceMs: Type.Integer({ minimum: 0, default: 0, restart: true }),
})

/** One entry of `inference.backends`. */
export const backendConfigSchema = Type.Union([openAiBackendSchema, extractiveBackendSchema])
export type BackendConfig = Static<typeof backendConfigSchema>
export type BackendConfigOf<K extends BackendConfig['kind']> = Extract<BackendConfig, { kind: K }>
