const EN = {
  lang: 'en',
  placeholder: 'Ask something…',
  send: 'Send',
  log: 'Conversation',
  hint: 'Enter sends, Shift+Enter starts a new line',
  tenant: 'Organisation',
  status: {
    connecting: 'Connecting…',
    lost: 'Reconnecting…',
    ready: 'Online',
    away: 'Online, center away',
    denied: 'No access',
  },
  waiting: (count) => `${count} waiting`,
  by: { edge: 'Answered here', center: 'From the center', queued: 'Waiting for the center' },
  ticket: 'Ticket',
  sources: (count) => (count === 1 ? '1 source' : `${count} sources`),
  sending: 'Sending…',
  notSent: 'Not taken',
  typing: 'Writing…',
  generated: 'Generated text',
  signIn: 'Sign in',
  username: 'User (tenant/user)',
  password: 'Password',
  wrong: 'Wrong user or password',
}

const ZH = {
  lang: 'zh-CN',
  placeholder: '想问点什么……',
  send: '发送',
  log: '对话',
  hint: '回车发送，Shift+回车换行',
  tenant: '单位',
  status: {
    connecting: '正在连接……',
    lost: '正在重连……',
    ready: '在线',
    away: '在线，中心暂不可达',
    denied: '无权访问',
  },
  waiting: (count) => `${count} 条等待中`,
  by: { edge: '本地回答', center: '中心回答', queued: '等待中心' },
  ticket: '工单',
  sources: (count) => `${count} 处来源`,
  sending: '发送中……',
  notSent: '未接收',
  typing: '正在输入……',
  generated: 'AI 生成',
  signIn: '登录',
  username: '用户（单位/用户）',
  password: '密码',
  wrong: '用户或密码不正确',
}

export const words = (navigator.languages ?? [navigator.language]).some((tag) => /^(zh|en)/i.test(tag))
  ? pick(navigator.languages.find((tag) => /^(zh|en)/i.test(tag)))
  : EN

function pick(tag) {
  return /^zh/i.test(tag) ? ZH : EN
}

/** The reader's language out of `{zh, en, …}`, else the first that is there. */
export function local(text) {
  if (typeof text === 'string') return text
  const tags = Object.keys(text ?? {})
  const own = tags.find((tag) => tag.toLowerCase().startsWith(words.lang.slice(0, 2)))
  return text?.[own ?? tags[0]] ?? ''
}
