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
    zh: '/status 状态\n/new 新话题\n/cancel 取消\n/lang zh|en 切换语言\n/human 转人工\n/privacy 隐私\n/help 帮助',
    en: '/status what is going on\n/new new topic\n/cancel stop\n/lang zh|en language\n/human talk to a person\n/privacy your data\n/help this list',
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
  'slots.unread-datetime': {
    zh: '没看懂是哪天几点。例如：明天下午3点、下周三9点半、2026-12-01 15:30。',
    en: 'Which day and time is that? For example: tomorrow 3 pm, next Wednesday 9:30, 2026-12-01 15:30.',
  },
  'slots.unread-percent': {
    zh: '请回复一个百分比，例如：30%、百分之三十。',
    en: 'Please reply with one percentage. For example: 30 %, thirty percent.',
  },
  'slots.unread-name': {
    zh: '没有找到这个名称，请换个说法。',
    en: 'That name is not known here. Please try another one.',
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
  'slots.lapsed': {
    zh: '“{question}”隔得太久，已经作废，没有提交任何内容。还需要的话请再说一遍。',
    en: '“{question}” was too long ago: nothing was handed in. Say it again if you still want it.',
  },
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
  'end.superseded': {
    zh: '（上面的回答中断了，以下是重新生成的完整回答。）',
    en: '(The answer above was cut off. Here is the whole answer, made anew.)',
  },
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
  'refuse.lease-over': {
    zh: '本网点与总部失联太久，已按规定删除所保存的对话。恢复连接后即可重新提问。',
    en: 'This branch has been cut off from the center for too long and has deleted its conversations, as it must. Please ask again once it is connected.',
  },
  'handoff.told': {
    zh: '已登记转人工处理，编号 {ticket}。',
    en: 'Handed on to a person, number {ticket}.',
  },
  'privacy.title': { zh: '征求您的同意', en: 'Your consent' },
  'privacy.ask': {
    zh: '在处理您的消息之前，需要先征得您的同意：',
    en: 'Before your message is processed, your consent is needed:',
  },
  'privacy.tell': { zh: '关于您的信息：', en: 'About your data:' },
  'privacy.purpose': { zh: '{title}（版本 {version}）', en: '{title} (version {version})' },
  'privacy.optional': { zh: '可选', en: 'optional' },
  'privacy.abroad': { zh: '信息会传至境外。', en: 'Data leaves the country for this.' },
  'privacy.recipients': { zh: '接收方：{names}。', en: 'Recipients: {names}.' },
  'privacy.contact': { zh: '联系方式：{contact}', en: 'Contact: {contact}' },
  'privacy.until': {
    zh: '在您决定之前，消息只短暂保存在本网点，{hours} 小时后自动删除。随时可发送 /privacy 查看或撤回。',
    en: 'Until you decide, the message is only kept here for a short time and is deleted after {hours} hours. Send /privacy at any time to see or withdraw.',
  },
  'privacy.agree': { zh: '同意', en: 'Agree' },
  'privacy.agree-required': { zh: '仅同意必要部分', en: 'Only what is needed' },
  'privacy.decline': { zh: '不同意', en: 'Decline' },
  'privacy.thanks': { zh: '谢谢，已记录您的同意。', en: 'Thank you, your consent is recorded.' },
  'privacy.thanks-held': {
    zh: '谢谢，已记录您的同意，现在处理您的 {count} 条消息。',
    en: 'Thank you, your consent is recorded. Your messages ({count}) are processed now.',
  },
  'privacy.declined': {
    zh: '好的，没有您的同意就不处理您的消息。如改变主意，发送“同意”即可。',
    en: 'All right; without your consent nothing of yours is processed. Should you change your mind, send “agree”.',
  },
  'privacy.refused': {
    zh: '没有您的同意，这条消息未被处理，内容已删除。',
    en: 'Without your consent this message was not processed; its text has been deleted.',
  },
  'privacy.expired': {
    zh: '没有等到您的同意，这条消息未被处理，内容已删除。需要时请重新提问。',
    en: 'Your consent did not come in time: this message was not processed and its text has been deleted. Please ask again if you need to.',
  },
  'privacy.full': {
    zh: '请先决定是否同意，之后再发消息；这条消息未被处理，内容已删除。',
    en: 'Please decide first whether you agree; this message was not processed and its text has been deleted.',
  },
  'privacy.nothing-asked': {
    zh: '这里没有需要您同意的事项。',
    en: 'There is nothing here that needs your consent.',
  },
  'privacy.held': {
    zh: '本网点保存着您的 {count} 条消息及其答复，最多保留几天。',
    en: 'This branch holds {count} messages of yours with their answers, for a few days at most.',
  },
  'privacy.state-given': { zh: '已同意（{day}）', en: 'agreed ({day})' },
  'privacy.state-refused': { zh: '不同意（{day}）', en: 'declined ({day})' },
  'privacy.state-withdrawn': { zh: '已撤回（{day}）', en: 'withdrawn ({day})' },
  'privacy.state-open': { zh: '尚未决定', en: 'not decided' },
  'privacy.state-told': { zh: '无需同意', en: 'needs no consent' },
  'privacy.how': {
    zh: '/privacy agree [用途] 同意\n/privacy withdraw [用途] 撤回同意\n/privacy export 索取副本\n/privacy erase 要求删除',
    en: '/privacy agree [purpose] agree\n/privacy withdraw [purpose] take a consent back\n/privacy export ask for a copy\n/privacy erase ask for deletion',
  },
  'privacy.withdrawn': {
    zh: '已撤回：{titles}。从现在起不再用于此目的，此前的处理不受影响。',
    en: 'Withdrawn: {titles}. From now on nothing is used for this; what was done before stays as it was.',
  },
  'privacy.withdrawn-required': {
    zh: '没有这项同意就无法继续回答您；下次提问时会再次征求。',
    en: 'Without it you cannot be answered; you will be asked again with your next question.',
  },
  'privacy.nothing-given': { zh: '没有可撤回的同意。', en: 'There is no consent to take back.' },
  'privacy.unknown-purpose': {
    zh: '没有这个用途。可选：{titles}',
    en: 'There is no such purpose. Known: {titles}',
  },
  'privacy.export-asked': {
    zh: '已登记您索取副本的请求，由负责人员处理并答复您。',
    en: 'Your request for a copy is noted; the people responsible will answer you.',
  },
  'privacy.erase-confirm': {
    zh: '删除后无法恢复，也无法再答复等待中的问题。确定要求删除您的全部信息吗？',
    en: 'What is deleted cannot be brought back, and questions that wait will not be answered. Do you ask for all your data to be deleted?',
  },
  'privacy.erase-yes': { zh: '确定，要求删除', en: 'Yes, ask for deletion' },
  'privacy.erase-asked': {
    zh: '已登记您的删除请求，由负责人员核对后，在总部和所有网点执行并答复您。',
    en: 'Your request for deletion is noted. The people responsible check it, have it carried out at the center and in every branch, and answer you.',
  },
  'privacy.later': {
    zh: '目前与总部断开，恢复连接后自动送达。',
    en: 'There is no link to the center now; this is passed on as soon as it is back.',
  },
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
