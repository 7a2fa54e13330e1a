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
  'handoff.queued': {
    zh: '已登记给 {name}（{channel}）处理，编号 {ticket}。',
    en: 'This is on the list of {name} ({channel}) now: ticket {ticket}.',
  },
  'handoff.later': {
    zh: '{name}（{channel}）现在不在，工作时间：{hours}。已登记，编号 {ticket}。',
    en: '{name} ({channel}) is not there now, but {hours}. This is on the list: ticket {ticket}.',
  },
  'handoff.closed': {
    zh: '{name}（{channel}）现在不在，工作时间：{hours}。请届时再问。',
    en: '{name} ({channel}) is not there now, but {hours}. Please ask again then.',
  },
  'slots.noted': { zh: '已记下：{values}。', en: 'Noted: {values}.' },
  'slots.unread-date': {
    zh: '没看懂是哪一天。例如：明天、下周一、12月1日、2026-12-01。',
    en: 'Which day is that? For example: tomorrow, next Monday, 1 December, 2026-12-01.',
  },
  'slots.unread-time': {
    zh: '没看懂是几点。例如：9点半、下午3点、15:30。',
    en: 'Which time is that? For example: 9:30, 3 pm, 15:30.',
  },
  'slots.unread-number': {
    zh: '请回复一个数字，例如：3、2.5、三。',
    en: 'Please reply with one number. For example: 3, 2.5, three.',
  },
  'slots.unread-choice': {
    zh: '请回复其中一项的数字或名称。',
    en: 'Please reply with the number or the name of one of these.',
  },
  'slots.unread-text': {
    zh: '请用一句话回答，最多 {max} 个字符。',
    en: 'Please answer in a sentence of at most {max} characters.',
  },
  'slots.way-out': { zh: '（回复“取消”可结束）', en: '(Say “cancel” to stop.)' },
  'slots.cancelled': { zh: '好的，不继续了。', en: 'All right, we leave it at that.' },
  'slots.gave-up': {
    zh: '抱歉，还是没看懂，先到这里，没有提交任何内容。您可以重新提问。',
    en: 'Sorry, I still cannot read that, so I stop here; nothing was handed in. Please ask again.',
  },
  'slots.changed': {
    zh: '这项服务刚刚更新了，请重新提问。',
    en: 'This service has just been changed. Please ask again.',
  },
  'attachments.only': {
    zh: '收到 {names}，但我无法查看文件内容。请把相关文字粘贴到这里。',
    en: 'I have got {names}, but I cannot look into files. Please paste the text that matters here.',
  },
  'attachments.ignored': { zh: '（没有查看附件：{names}）', en: '(Not looked at: {names})' },
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
