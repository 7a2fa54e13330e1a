import { type Static, Type } from '@sinclair/typebox'
import { about, Closed, choice, Line, line, name, sentence } from './basics.js'

const PURPOSE_NAME = '^[a-z][a-z0-9-]{0,62}$'
const PURPOSE_KEYS = {
  en: 'a name of a-z, 0-9 and -, a letter first',
  zh: '以字母开头、仅含 a-z、0-9 和 - 的名称',
}
const WANTS_BOOLEAN = { en: 'true or false', zh: 'true 或 false' }

const yesOrNo = (en: string, zh: string) => Type.Boolean({ wants: WANTS_BOOLEAN, ...about(en, zh) })

const Purpose = Type.Object(
  {
    basis: choice(
      ['consent', 'contract', 'hr', 'legal-duty', 'legitimate-interest'],
      'Why the data may be used; consent is asked for and can be withdrawn',
      '处理的合法性基础；consent 会征求同意，且可撤回',
    ),
    title: sentence('What the data is used for', '数据的用途'),
    notice: Type.Optional(
      sentence(
        'What people are asked, or told, before the first collection',
        '首次收集前的告知或征求同意的内容',
      ),
    ),
    version: line('Of the notice; a new one is shown again', '告知内容的版本；新版本会再次展示'),
    required: Type.Optional(
      yesOrNo(
        'Without it nobody is answered; default true for consent',
        '未同意则不作答；consent 默认为 true',
      ),
    ),
    channels: Type.Optional(
      Type.Array(name('A channel', '渠道'), {
        minItems: 1,
        maxItems: 100,
        ...about('Only on these; default all', '仅限这些渠道；默认全部'),
      }),
    ),
    crossBorder: Type.Optional(
      yesOrNo('The data leaves the country for it; default false', '为此需要向境外提供；默认 false'),
    ),
    recipients: Type.Optional(
      Type.Array(Line, { maxItems: 50, ...about('Who gets the data', '数据接收方') }),
    ),
  },
  Closed,
)

const duration = (en: string, zh: string) =>
  line(`${en}, such as 24h, 30d, 6mo or 3y`, `${zh}，例如 24h、30d、6mo、3y`)

/** `privacy` of tenant.yaml. */
export const PrivacyYaml = Type.Object(
  {
    contact: Type.Optional(line('Whom people write to about their data', '个人信息事务的联系方式')),
    purposes: Type.Optional(
      Type.Unsafe<Readonly<Record<string, PurposeYaml>>>({
        type: 'object',
        patternProperties: { [PURPOSE_NAME]: Purpose },
        additionalProperties: false,
        maxProperties: 32,
        keys: PURPOSE_KEYS,
        ...about('What data is used for, by name', '数据的用途，按名称'),
      }),
    ),
    retention: Type.Optional(
      Type.Record(
        Type.String(),
        duration('How long', '保存期限'),
        about('How long data is kept, by class', '各类数据的保存期限'),
      ),
    ),
    pendingConsent: Type.Optional(
      duration('How long a first message waits for consent; default 24h', '首条消息等待同意的时长；默认 24h'),
    ),
    offlineLease: Type.Optional(
      duration(
        'Without the center for so long an edge destroys what it holds of people; default never',
        '与中心失联超过此时长，边缘节点销毁所持个人数据；默认不销毁',
      ),
    ),
  },
  { ...Closed, ...about('Personal data: purposes, notices, retention', '个人信息：用途、告知与保存期限') },
)

export type PurposeYaml = Static<typeof Purpose>
export type PrivacyYaml = Static<typeof PrivacyYaml>
