import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { parseJson, YizhanError } from '@yizhan/kernel'
import { OperatingPoint } from './thresholds.js'

/** Name of the file in a bundle. */
export const TENANT_FILE = 'tenant.json'

const Closed = { additionalProperties: false } as const

/** A sentence per language (BCP 47 tag → text); at least one. */
export const LanguageMap = Type.Record(
  Type.String({ pattern: '^[a-z]{2}(-[A-Za-z0-9]+)*$' }),
  Type.String({ minLength: 1 }),
  {
    minProperties: 1,
    additionalProperties: false,
  },
)

/** What an intent leads to. */
export const IntentReply = Type.Union([
  Type.Object({ kind: Type.Literal('text'), text: LanguageMap }, Closed),
  Type.Object({ kind: Type.Literal('skill'), skill: Type.String({ minLength: 1 }) }, Closed),
  Type.Object(
    { kind: Type.Literal('forward'), knowledge: Type.Array(Type.String({ minLength: 1 })) },
    Closed,
  ),
])

/**
 * `tenant.json` of a tenant bundle: everything besides the model that an edge needs to answer for a tenant. Written
 * by the center when a tenant is applied, read by the edge; it travels in the model's bundle so that labels,
 * thresholds and answers switch together.
 */
export const TenantFile = Type.Object(
  {
    format: Type.Literal(1),
    tenant: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
    name: LanguageMap,
    /** First = default; a reply follows the asker's language. */
    languages: Type.Array(Type.String({ minLength: 2 }), { minItems: 1 }),
    operatingPoint: OperatingPoint,
    welcome: Type.Optional(
      Type.Object({ text: LanguageMap, suggest: Type.Array(LanguageMap, { maxItems: 8 }) }, Closed),
    ),
    /** Overrides of built-in sentences by key. */
    messages: Type.Record(Type.String(), LanguageMap),
    intents: Type.Record(
      Type.String({ minLength: 1 }),
      Type.Object(
        {
          /** How a person is told of it: a typical question. */
          title: Type.Optional(LanguageMap),
          reply: IntentReply,
          offline: Type.Optional(LanguageMap),
        },
        Closed,
      ),
    ),
  },
  Closed,
)

export type LanguageMap = Static<typeof LanguageMap>
export type IntentReply = Static<typeof IntentReply>
export type TenantFile = Static<typeof TenantFile>

const MAX_PROBLEMS = 100

/** The tenant file in `bytes`; `data_corrupt` with every problem by path if it is not one. */
export function parseTenantFile(bytes: Uint8Array): TenantFile {
  let value: unknown
  try {
    value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new YizhanError('data_corrupt', 'tenant.json is not JSON in UTF-8', { cause })
  }
  if (Value.Check(TenantFile, value)) return value
  const problems: string[] = []
  for (const { path, message } of Value.Errors(TenantFile, value)) {
    if (problems.length === MAX_PROBLEMS) break
    problems.push(`${path || '/'}: ${message}`)
  }
  throw new YizhanError('data_corrupt', `tenant.json does not fit its schema: ${problems.join('; ')}`, {
    details: { problems },
  })
}
