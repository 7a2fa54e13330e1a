import type { ReplyPayload } from '@yizhan/edge-agent'
import type { Page } from 'playwright-core'
import type { ScriptedEdge } from './scripted-edge.js'

const MARKDOWN = `连接 **VPN** 只需三步：

1. 打开「安全接入」
2. 扫码登录
3. 选择 \`上海总部\`

| 地点 | 标准 | 备注 |
|---|---:|---|
| Shanghai | 600 | per night |
| 北京 | 650 | 每晚，含早餐 |

\`\`\`sh
ping -c 3 vpn.example.com   # should answer
\`\`\`

> See [the guide](https://intranet.example.com/vpn) for **“代理”**设置。`

const ROUTE: NonNullable<ReplyPayload['route']> = {
  intent: 'it.vpn',
  score: 0.97,
  accept: 0.62,
  match: 'model',
  top: [
    { intent: 'it.vpn', score: 0.97 },
    { intent: 'it.wifi', score: 0.31 },
    { intent: 'it.password', score: 0.08 },
  ],
  decision: 'answer',
  classifyMs: 0.7,
  waitedMs: 0.2,
  tookMs: 3,
}

const CITATIONS: ReplyPayload['citations'] = [
  {
    document: 'travel-policy.zh.md',
    title: '差旅制度',
    heading: '差旅制度 › 住宿标准',
    passage:
      '上海、北京、深圳每晚不超过 650 元，其他城市每晚不超过 450 元。\n超出部分由本人承担，特殊情况须事先批准。',
    score: 0.82,
  },
  {
    document: 'travel-policy.en.md',
    title: 'Travel policy',
    heading: 'Hotels',
    passage: 'Up to 650 a night in Shanghai, Beijing and Shenzhen.',
    score: 0.61,
  },
]

export const CARD: NonNullable<ReplyPayload['card']> = {
  id: 'password',
  title: '重置密码 · Reset your password',
  text: 'You need the phone that is **registered** with us.',
  facts: [
    { name: 'Length', value: 'at least 12 characters' },
    { name: '有效期', value: '180 天' },
  ],
  buttons: [
    { label: 'Reset it now', style: 'primary', does: { kind: 'action', action: 'reset' } },
    { label: '转人工', does: { kind: 'say', text: '转人工' } },
    { label: 'Open the portal', does: { kind: 'url', url: 'https://intranet.example.com/password' } },
    { label: 'Lock my account', style: 'danger', does: { kind: 'action', action: 'lock' } },
  ],
}

/** Types and sends. */
export async function ask(page: Page, text: string): Promise<void> {
  await page.locator('#text').fill(text)
  await page.locator('#text').press('Enter')
}

/** A chat in which everything occurs once; what runs at its end still runs. */
export async function tellEverything(edge: ScriptedEdge, page: Page): Promise<void> {
  const next = async (text: string) => {
    const said = edge.next()
    await ask(page, text)
    return said
  }
  edge.reply(await next('怎么连 VPN？'), { text: MARKDOWN, intent: 'it.vpn', score: 0.97, route: ROUTE })
  edge.reply(await next('上海出差住宿标准是多少？'), {
    text: '上海每晚不超过 650 元 [1]，英文版写法相同 [2]。',
    answeredBy: 'center',
    citations: CITATIONS,
    model: 'qwen2.5-7b',
    route: { ...ROUTE, intent: 'travel.policy', decision: 'forward', tookMs: 1_840, centerQueueMs: 120 },
  })
  edge.reply(await next('忘记密码了'), { text: 'Reset your password', card: CARD })
  edge.reply(await next('报错'), {
    text: 'Which one do you mean?',
    choices: [
      { label: 'VPN', text: '1' },
      { label: '邮箱 Mail', text: '2' },
    ],
  })
  const queued = await next('实习生能坐高铁一等座吗？')
  const ticket = { ticket: 'A-0042', turnId: `t_${queued.id}`, inReplyTo: queued.id, place: 2 }
  edge.reply(queued, { type: 'notice', text: '已记下，恢复后按顺序答复。', answeredBy: 'queued', ...ticket })
  edge.tickets(queued, [ticket])
  edge.reply(await next('转人工'), {
    type: 'notice',
    text: '已转交人工。',
    answeredBy: 'queued',
    handoff: 'hr',
  })
  const late = await next('公司年会几号？')
  edge.reply(late, { text: '十二月十八日。', answeredBy: 'center', quoted: '公司年会几号？', late: true })
  const refused = await next('这条太长了')
  edge.out(refused, {
    type: 'refused',
    code: 'overloaded',
    message: 'busy',
    inReplyTo: refused.id,
    at: new Date().toISOString(),
  })
  const running = await next('写一份 VPN 使用说明')
  edge.delta(running, {
    seq: 1,
    text: '# 使用说明\n\n首先，请确认手机上已安装「安全接入」。\n\n- 打开应用\n- 点',
  })
  await page.getByText('打开应用').waitFor()
}
