import { type Static, Type } from '@sinclair/typebox'
import {
  about,
  Closed,
  choice,
  LANGUAGE,
  LANGUAGE_KEYS,
  Line,
  line,
  name,
  sentence,
  timezone,
} from './basics.js'
import { DocumentClassesYaml } from './document-classes.js'
import { PrivacyYaml } from './privacy.js'
import { QuotasYaml } from './quotas.js'

/** The first of them is for `/human`: with digits alone a name would not keep its place in the map. */
const HANDOFF_NAME = '^[a-z][a-z0-9-]{0,62}$'

const Handoff = Type.Object(
  {
    channel: line('Channel on which a person takes over', '人工接手所用的渠道'),
    hours: Type.Optional(
      line(
        'When somebody is there, such as “Mon-Fri 09:00-18:00, Sat 10:00-12:00”; without it always',
        '人工在岗时间，例如“周一至周五 09:00-18:00，周六 10:00-12:00”；不写表示全天',
      ),
    ),
    timezone: Type.Optional(timezone('Time zone of the hours', '在岗时间的时区')),
    otherwise: Type.Optional(
      choice(
        ['ticket', 'refuse'],
        'Outside the hours: keep the question for them (ticket, the default) or say when they are there (refuse)',
        '非在岗时间：留单（ticket，默认）或告知在岗时间（refuse）',
      ),
    ),
  },
  Closed,
)

/** `tenant.yaml`. */
export const TenantYaml = Type.Object(
  {
    apiVersion: choice(['yizhan/v1'], 'Version of the format', '格式版本'),
    tenant: name('Id of the tenant', '租户 id'),
    name: sentence('Name of the organisation', '机构名称'),
    languages: Type.Array(Type.String({ pattern: LANGUAGE, wants: LANGUAGE_KEYS }), {
      minItems: 1,
      maxItems: 50,
      uniqueItems: true,
      ...about(
        'Languages, the default one first; a reply follows the asker',
        '语言，第一个为默认；回复跟随提问者的语言',
      ),
    }),
    persona: Type.Optional(name('How the model speaks: personas/NAME.md', '模型的口吻：personas/NAME.md')),
    welcome: Type.Optional(
      Type.Object(
        {
          text: sentence('What a new conversation shows first', '新会话首先显示的内容'),
          suggest: Type.Optional(
            Type.Array(Line, { maxItems: 8, ...about('Intents to suggest', '推荐的意图') }),
          ),
        },
        { ...Closed, ...about('Greeting', '欢迎语') },
      ),
    ),
    operatingPoint: Type.Optional(
      choice(
        ['keen', 'balanced', 'careful'],
        'How sure the edge must be to answer by itself',
        '边缘节点自行回答所需的把握',
      ),
    ),
    timezone: Type.Optional(
      timezone(
        'Where its days and times are; default: the edge’s machine',
        '日期与时刻所在的时区；默认为边缘节点的时区',
      ),
    ),
    encoder: Type.Optional(
      Type.Object(
        {
          pooling: Type.Optional(
            choice(
              ['mean', 'cls'],
              'What of the tokens is the sentence: their mean (default) or the first one',
              '句向量取各词元的均值（mean，默认）还是第一个词元（cls）',
            ),
          ),
          maxTokens: Type.Optional(
            Type.Integer({
              minimum: 8,
              maximum: 512,
              ...about('Tokens of a question that are read; default 64', '每个问题读取的词元数，默认 64'),
            }),
          ),
        },
        {
          ...Closed,
          ...about(
            'An encoder of your own in encoder/model.onnx and encoder/tokenizer.json, instead of the built-in model',
            '使用自带的编码器（encoder/model.onnx 与 encoder/tokenizer.json），替代内置模型',
          ),
        },
      ),
    ),
    handoff: Type.Optional(
      Type.Unsafe<Readonly<Record<string, HandoffYaml>>>({
        type: 'object',
        patternProperties: { [HANDOFF_NAME]: Handoff },
        additionalProperties: false,
        minProperties: 1,
        maxProperties: 20,
        keys: { en: 'a name of a-z, 0-9 and -, a letter first', zh: '以字母开头、仅含 a-z、0-9 和 - 的名称' },
        ...about(
          'Who takes over from the bot, by name; the first for /human',
          '由谁接手，按名称；第一个用于 /human',
        ),
      }),
    ),
    aiMark: Type.Optional(
      sentence(
        'Stands below what a model wrote, never below written answers',
        '附在模型生成的文字之后；人工编写的答案不附',
      ),
    ),
    quotas: Type.Optional(QuotasYaml),
    documentClasses: Type.Optional(DocumentClassesYaml),
    privacy: Type.Optional(PrivacyYaml),
    samples: Type.Optional(
      Type.Object(
        {
          share: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 100,
              ...about(
                'Percent of the uncertain and forwarded ones; default 100. Corrected ones are always kept',
                '保留不确定及转发问题的百分比，默认 100；被纠正的问题总会保留',
              ),
            }),
          ),
          max: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 50_000,
              ...about('Kept without a label at most; default 5000', '未标注的最多保留条数，默认 5000'),
            }),
          ),
        },
        {
          ...Closed,
          ...about(
            'Questions kept for training; needs the purpose “training” in privacy.purposes',
            '留作训练的问题；须在 privacy.purposes 中声明用途 training',
          ),
        },
      ),
    ),
    messages: Type.Optional(
      Type.Record(
        Type.String(),
        sentence('Own words', '自定义的说法'),
        about('Overrides of built-in sentences by key', '按键覆盖内置语句'),
      ),
    ),
  },
  { ...Closed, ...about('tenant.yaml of a Yizhan tenant', '驿站租户的 tenant.yaml') },
)

export type HandoffYaml = Static<typeof Handoff>
export type TenantYaml = Static<typeof TenantYaml>
