import { createInterface } from 'node:readline'
import type { Clock } from '@yizhan/kernel'
import { type ChatConnection, type ConnectOptions, openChat } from './connection.js'
import { Conversation, type ConversationDeps } from './conversation.js'
import { History, historyPath } from './history.js'
import { type ChatIo, type TerminalIo, terminalOf } from './io.js'
import { paintFor } from './paint.js'
import { TerminalView } from './terminal-view.js'
import { PlainView } from './view.js'
import { wordsFor } from './words.js'

export interface ConverseOptions extends ConnectOptions {
  /** One line of JSON for each reply, in place of text. */
  readonly json?: boolean
}

/** Lines of a pipe that mean the answer before them, which may still be on its way: commands about it, a button's number. */
const ABOUT_ANSWER = /^(\/(why|sources|up|down)\b|\d{1,2}$)/

/** A conversation until `/quit` or the end of input; open questions of a piped input are waited for. */
export async function converse(
  { clock }: { clock: Clock },
  options: ConverseOptions,
  io: ChatIo,
): Promise<number> {
  const terminal = options.json ? undefined : terminalOf(io)
  if (terminal) await onTerminal(clock, options, io, terminal)
  else await onPipe(clock, options, io)
  return 0
}

async function onTerminal(
  clock: Clock,
  options: ConverseOptions,
  io: ChatIo,
  terminal: TerminalIo,
): Promise<void> {
  const words = wordsFor(io.env)
  const paint = paintFor(true, io.env)
  let leave: () => void = () => undefined
  const left = new Promise<void>((resolve) => {
    leave = resolve
  })
  const history = new History(historyPath(io.env))
  const view: TerminalView = new TerminalView(
    terminal,
    { paint, history, commands: words.commands },
    {
      line: (text) => {
        if (conversation.say(text)) leave()
      },
      interrupt: () => {
        if (!conversation.interrupt()) leave()
      },
      end: leave,
    },
  )
  const { chat, conversation } = await open({ clock, words, paint, view, isTerminal: true }, options)
  try {
    view.open()
    view.print([paint.dim(words.hello(chat.info.edge, chat.tenant))])
    await left
  } finally {
    view.close()
    await chat.close()
  }
}

async function onPipe(clock: Clock, options: ConverseOptions, io: ChatIo): Promise<void> {
  const words = wordsFor(io.env)
  const paint = paintFor(io.isTty, io.env)
  const view = new PlainView((text) => io.stdout.write(text))
  const json = options.json
    ? (payload: object) => void io.stdout.write(`${JSON.stringify(payload)}\n`)
    : undefined
  const { chat, conversation } = await open({ clock, words, paint, view, isTerminal: false, json }, options)
  if (io.isTty && !json) view.print([paint.dim(words.hello(chat.info.edge, chat.tenant))])
  // Opened only now: it reads at once, and lines that come before their listener are lost.
  const input = createInterface({ input: io.stdin })
  let hasLeft = false
  let said = Promise.resolve()
  const ended = new Promise<void>((resolve) => input.once('close', resolve))
  input.on('line', (line) => {
    said = said.then(async () => {
      if (hasLeft) return
      if (ABOUT_ANSWER.test(line.trim())) await conversation.settled()
      hasLeft = conversation.say(line)
      if (hasLeft) input.close()
    })
  })
  try {
    await ended
    await said
    if (!hasLeft) await conversation.settled()
  } finally {
    await chat.close()
  }
}

/** The connection and the conversation on it; what comes before both are there is kept by the edge's own order. */
async function open(
  deps: ConversationDeps,
  options: ConnectOptions,
): Promise<{ chat: ChatConnection; conversation: Conversation }> {
  // Replies that wait for this chat come as soon as it subscribes, before `openChat` has resolved.
  const early: ((conversation: Conversation) => void)[] = []
  let conversation: Conversation | undefined
  const on = (tell: (to: Conversation) => void) => {
    if (conversation) tell(conversation)
    else early.push(tell)
  }
  const chat = await openChat({ clock: deps.clock }, options, {
    out: (payload) => on((to) => to.out(payload)),
    delta: (payload) => on((to) => to.delta(payload)),
    info: (info) => on((to) => to.info(info)),
    tickets: (payload) => on((to) => to.tickets(payload)),
    link: (up) => on((to) => to.link(up)),
  })
  conversation = new Conversation(deps, chat)
  for (const tell of early.splice(0)) tell(conversation)
  return { chat, conversation }
}
