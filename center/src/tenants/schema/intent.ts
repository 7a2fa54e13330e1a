import { type Static, Type } from '@sinclair/typebox'
import type { LanguageMap } from '@yizhan/intent'
import { SAID } from '../yaml/index.js'
import { about, Closed, choice, LANGUAGE, Line, name, sentence } from './basics.js'

const SLOT_NAME = '^[a-z][a-z0-9_]{0,39}$'

const Forward = Type.Object(
  {
    knowledge: Type.Array(name('A name in knowledge.yaml', 'knowledge.yaml 中的名称'), {
      uniqueItems: true,
      ...about('Where the center looks; empty: everywhere', '中心检索的范围；空表示全部'),
    }),
  },
  { ...Closed, ...about('The center answers from knowledge', '由中心依据知识库回答') },
)

const ONE_FORM = {
  maxProperties: 1,
  wants: {
    en: 'exactly one of text, card, skill, forward and handoff, or a text for each language',
    zh: 'text、card、skill、forward、handoff 五者之一，或每种语言各一段文本',
  },
} as const

export const REPLY_FORMS = ['text', 'card', 'skill', 'forward', 'handoff'] as const

export interface ReplyForms {
  readonly text?: string | LanguageMap
  readonly card?: string
  readonly skill?: string
  readonly forward?: Static<typeof Forward>
  readonly handoff?: string
}

const Reply = Type.Unsafe<string | ReplyForms | LanguageMap>({
  type: ['string', 'object'],
  pattern: SAID,
  minProperties: 1,
  properties: {
    text: sentence('Markdown', 'Markdown 文本'),
    card: { ...Line, ...about('cards/NAME.yaml', 'cards/NAME.yaml') },
    skill: { ...Line, ...about('A skill of the edge answers', '由边缘节点的技能回答') },
    forward: Forward,
    handoff: { ...Line, ...about('A name of handoff in tenant.yaml', 'tenant.yaml 中 handoff 的名称') },
  },
  patternProperties: { [LANGUAGE]: Line },
  additionalProperties: false,
  dependencies: Object.fromEntries(REPLY_FORMS.map((form) => [form, ONE_FORM])),
  wants: {
    en: 'text, a text for each language, or one of text, card, skill, forward and handoff',
    zh: '文本、每种语言各一段文本，或 text、card、skill、forward、handoff 之一',
  },
  keys: {
    en: 'text, card, skill, forward, handoff, or a language such as zh or en',
    zh: 'text、card、skill、forward、handoff，或 zh、en 之类的语言代码',
  },
  ...about('What the intent leads to', '该意图的回复'),
})

const Slot = Type.Object(
  {
    type: choice(
      ['text', 'number', 'percent', 'date', 'time', 'datetime', 'choice', 'name'],
      'What is asked for',
      '所需信息的类型',
    ),
    ask: sentence('The question to the asker', '向提问者的提问'),
    options: Type.Optional(
      Type.Record(Type.String(), sentence('How a person is told of it', '给人看的说法'), {
        minProperties: 1,
        maxProperties: 20,
        ...about('What can be chosen: value and label; of a choice only', '可选项：值与说法；仅用于 choice'),
      }),
    ),
    names: Type.Optional(
      Type.Record(Type.String({ minLength: 1, maxLength: 200 }), Type.Array(Line, { maxItems: 50 }), {
        minProperties: 1,
        maxProperties: 2000,
        ...about(
          'What can be named, with other names for it; of a name only',
          '可用的名称及其别名；仅用于 name',
        ),
      }),
    ),
  },
  Closed,
)

/** One intent of `intents/*.yaml`; the file maps intent ids to these. */
export const IntentYaml = Type.Object(
  {
    ask: Type.String({
      pattern: SAID,
      wants: { en: 'questions, one a line after “ask: |”', zh: '问句：在“ask: |”之后每行一句' },
      ...about('Questions, one a line after “ask: |”', '问句：在“ask: |”之后每行一句'),
    }),
    slots: Type.Optional(
      Type.Unsafe<Readonly<Record<string, SlotYaml>>>({
        type: 'object',
        patternProperties: { [SLOT_NAME]: Slot },
        additionalProperties: false,
        minProperties: 1,
        maxProperties: 10,
        keys: {
          en: 'a name of at most 40 of a-z, 0-9 and _, a letter first, such as from',
          zh: '至多 40 个字符、以字母开头、仅含 a-z、0-9 和 _ 的名称，例如 from',
        },
        ...about(
          'What has to be known before it is answered, asked for in this order; {name} in the reply stands for the value',
          '回答前需要知道的信息，按此顺序询问；回复中的 {名称} 会换成其值',
        ),
      }),
    ),
    reply: Reply,
    offline: Type.Optional(sentence('What is said while the center cannot be reached', '与中心断开时的说法')),
  },
  Closed,
)

export type SlotYaml = Static<typeof Slot>
export type IntentYaml = Static<typeof IntentYaml>
