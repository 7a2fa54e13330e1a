import { type Static, Type } from '@sinclair/typebox'
import type { LanguageMap } from '@yizhan/intent'
import type { Wording } from './problem.js'
import { SAID } from './yaml/index.js'

// Where a value may have two forms, one schema names both types: each of its keywords looks at values of its own type
// only. With anyOf a wrong value would be reported once for each form that it was never meant to have.
// `wants`: what a fitting value is. `keys`: what the keys of a map are. `notYet`: keys that a later version will know.

const Closed = { additionalProperties: false } as const
export const LANGUAGE = '^[a-z]{2}(-[A-Za-z0-9]+)*$'

const TEXT: Wording = { en: 'text', zh: '文本' }
const TEXTS: Wording = { en: 'text, or a text for each language', zh: '文本，或每种语言各一段文本' }
const LANGUAGE_KEYS: Wording = { en: 'a language such as zh or en', zh: 'zh、en 之类的语言代码' }
const A_NAME: Wording = {
  en: 'a name of at most 63 of a-z, 0-9 and -',
  zh: '至多 63 个字符的名称，仅含 a-z、0-9 和 -',
}

export const NAME = '^[a-z0-9][a-z0-9-]{0,62}$'
const Name = Type.String({ pattern: NAME, wants: A_NAME })
const Line = Type.String({ pattern: SAID, wants: TEXT })

/** One text for every language, or one for each. */
const Sentence = Type.Unsafe<string | LanguageMap>({
  type: ['string', 'object'],
  pattern: SAID,
  minProperties: 1,
  patternProperties: { [LANGUAGE]: Line },
  additionalProperties: false,
  wants: TEXTS,
  keys: LANGUAGE_KEYS,
})

// Without a type: a number would break that and the enum, and be reported twice.
const choice = <const V extends string>(...values: readonly V[]) => Type.Unsafe<V>({ enum: values })

/** `tenant.yaml`. */
export const TenantYaml = Type.Object(
  {
    apiVersion: choice('yizhan/v1'),
    tenant: Name,
    name: Sentence,
    languages: Type.Array(Type.String({ pattern: LANGUAGE, wants: LANGUAGE_KEYS }), {
      minItems: 1,
      maxItems: 50,
      uniqueItems: true,
    }),
    welcome: Type.Optional(
      Type.Object({ text: Sentence, suggest: Type.Optional(Type.Array(Line, { maxItems: 8 })) }, Closed),
    ),
    operatingPoint: Type.Optional(choice('keen', 'balanced', 'careful')),
    messages: Type.Optional(Type.Record(Type.String(), Sentence)),
  },
  { ...Closed, notYet: ['persona', 'handoff'] },
)

const Forward = Type.Object({ knowledge: Type.Array(Name, { uniqueItems: true }) }, Closed)
const ONE_FORM = {
  maxProperties: 1,
  wants: {
    en: 'exactly one of text, skill and forward, or a text for each language',
    zh: 'text、skill、forward 三者之一，或每种语言各一段文本',
  },
} as const

export interface ReplyForms {
  readonly text?: string | LanguageMap
  readonly skill?: string
  readonly forward?: Static<typeof Forward>
}

const Reply = Type.Unsafe<string | ReplyForms | LanguageMap>({
  type: ['string', 'object'],
  pattern: SAID,
  minProperties: 1,
  properties: { text: Sentence, skill: Line, forward: Forward },
  patternProperties: { [LANGUAGE]: Line },
  additionalProperties: false,
  dependencies: { text: ONE_FORM, skill: ONE_FORM, forward: ONE_FORM },
  wants: {
    en: 'text, a text for each language, or one of text, skill and forward',
    zh: '文本、每种语言各一段文本，或 text、skill、forward 之一',
  },
  keys: {
    en: 'text, skill, forward, or a language such as zh or en',
    zh: 'text、skill、forward，或 zh、en 之类的语言代码',
  },
  notYet: ['card', 'handoff'],
})

/** One intent of `intents/*.yaml`; the file maps intent ids to these. */
export const IntentYaml = Type.Object(
  {
    ask: Type.String({
      pattern: SAID,
      wants: { en: 'questions, one a line after “ask: |”', zh: '问句：在“ask: |”之后每行一句' },
    }),
    reply: Reply,
    offline: Type.Optional(Sentence),
  },
  { ...Closed, notYet: ['slots'] },
)

/** One entry of `knowledge.yaml`; the file maps names to these. */
export const KnowledgeYaml = Type.Object(
  {
    files: Type.Array(Line, { minItems: 1 }),
    class: Type.Optional(Line),
    owner: Type.Optional(Line),
  },
  Closed,
)

/** One test of `tests/*.yaml`; the file is a list of these. */
export const TestYaml = Type.Object(
  {
    say: Line,
    expect: Type.Object(
      {
        intent: Type.Optional(Line),
        by: Type.Optional(choice('edge', 'center')),
        has: Type.Optional(Line),
      },
      { ...Closed, minProperties: 1 },
    ),
  },
  Closed,
)

export type TenantYaml = Static<typeof TenantYaml>
export type IntentYaml = Static<typeof IntentYaml>
