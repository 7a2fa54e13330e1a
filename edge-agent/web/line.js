import { cardOf, choicesOf } from './card.js'
import { openPassage, sourcesOf } from './citations.js'
import { copyButton } from './copy.js'
import { make, makeButton, makeIcon, name, put } from './element.js'
import { feedbackOf } from './feedback.js'
import { prose } from './prose.js'
import { routeOf } from './route.js'
import { handoffOf, ticketOf } from './ticket.js'
import { unshown } from './told.js'
import { clockTime, fileSize, words } from './words.js'

/**
 * One line of a chat. `about` says what else is known of the entry: `ticket`, `pending` (pressed actions), `asked`
 * (whether its question is here). `on` has what its buttons do: say, press, retry, rate, cancel, jump.
 */
export function lineOf(entry, about, on) {
  const line = entry.kind === 'question' ? questionLine(entry, on) : replyLine(entry, about, on)
  line.dataset.id = entry.id
  return line
}

function frame(className, who, at) {
  const line = make('article', `line ${className}`)
  line.setAttribute('aria-label', [who, clockTime(at)].filter(Boolean).join(', '))
  return line
}

function questionLine(entry, on) {
  const line = frame('me', words.you, entry.at)
  const bubble = make('div', 'bubble')
  if (entry.text) put(bubble, make('div', 'said', entry.label ?? entry.text))
  for (const file of entry.files ?? []) put(bubble, fileOf(file))
  if (entry.card) bubble.classList.add('pressed')
  put(line, bubble)
  if (entry.state === 'sending') put(line, make('p', 'meta', words.sending))
  if (entry.state === 'refused') put(line, refusedOf(entry, on))
  return line
}

function fileOf({ name: file, size, inMessage }) {
  const chip = make('p', 'file')
  const more = inMessage ? `${fileSize(size)} · ${words.inMessage}` : fileSize(size)
  return put(chip, makeIcon('clip'), make('b', '', file), make('span', '', more))
}

function refusedOf(entry, on) {
  const why = words.refused[entry.code]
  const said = typeof why === 'string' ? why : entry.reason
  const row = make('p', 'meta refused')
  put(row, make('span', '', `${words.notTaken}: ${said}`))
  return put(
    row,
    makeButton('push small', words.retry, () => on.retry(entry)),
  )
}

function replyLine(entry, about, on) {
  const line = frame(`bot ${entry.type}`, words.bot, entry.at)
  line.dataset.by = entry.answeredBy
  const bubble = make('div', 'bubble')
  if (entry.quoted) put(bubble, quotedOf(entry, about, on))
  put(bubble, ...contentOf(entry, about, on))
  put(line, bubble)
  const { meta, below } = metaOf(entry, on)
  return put(line, meta, ...below)
}

function contentOf(entry, about, on) {
  const citations = entry.citations ?? []
  const parts = []
  if (entry.card) {
    const press = (action, label) => on.press(entry, action, label)
    parts.push(cardOf(entry.card, about.pending, { press, say: on.say }))
  } else if (entry.text) {
    parts.push(prose(unshown(entry), citations, (index) => openPassage(citations, index)))
  }
  const ended = words.finish[entry.finish]
  if (entry.type === 'final' && ended && !entry.text) parts.push(make('p', 'ended', ended))
  if (entry.choices?.length > 0) parts.push(choicesOf(entry.choices, on.say))
  if (citations.length > 0) parts.push(sourcesOf(citations))
  if (entry.ticket && entry.type === 'notice')
    parts.push(ticketOf(entry, about.ticket, () => on.cancel(entry)))
  if (entry.handoff !== undefined) parts.push(handoffOf(entry))
  return parts
}

function quotedOf({ quoted, inReplyTo }, { asked }, on) {
  if (!asked) return make('blockquote', 'quoted', quoted)
  const button = makeButton('quoted', quoted, () => on.jump(inReplyTo))
  name(button, words.quoted(quoted))
  return button
}

function metaOf(entry, on) {
  const meta = make('div', 'meta')
  const below = []
  const route = entry.route ? routeOf(entry) : undefined
  // Somebody takes over: it waits for no center.
  const told = entry.handoff === undefined ? words.by[entry.answeredBy] : words.handoff
  put(meta, route?.chip ?? make('span', `tag ${entry.answeredBy}`, told ?? ''))
  if (route) below.push(route.panel)
  const answers = entry.finish !== 'cancelled'
  if (entry.quoted && answers) put(meta, make('span', 'late', words.late))
  // What is quoted from documents is not generated.
  if (entry.model && entry.model !== 'extractive') put(meta, make('span', 'generated', words.generated))
  const time = make('time', '', clockTime(entry.at))
  time.dateTime = entry.at
  put(meta, time)
  const tools = make('span', 'tools')
  put(
    tools,
    copyButton(() => entry.text),
  )
  if (entry.type === 'final' && answers) {
    const { buttons, form } = feedbackOf(entry, (rating, reason) => on.rate(entry, rating, reason))
    put(tools, ...buttons)
    below.push(form)
  }
  put(meta, tools)
  return { meta, below }
}

/** What is read out of an entry, once. */
export function spoken(entry) {
  const { card } = entry
  const element = make('div')
  if (card) {
    const facts = card.facts.map(({ name: label, value }) => `${label}: ${value}`)
    return [card.title, plain(card.text), ...facts].join('. ')
  }
  element.append(prose(entry.text))
  return [element.textContent, entry.ticket ? words.ticket(entry.ticket) : ''].join(' ').trim()
}

function plain(text) {
  return text ? prose(text).textContent : ''
}
