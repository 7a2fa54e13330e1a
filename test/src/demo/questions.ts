import type { Role } from './transcript.js'

export type Language = 'en' | 'zh'

/** What the people of the demo ask, in words that the tenant in examples/acme has as its own. */
export const QUESTIONS: Readonly<
  Record<Language, Readonly<Record<Exclude<Role, 'ticket' | 'uncut'>, string>>>
> = {
  en: {
    local: 'How do I connect to the VPN?',
    stream: 'What is the hotel limit on business trips?',
    offline: 'I forgot my password',
  },
  zh: {
    local: '怎么连 VPN？',
    stream: '出差住宿标准是多少？',
    offline: '忘记密码了',
  },
}

export const HEAVY: Readonly<Record<Language, readonly string[]>> = {
  en: [
    'Which number do I call when my laptop is lost?',
    'Can interns travel first class?',
    'How long is maternity leave?',
  ],
  zh: ['笔记本丢了要打哪个电话？', '实习生能坐高铁一等座吗？', '产假有多少天？'],
}
