/**
 * Every sentence that an edge says by itself, in both languages; `{name}` is a placeholder. Here because the center checks
 * and lists them (`messages list`) before a tenant's own words for them reach an edge.
 */
export const MESSAGES = {
  'help.intro': {
    zh: '我可以直接回答常见问题，其余的会转给总部。可用指令：',
    en: 'I answer common questions myself and pass the rest on to the center. Commands:',
  },
  'help.commands': {
    zh: '/status 状态\n/new 新话题\n/cancel 取消\n/lang zh|en 切换语言\n/human 转人工\n/help 帮助',
    en: '/status what is going on\n/new new topic\n/cancel stop\n/lang zh|en language\n/human talk to a person\n/help this list',
  },
  'status.link-up': { zh: '与总部的连接：正常。', en: 'Link to the center: up.' },
  'status.link-down': {
    zh: '与总部的连接：中断。常见问题照常回答，其余的排队等候。',
    en: 'Link to the center: down. Common questions are answered as usual, the others wait.',
  },
  'status.nothing-waits': { zh: '您没有等待中的问题。', en: 'No question of yours is waiting.' },
  'status.waits': { zh: '等待中：{tickets}。', en: 'Waiting: {tickets}.' },
  'status.ticket': { zh: '{ticket}（第 {place} 位）', en: '{ticket} (place {place})' },
  'new.done': { zh: '好的，开始新话题。', en: 'All right, a new topic.' },
  'cancel.done': { zh: '已取消 {count} 个问题。', en: 'Cancelled: {count}.' },
  'cancel.nothing': { zh: '没有可取消的问题。', en: 'There is nothing to cancel.' },
  'lang.done': { zh: '好的，之后用中文回答。', en: 'All right, I will answer in English.' },
  'lang.other': { zh: '好的，之后用 {language} 回答。', en: 'All right, I will answer in {language}.' },
  'lang.unknown': {
    zh: '可选的语言：{languages}。例如 /lang {example}',
    en: 'Languages: {languages}. For example /lang {example}',
  },
  'human.none': {
    zh: '目前没有配置人工服务，请联系您的管理员。',
    en: 'No hand-off to a person is set up here. Please ask your administrator.',
  },
  'ticket.waits': {
    zh: '已记下，与总部恢复连接后按顺序答复。',
    en: 'Noted. It will be answered in order once the center can be reached again.',
  },
  'ticket.number': { zh: '编号 {ticket}，第 {place} 位。', en: 'Ticket {ticket}, place {place}.' },
  'ask-back.question': {
    zh: '您想问的是哪一个？请回复数字：',
    en: 'Which one do you mean? Please reply with the number:',
  },
  'ask-back.neither': { zh: '都不是', en: 'neither' },
  'end.cancelled': { zh: '已取消。', en: 'Cancelled.' },
  'end.expired': {
    zh: '很抱歉，等待太久，没能得到总部的答复，请重新提问。',
    en: 'Sorry, this waited too long for the center. Please ask again.',
  },
  'end.failed': {
    zh: '很抱歉，这个问题没能答上来（{code}）。请稍后再试。',
    en: 'Sorry, this could not be answered ({code}). Please try again later.',
  },
  'end.no-answer': { zh: '资料里没有找到答案。', en: 'There is no answer to this in the documents.' },
  'refuse.overloaded': {
    zh: '等待的问题太多了，请稍后再问。',
    en: 'Too many questions are waiting. Please ask again later.',
  },
  'refuse.maintenance': { zh: '正在维护，请稍后再来。', en: 'Under maintenance. Please come back later.' },
  'refuse.too-long': {
    zh: '问题太长了，最多 {max} 个字符。',
    en: 'That is too long; at most {max} characters.',
  },
  'refuse.not-served': { zh: '这里已不再提供该服务。', en: 'This service is no longer offered here.' },
  'card.unknown': { zh: '这个按钮已失效。', en: 'This button no longer works.' },
} as const satisfies Record<string, { readonly zh: string; readonly en: string }>

export type MessageKey = keyof typeof MESSAGES

const PLACEHOLDER = /\{([a-z]+)\}/gu

/** The names in braces of a sentence, sorted, each once. */
export function placeholdersOf(sentence: string): string[] {
  return [...new Set([...sentence.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ''))].sort()
}

export function isMessageKey(key: string): key is MessageKey {
  return Object.hasOwn(MESSAGES, key)
}

export type MessageProblem =
  | { readonly unknown: 'key' }
  | { readonly unknown: 'placeholder'; readonly name: string }

/** What is wrong with a tenant's own sentence for `key`, or undefined. */
export function messageProblem(key: string, sentence: string): MessageProblem | undefined {
  if (!isMessageKey(key)) return { unknown: 'key' }
  const known = placeholdersOf(MESSAGES[key].en)
  const wrong = placeholdersOf(sentence).find((name) => !known.includes(name))
  return wrong === undefined ? undefined : { unknown: 'placeholder', name: wrong }
}
