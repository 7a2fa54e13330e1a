import { type Static, Type } from '@sinclair/typebox'
import { A_NAME, about, Closed, Line, NAME } from './basics.js'

const lines = (en: string, zh: string) =>
  Type.Optional(Type.Array(Line, { maxItems: 1_000, uniqueItems: true, ...about(en, zh) }))

const Readers = Type.Object(
  {
    everybody: Type.Optional(Type.Boolean(about('Everybody of the tenant', '租户的所有人'))),
    channels: lines(
      'Who writes on these channels; “api” for programs at the OpenAI-compatible front',
      '在这些渠道上提问的人；“api”指 OpenAI 兼容接口上的程序',
    ),
    departments: lines(
      'Of those only who is of one of these departments, as the channel tells it',
      '其中仅限渠道所报属于这些部门的人',
    ),
    people: lines('Single persons, as channel/sender', '个人，写作 渠道/发送者'),
    groups: Type.Optional(
      Type.Boolean(about('Also in group chats, where others read along', '群聊中也可见（其他人会看到）')),
    ),
  },
  Closed,
)

/** `documentClasses` in tenant.yaml: who may see documents of a class. */
export const DocumentClassesYaml = Type.Unsafe<Readonly<Record<string, Static<typeof Readers>>>>({
  type: 'object',
  patternProperties: { [NAME]: Readers },
  additionalProperties: false,
  maxProperties: 100,
  keys: A_NAME,
  ...about(
    'Who may see documents of a class; a class that is not named here is seen by nobody. Without it everybody sees all',
    '各分级的文档谁可以看；未在此列出的分级无人可见。不写则所有人可见全部',
  ),
})
export type DocumentClassesYaml = Static<typeof DocumentClassesYaml>
