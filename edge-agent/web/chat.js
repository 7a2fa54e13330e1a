import { Chats } from './chats.js'
import { claimClientId } from './client-slot.js'
import { Composer } from './composer.js'
import { Conversation } from './conversation.js'
import { Demo } from './demo.js'
import { Header } from './header.js'
import { openLink } from './link.js'
import { announce } from './live.js'
import { Log, labelLog } from './log.js'
import { SignIn } from './sign-in.js'
import { onElsewhere, read, visitor, write } from './storage.js'
import { onLanguage, words } from './words.js'

let user = visitor()
let state = 'connecting'
let info
let tenant
let chats
let conversation
let link

const log = new Log()
const demo = new Demo()
const composer = new Composer({
  say(said) {
    conversation?.ask(said)
    return conversation !== undefined
  },
  stop: () => conversation?.stop(),
  last: () => conversation?.lastQuestion(),
})
const header = new Header({
  tenant: (next) => {
    write('tenant', next)
    enterTenant(next)
  },
  newChat: () => enterChat(chats?.begin()),
  chats: () => ({ current: conversation?.address.chat, all: chats?.all ?? [] }),
  chat: enterChat,
})
const signIn = new SignIn(({ username, password, ...who }) => {
  user = who.user
  tenant = undefined
  write('tenant', who.tenant)
  start({ username, password })
})
const clientId = await claimClientId()

label()
onLanguage(() => {
  label()
  if (info && tenant) header.place(info, tenant)
  header.status(state, info)
  conversation?.redraw()
})
onElsewhere((key) => {
  if (key.startsWith('chat/')) header.unread(chats?.all.some(({ unread }) => unread) ?? false)
})
start({})
composer.focus()

function label() {
  header.label()
  composer.label()
  labelLog()
}

function start(login) {
  link?.close()
  state = 'connecting'
  link = openLink(
    { clientId, ...login },
    {
      state: onState,
      info: onInfo,
      out: onOut,
      delta: (chat, payload) => here(chat)?.delta(payload),
      tickets: (chat, payload) => here(chat)?.tickets(payload),
    },
  )
}

function onState(next) {
  // The end of a connection that was refused is no loss.
  if (next === 'lost' && (state === 'signin' || state === 'denied')) return
  state = next
  header.status(state, info)
  if (state === 'ready') conversation?.sendAgain()
  if (state === 'signin') signIn.ask()
}

function onInfo(next) {
  info = next
  header.status(state, info)
  composer.limits(info.chat)
  demo.show(info.chat.demo)
  const ids = info.tenants.map(({ id }) => id)
  // An edge that has just started says so again once it serves one.
  if (ids.length === 0) return
  const wanted = tenant ?? new URL(location.href).searchParams.get('tenant') ?? read('tenant')
  enterTenant(ids.includes(wanted) ? wanted : info.defaultTenant)
}

function enterTenant(next) {
  header.place(info, next)
  if (next === tenant) return
  tenant = next
  chats = new Chats(tenant, user)
  enterChat(chats.current())
}

function enterChat(chat) {
  if (chat === undefined) return
  conversation?.close()
  chats.enter(chat)
  // A browser that keeps nothing knows of this one only.
  const known = new Set([chat, ...chats.all.map(({ id }) => id)])
  link.enter({ tenant, user, chats: known, current: chat })
  conversation = new Conversation(chats.address(chat), {
    log,
    publish: (payload, done) => link.publish(chat, payload, done),
    welcome: () => info.tenants.find(({ id }) => id === tenant)?.welcome,
    onBusy: (busy) => composer.busy(busy),
    onSaid: (text) => chats.said(chat, text),
    onFull: () => announce(words.full),
  })
  header.unread(chats.all.some(({ unread }) => unread))
  conversation.sendAgain()
  composer.focus()
}

const here = (chat) => (conversation?.address.chat === chat ? conversation : undefined)

function onOut(chat, payload) {
  const open = here(chat)
  if (open) return open.out(payload)
  if (payload.type === 'refused') return
  // Kept for when somebody looks there.
  chats.keepReply(chat, payload)
  header.unread(true)
}
