import { type Static, Type } from '@sinclair/typebox'
import { type IntentReply, LanguageMap } from '@yizhan/intent'

const Closed = { additionalProperties: false } as const
const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' })
const Language = Type.String({ pattern: '^[a-z]{2}(-[A-Za-z0-9]+)*$' })
/** One text for every language, or one for each. */
const Sentence = Type.Union([Type.String({ minLength: 1 }), LanguageMap])

/** `tenant.yaml`. */
export const TenantYaml = Type.Object(
  {
    apiVersion: Type.Literal('yizhan/v1'),
    tenant: Name,
    name: Sentence,
    languages: Type.Array(Language, { minItems: 1, uniqueItems: true }),
    welcome: Type.Optional(
      Type.Object(
        { text: Sentence, suggest: Type.Optional(Type.Array(Type.String(), { maxItems: 8 })) },
        Closed,
      ),
    ),
    operatingPoint: Type.Optional(
      Type.Union([Type.Literal('keen'), Type.Literal('balanced'), Type.Literal('careful')]),
    ),
    messages: Type.Optional(Type.Record(Type.String(), Sentence)),
  },
  Closed,
)

const Reply = Type.Union([
  Type.String({ minLength: 1 }),
  Type.Object({ text: Sentence }, Closed),
  Type.Object({ skill: Type.String({ minLength: 1 }) }, Closed),
  Type.Object({ forward: Type.Object({ knowledge: Type.Array(Name) }, Closed) }, Closed),
  LanguageMap,
])

/** One intent of `intents/*.yaml`; the file maps intent ids to these. */
export const IntentYaml = Type.Object(
  {
    /** A block, one question a line. */
    ask: Type.String({ minLength: 1 }),
    reply: Reply,
    offline: Type.Optional(Sentence),
  },
  Closed,
)

/** `knowledge.yaml`: names of knowledge, each with its files. */
export const KnowledgeYaml = Type.Record(
  Name,
  Type.Object(
    {
      files: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
      class: Type.Optional(Type.String()),
      owner: Type.Optional(Type.String()),
    },
    Closed,
  ),
  Closed,
)

/** `tests/*.yaml`. */
export const TestsYaml = Type.Array(
  Type.Object(
    {
      say: Type.String({ minLength: 1 }),
      expect: Type.Object(
        {
          intent: Type.Optional(Type.String()),
          by: Type.Optional(Type.Union([Type.Literal('edge'), Type.Literal('center')])),
          has: Type.Optional(Type.String()),
        },
        Closed,
      ),
    },
    Closed,
  ),
)

export type TenantYaml = Static<typeof TenantYaml>
export type IntentYaml = Static<typeof IntentYaml>
export type KnowledgeYaml = Static<typeof KnowledgeYaml>
export type TestsYaml = Static<typeof TestsYaml>
export type { IntentReply }
