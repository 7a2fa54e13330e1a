import { History, lastTenant, randomId, rememberTenant, visitor } from './history.js'
import { openLink } from './link.js'
import { StreamedText } from './streamed-text.js'
import {
  draw,
  drawAll,
  drawRunning,
  dropRunning,
  labels,
  showPlace,
  showStatus,
  showSuggestions,
} from './view.js'
import { local, words } from './words.js'

const CHAT = 'page'
const MAX_INPUT_PX = 160
const form = document.getElementById('composer')
const input = document.getElementById('text')
const tenantSelect = document.getElementById('tenant')
const signIn = document.getElementById('signin')

/** Running answers by the question's id. */
const running = new Map()
let user = visitor()
let state = 'connecting'
let info
let tenant
let history
let link
let offElsewhere = () => {}

labels()
start({})
input.focus()

function start(login) {
  link?.close()
  link = openLink(login, { state: onState, info: onInfo, out: onOut, delta: onDelta })
}

function onState(next) {
  // The end of a connection that was refused is no loss.
  if (next === 'lost' && (state === 'signin' || state === 'denied')) return
  state = next
  showStatus(state, info?.link)
  if (state === 'signin' && !signIn.open) signIn.showModal()
}

function onInfo(next) {
  info = next
  showStatus(state, info.link)
  const ids = info.tenants.map((each) => each.id)
  // An edge that has just started says so again once it serves one.
  if (ids.length === 0) return
  const wanted = tenant ?? new URL(location.href).searchParams.get('tenant') ?? lastTenant()
  enter(ids.includes(wanted) ? wanted : info.defaultTenant)
}

function enter(next) {
  showPlace(info, next)
  const changed = next !== tenant
  tenant = next
  if (changed) {
    history = new History(tenant, user, CHAT)
    offElsewhere()
    offElsewhere = history.onElsewhere(redraw)
    running.clear()
    redraw()
  }
  link.enter(tenant, user, CHAT)
  if (!changed) return
  for (const { id, text } of history.unsent()) publish(id, text)
}

function redraw() {
  const welcome = info.tenants.find((each) => each.id === tenant)?.welcome
  drawAll(history.entries, local(welcome?.text))
  const suggestions = history.entries.length === 0 ? (welcome?.suggest ?? []).map(local) : []
  showSuggestions(
    suggestions.filter((text) => text !== ''),
    ask,
  )
}

function ask(text) {
  if (!history) return
  const entry = { id: randomId(), kind: 'question', text, state: 'sending' }
  history.add(entry)
  draw(entry)
  showSuggestions([], ask)
  publish(entry.id, text)
}

function publish(id, text) {
  link.ask(id, text, () => {
    const entry = history.entries.find((each) => each.id === id)
    if (entry?.state !== 'sending') return
    history.change(id, { state: 'sent' })
    draw({ ...entry, state: 'sent' })
    // The reply may have been faster than the acknowledgement.
    const answered = history.entries.some((each) => each.inReplyTo === id)
    if (!answered) drawRunning(id, running.get(id)?.text ?? '')
  })
}

function onOut(payload) {
  if (payload.type === 'refused') return onRefused(payload)
  running.delete(payload.inReplyTo)
  const { type, id, text, answeredBy, citations, ticket, quoted, model, route, inReplyTo, at } = payload
  const entry = {
    id,
    kind: 'reply',
    type,
    text,
    answeredBy,
    citations,
    ticket,
    quoted,
    model,
    route,
    inReplyTo,
    at,
  }
  if (!history.add(entry)) return
  draw(entry)
  dropRunning(inReplyTo)
}

function onRefused({ inReplyTo, message }) {
  const entry = history.entries.find((each) => each.id === inReplyTo)
  if (!entry) return
  history.change(inReplyTo, { state: 'refused', reason: message })
  draw({ ...entry, state: 'refused', reason: message })
  dropRunning(inReplyTo)
}

function onDelta(payload) {
  const { inReplyTo } = payload
  // A late answer comes whole, under its question's quotation; so does one to another tab's question.
  if (!history.has(inReplyTo) || history.entries.some((entry) => entry.inReplyTo === inReplyTo)) return
  const stream = running.get(inReplyTo) ?? new StreamedText()
  running.set(inReplyTo, stream)
  if (stream.take(payload).step !== 'none') drawRunning(inReplyTo, stream.text)
}

function grow() {
  input.style.height = 'auto'
  const borders = input.offsetHeight - input.clientHeight
  input.style.height = `${Math.min(input.scrollHeight + borders, MAX_INPUT_PX)}px`
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const text = input.value.trim()
  if (text === '') return
  input.value = ''
  grow()
  ask(text)
})

input.addEventListener('input', grow)
input.addEventListener('keydown', (event) => {
  // Enter that picks a word in an input method does not send.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  form.requestSubmit()
})

tenantSelect.addEventListener('change', () => {
  rememberTenant(tenantSelect.value)
  enter(tenantSelect.value)
})

signIn.addEventListener('cancel', (event) => event.preventDefault())
document.getElementById('login').addEventListener('submit', (event) => {
  const data = new FormData(event.target)
  const username = String(data.get('username'))
  const [ownTenant, ownUser] = username.split('/')
  user = ownUser
  tenant = undefined
  rememberTenant(ownTenant)
  state = 'connecting'
  start({ username, password: String(data.get('password')) })
  document.querySelector('#login h2').textContent = words.wrong
})
