import { type Static, Type } from '@sinclair/typebox'
import { about, Closed } from './basics.js'

const limit = (en: string, zh: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000_000, ...about(en, zh) }))

const Limits = (en: string, zh: string) =>
  Type.Optional(
    Type.Object(
      {
        requestsPerMinute: limit('Requests a minute', '每分钟请求数'),
        tokensPerMinute: limit('Tokens a minute, read and written', '每分钟词元数（输入与输出）'),
        concurrent: limit('Requests that wait or run at once', '同时等待或执行的请求数'),
        monthlyTokens: limit('Tokens in a calendar month, UTC', '每个自然月（UTC）的词元数'),
        maxPromptTokens: limit('Tokens of the longest prompt, as estimated', '单个提示的最大词元数（估算）'),
      },
      { ...Closed, ...about(en, zh) },
    ),
  )

/** `quotas` in tenant.yaml: what the center's engines may be asked for. Only lowers what the center allows. */
export const QuotasYaml = Type.Object(
  {
    tenant: Limits('Of the whole tenant', '整个租户'),
    user: Limits('Of each person', '每个用户'),
  },
  { ...Closed, ...about('What the center’s models may be asked for', '向中心模型提问的限额') },
)
export type QuotasYaml = Static<typeof QuotasYaml>
