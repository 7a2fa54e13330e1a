import type { AnsweredBy } from '../ledger/turn.js'

/** What the terminal client itself says; answers come from the edge in the asker's language. */
export interface Words {
  readonly hello: (edge: string, tenant: string) => string
  readonly lost: string
  readonly back: string
  readonly late: (question: string) => string
  readonly on: (question: string) => string
  readonly goesOn: (question: string) => string
  readonly refused: (code: string, message: string) => string
  readonly startsAnew: string
  readonly by: Readonly<Record<AnsweredBy, string>>
  readonly place: (place: number) => string
  readonly handoff: (who: string) => string
  readonly away: (since: string, waiting: number) => string
  readonly tickets: (tickets: readonly { readonly ticket: string; readonly place: number }[]) => string
  readonly pick: string
  readonly open: (url: string) => string
  readonly stopping: string
  readonly nothingRuns: string
  readonly nothingYet: string
  readonly thanks: string
  readonly noSources: string
  readonly commands: Readonly<Record<string, string>>
  readonly why: {
    readonly hidden: string
    readonly threshold: string
    readonly match: string
    readonly matches: Readonly<Record<'exact' | 'model' | 'none', string>>
    readonly decision: string
    readonly decisions: Readonly<Record<string, string>>
    readonly classified: string
    readonly waited: string
    readonly queued: string
    readonly took: string
    readonly model: string
  }
}

const EN: Words = {
  hello: (edge, tenant) => `Connected to ${edge} (${tenant}). /help for commands, /quit to leave.`,
  lost: 'Connection lost; trying again. Nothing that was sent is lost.',
  back: 'Connected again.',
  late: (question) => `Answer to “${question}”:`,
  on: (question) => `On “${question}”:`,
  goesOn: (question) => `… on “${question}”:`,
  refused: (code, message) => `Not taken (${code}): ${message}`,
  startsAnew: '(the answer starts anew)',
  by: { edge: 'edge', center: 'center', queued: 'waiting', person: 'a person' },
  place: (place) => `place ${place}`,
  handoff: (who) => `→ ${who} takes over`,
  away: (since, waiting) => `center away since ${since}${waiting > 0 ? `, ${waiting} waiting` : ''}`,
  tickets: (tickets) => tickets.map(({ ticket, place }) => `${ticket}: place ${place}`).join(', '),
  pick: 'type a number to choose',
  open: (url) => `Open in the browser: ${url}`,
  stopping: 'Stopping the answer; Ctrl-C again to leave.',
  nothingRuns: 'No answer is running.',
  nothingYet: 'There is no answer yet.',
  thanks: 'Noted, thank you.',
  noSources: 'That answer cites nothing.',
  commands: {
    '/help': 'what the bot can do',
    '/status': 'link, and what waits',
    '/new': 'a new topic',
    '/cancel': 'take back what waits or runs',
    '/lang': 'language: /lang zh, /lang en',
    '/human': 'a person',
    '/stop': 'stop the running answer',
    '/why': 'how the last answer came about',
    '/sources': 'the passages of the last answer',
    '/up': 'the last answer was good',
    '/down': 'it was not: /down REASON',
    '/quit': 'leave',
  },
  why: {
    hidden: 'This edge does not tell (its setting chat.showRoute).',
    threshold: 'accepted from',
    match: 'found by',
    matches: { exact: 'the very words', model: 'the model', none: 'nothing' },
    decision: 'decision',
    decisions: {
      answer: 'answered here',
      forward: 'handed to the center',
      queue: 'waits for the center',
      'ask-back': 'asked back',
      refuse: 'refused',
      command: 'a command',
      card: 'a button',
      slots: 'asks for what is missing',
      handoff: 'handed to a person',
    },
    classified: 'classified in',
    waited: 'waited',
    queued: 'queued at the center',
    took: 'took',
    model: 'model',
  },
}

const ZH: Words = {
  hello: (edge, tenant) => `已连接 ${edge}（${tenant}）。/help 查看命令，/quit 退出。`,
  lost: '连接中断，正在重连；已发送的不会丢失。',
  back: '已重新连接。',
  late: (question) => `关于「${question}」的答复：`,
  on: (question) => `答「${question}」：`,
  goesOn: (question) => `…接「${question}」：`,
  refused: (code, message) => `未接收（${code}）：${message}`,
  startsAnew: '（答复重新开始）',
  by: { edge: '本地', center: '中心', queued: '等待中', person: '人工' },
  place: (place) => `第 ${place} 位`,
  handoff: (who) => `→ 已转给 ${who}`,
  away: (since, waiting) => `中心自 ${since} 起断开${waiting > 0 ? `，${waiting} 个在等` : ''}`,
  tickets: (tickets) => tickets.map(({ ticket, place }) => `${ticket}：第 ${place} 位`).join('，'),
  pick: '输入编号即可选择',
  open: (url) => `请在浏览器中打开：${url}`,
  stopping: '正在停止答复；再按一次 Ctrl-C 退出。',
  nothingRuns: '没有正在进行的答复。',
  nothingYet: '还没有答复。',
  thanks: '已记下，谢谢。',
  noSources: '这条答复没有引用资料。',
  commands: {
    '/help': '小助手会什么',
    '/status': '链路状态和在等的问题',
    '/new': '新话题',
    '/cancel': '取消在等或在答的问题',
    '/lang': '语言：/lang zh、/lang en',
    '/human': '转人工',
    '/stop': '停止正在进行的答复',
    '/why': '上一条答复是怎么来的',
    '/sources': '上一条答复引用的原文',
    '/up': '上一条答复有用',
    '/down': '上一条答复没用：/down 原因',
    '/quit': '退出',
  },
  why: {
    hidden: '这个边缘节点不提供（其设置 chat.showRoute）。',
    threshold: '采纳门槛',
    match: '依据',
    matches: { exact: '原话', model: '模型', none: '无' },
    decision: '决定',
    decisions: {
      answer: '本地回答',
      forward: '交给中心',
      queue: '等中心恢复',
      'ask-back': '反问',
      refuse: '拒绝',
      command: '命令',
      card: '按钮',
      slots: '追问所缺信息',
      handoff: '转人工',
    },
    classified: '分类用时',
    waited: '等待',
    queued: '中心排队',
    took: '总用时',
    model: '模型',
  },
}

/** By YIZHAN_LANG, LC_ALL, LC_MESSAGES or LANG. */
export function wordsFor(env: Readonly<Record<string, string | undefined>>): Words {
  const lang = env.YIZHAN_LANG || env.LC_ALL || env.LC_MESSAGES || env.LANG || 'en'
  return lang.toLowerCase().startsWith('zh') ? ZH : EN
}
