import { local, words } from './words.js'

const by = (id) => document.getElementById(id)
const log = by('log')

/** An element with text; everything from outside comes in as text, never as markup. */
function make(tag, className, text) {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

export function labels() {
  document.documentElement.lang = words.lang
  by('text').placeholder = words.placeholder
  by('text').setAttribute('aria-label', words.placeholder)
  by('send').setAttribute('aria-label', words.send)
  by('send').title = words.send
  by('hint').textContent = words.hint
  by('tenant').setAttribute('aria-label', words.tenant)
  log.setAttribute('aria-label', words.log)
  // It scrolls, so the keyboard has to get there.
  log.tabIndex = 0
  const [user, password] = document.querySelectorAll('#login label')
  document.querySelector('#login h2').textContent = words.signIn
  document.querySelector('#login button').textContent = words.signIn
  user.textContent = words.username
  password.textContent = words.password
}

/** `link` is the edge's own view of the center, or undefined while nothing is known. */
export function showStatus(state, link) {
  const away = state === 'ready' && link !== undefined && link.state !== 'ready'
  const shown = away ? 'away' : state
  const waiting = state === 'ready' && link?.waiting > 0 ? ` · ${words.waiting(link.waiting)}` : ''
  const status = by('status')
  status.dataset.state = shown
  status.textContent = `${words.status[shown] ?? ''}${waiting}`
}

export function showPlace(info, tenant) {
  const own = info.tenants.find((each) => each.id === tenant)
  by('title').textContent = local(own?.name) || tenant
  by('site').textContent = [info.site, info.edge].filter((part) => part).join(' · ')
  document.title = `${local(own?.name) || tenant} · 驿站`
  const select = by('tenant')
  select.hidden = info.tenants.length < 2
  select.replaceChildren(
    ...info.tenants.map((each) => {
      const option = make('option', '', local(each.name) || each.id)
      option.value = each.id
      option.selected = each.id === tenant
      return option
    }),
  )
}

export function showSuggestions(texts, onPick) {
  by('suggest').replaceChildren(
    ...texts.map((text) => {
      const button = make('button', 'chip', text)
      button.type = 'button'
      button.addEventListener('click', () => onPick(text))
      return button
    }),
  )
}

const nearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 120
const toEnd = () => {
  log.scrollTop = log.scrollHeight
}

/** Draws the whole chat; `welcome` stands above it. */
export function drawAll(entries, welcome) {
  log.replaceChildren()
  if (welcome) log.append(wrap(make('div', 'bubble welcome', welcome), 'line bot'))
  for (const entry of entries) log.append(lineOf(entry))
  toEnd()
}

/** Draws one entry, in place of what stands there for it (its older self, or the running answer). */
export function draw(entry) {
  const follow = nearEnd() || entry.kind === 'question'
  const line = lineOf(entry)
  const old = find(entry.id) ?? (entry.type === 'final' ? find(runningId(entry.inReplyTo)) : undefined)
  if (old) old.replaceWith(line)
  else log.append(line)
  if (follow) toEnd()
}

/** Shows a running answer to `inReplyTo` as far as it has come; an empty text shows that something is coming. */
export function drawRunning(inReplyTo, text) {
  const follow = nearEnd()
  const id = runningId(inReplyTo)
  let line = find(id)
  if (!line) {
    line = wrap(make('div', 'bubble'), 'line bot running')
    line.dataset.id = id
    // Read out once it is whole, not piece by piece.
    line.setAttribute('aria-busy', 'true')
    line.setAttribute('aria-live', 'off')
    log.append(line)
  }
  const bubble = line.firstElementChild
  if (text === '') bubble.replaceChildren(...typing())
  else bubble.textContent = text
  if (follow) toEnd()
}

export function dropRunning(inReplyTo) {
  find(runningId(inReplyTo))?.remove()
}

function typing() {
  const dots = ['', '', ''].map(() => make('i', 'dot'))
  return [make('span', 'unseen', words.typing), ...dots]
}

const runningId = (inReplyTo) => `running:${inReplyTo}`
const find = (id) => [...log.children].find((line) => line.dataset.id === id)

function wrap(child, className) {
  const line = make('li', className)
  line.append(child)
  return line
}

function lineOf(entry) {
  const line = entry.kind === 'question' ? questionLine(entry) : replyLine(entry)
  line.dataset.id = entry.id
  return line
}

function questionLine(entry) {
  const line = wrap(make('div', 'bubble', entry.text), 'line me')
  if (entry.state === 'sending') line.append(make('p', 'meta', words.sending))
  if (entry.state === 'refused') line.append(make('p', 'meta refused', `${words.notSent}: ${entry.reason}`))
  return line
}

function replyLine(entry) {
  const bubble = make('div', 'bubble')
  if (entry.quoted) bubble.append(make('blockquote', '', entry.quoted))
  bubble.append(make('div', 'text', entry.text))
  if (entry.citations?.length > 0) bubble.append(sources(entry.citations))
  const line = wrap(bubble, `line bot ${entry.type}`)
  line.append(facts(entry))
  return line
}

function sources(citations) {
  const details = make('details', 'sources')
  details.append(make('summary', '', words.sources(citations.length)))
  const list = make('ol')
  for (const { title, document: name, heading, passage } of citations) {
    const item = make('li')
    item.append(make('b', '', place(title || name, heading)))
    if (passage) item.append(make('p', '', passage))
    list.append(item)
  }
  details.append(list)
  return details
}

/** Headings begin with the title where the document does. */
function place(title, heading) {
  if (!heading) return title
  return heading.startsWith(title) ? heading : `${title} › ${heading}`
}

function facts(entry) {
  const meta = make('p', 'meta')
  meta.append(make('span', `tag ${entry.answeredBy}`, words.by[entry.answeredBy] ?? ''))
  if (entry.ticket) meta.append(make('span', 'ticket', `${words.ticket} ${entry.ticket}`))
  // What is quoted from documents is not generated.
  if (entry.model && entry.model !== 'extractive') meta.append(make('span', '', words.generated))
  if (entry.route) meta.append(make('code', '', `${entry.route.intent} ${entry.route.score.toFixed(2)}`))
  const time = make(
    'time',
    '',
    new Date(entry.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
  )
  time.dateTime = entry.at
  meta.append(time)
  return meta
}
