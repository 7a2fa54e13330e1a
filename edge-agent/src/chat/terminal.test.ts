import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ChatEventType, type Message, MessageKind } from '@yizhan/proto'
import { never, replyOf, startTestChannel, type TestChannel, turnOf } from '../channels/mqtt/testing.js'
import type { ReplyCard, ReplyContent, Turn } from '../ledger/turn.js'
import { chat } from './chat.js'
import type { ChatIo } from './io.js'
import { FakeTerminal } from './testing.js'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const UP = '\u001b[A'
const LEFT = '\u001b[D'
const TAB = '\t'
const paste = (text: string) => `\u001b[200~${text}\u001b[201~`

interface Session {
  readonly run: TestChannel
  readonly terminal: FakeTerminal
  readonly turns: Turn[]
  /** Resolves with the turn of the n-th message, 0 first. */
  turn(at: number): Promise<Turn>
  final(turn: Turn, text: string, more?: Partial<ReplyContent>): Promise<unknown>
  readonly ended: Promise<number>
}

async function startSession(
  t: TestContext,
  options: { env?: ChatIo['env']; columns?: number; showRoute?: boolean } = {},
): Promise<Session> {
  const run = await startTestChannel(t, { showRoute: options.showRoute ?? false })
  const terminal = new FakeTerminal(options.columns)
  const turns: Turn[] = []
  const waiting = new Set<() => void>()
  run.onMessage = async (message: Message) => {
    const turn = turnOf(message.conversationId, undefined, { message, id: `turn-${turns.length}` })
    turns.push(turn)
    setImmediate(() => {
      for (const look of waiting) look()
    })
    return { outcome: 'accepted', turnId: turn.id }
  }
  const target = { mqtt: run.url, user: 'me', chat: 'terminal' }
  const ended = chat(target, terminal.io(options.env))
  await terminal.shows('›')
  t.after(async () => {
    terminal.press(`${CTRL_C}${CTRL_C}${CTRL_D}`)
    await ended
  })
  return {
    run,
    terminal,
    turns,
    ended,
    turn: (at) =>
      new Promise((resolve) => {
        const look = () => {
          const turn = turns[at]
          if (!turn) return
          waiting.delete(look)
          resolve(turn)
        }
        waiting.add(look)
        look()
      }),
    final: (turn, text, more = {}) => run.channel.deliver(turn, replyOf(turn, text, more), never),
  }
}

const CARD: ReplyCard = {
  id: 'password',
  title: 'Reset your password',
  text: 'Open *id.acme.example*.',
  facts: [{ name: 'Locked', value: '15 minutes' }],
  buttons: [
    { label: 'I have a new number', does: { kind: 'action', action: 'it.phone' } },
    { label: 'Ask about the rules', does: { kind: 'say', text: 'What are the rules?' } },
    { label: 'Open the page', does: { kind: 'url', url: 'https://id.acme.example' } },
  ],
}

test('an answer streams above what is being written, and neither tears the other', async (t) => {
  const { run, terminal, turn, final } = await startSession(t)
  terminal.press('VPN?\r')
  const asked = await turn(0)
  terminal.press('next 问题')
  await terminal.shows(/› next 问题$/)
  run.channel.delta(asked, { attempt: 1, seq: 1, text: 'Open **Secure' })
  await terminal.shows(/Open \*\*Secure\n› next 问题$/)
  terminal.press(LEFT)
  run.channel.delta(asked, { attempt: 1, seq: 2, text: ' Access** and\nscan' })
  await terminal.shows(/› VPN\?\nOpen Secure Access and\nscan\n› next 问题$/)
  assert.equal(terminal.beforeCursor, '› next 问')
  await final(asked, 'Open **Secure Access** and\nscan the code.', { answeredBy: 'center' })
  await terminal.shows(
    /› VPN\?\nOpen Secure Access and\nscan the code\.\n {2}— center · [^\n]*\n› next 问题$/,
  )
})

test('a narrower terminal wraps what is being written anew', async (t) => {
  const { terminal } = await startSession(t, { columns: 60 })
  terminal.press('a text that is longer than the terminal will be 终端宽度')
  await terminal.shows('终端宽度')
  terminal.resize(30)
  await terminal.shows(/leave\.\n› a text that is longer than\n {2}the terminal will be 终端宽\n {2}度$/)
})

test('pasted lines are one message, and history brings it back', async (t) => {
  const { terminal, turn, turns } = await startSession(t)
  terminal.press(paste('one\r\ntwo\u001b[2J\n'))
  await terminal.shows(/› one\n {2}two\[2J$/)
  assert.equal(turns.length, 0, 'nothing is sent before Enter')
  terminal.press('\r')
  assert.equal((await turn(0)).message.text, 'one\ntwo[2J')
  terminal.press(UP)
  await terminal.shows(/› one\n {2}two\[2J\n(…\n)?› one\n {2}two\[2J$/)
})

test('a card is a box; its buttons are picked by number', async (t) => {
  const { terminal, turn, final } = await startSession(t)
  terminal.press('password\r')
  await final(await turn(0), 'the same in words', { card: CARD })
  await terminal.shows('3) Open the page https://id.acme.example')
  assert.match(
    terminal.text,
    /┌─+┐\n│ Reset your password +│\n│ Open id\.acme\.example\. +│\n│ Locked {2}15 minutes +│\n└─+┘/,
  )
  assert.ok(!terminal.text.includes('the same in words'))
  terminal.press('3\r')
  await terminal.shows('Open in the browser: https://id.acme.example')
  terminal.press('1\r')
  const pressed = await turn(1)
  assert.equal(pressed.message.kind, MessageKind.CARD)
  assert.equal(pressed.message.cardAction?.cardId, 'password')
  assert.equal(pressed.message.cardAction?.action, 'it.phone')
  await final(pressed, 'again', { card: CARD })
  await terminal.shows(/again|Reset[\s\S]*Reset/)
  terminal.press('2\r')
  assert.equal((await turn(2)).message.text, 'What are the rules?')
  terminal.press('2\r')
  assert.equal((await turn(3)).message.text, '2', 'a number without buttons is what it says')
})

test('Ctrl-C stops the running answer, and leaves at the second', async (t) => {
  const { run, terminal, turn, ended } = await startSession(t)
  terminal.press('long\r')
  const asked = await turn(0)
  run.channel.delta(asked, { attempt: 1, seq: 1, text: 'begins' })
  await terminal.shows('begins')
  terminal.press(`draft${CTRL_C}`)
  await terminal.shows(/›$/)
  terminal.press(CTRL_C)
  const stop = await turn(1)
  assert.equal(stop.message.chatEvent?.type, ChatEventType.CANCEL)
  assert.equal(stop.message.chatEvent?.subject, asked.message.platformId)
  await terminal.shows('Ctrl-C again to leave')
  terminal.press(CTRL_C)
  assert.equal(await ended, 0)
  assert.equal(terminal.stdin.isRaw, false)
  assert.ok(terminal.raw.endsWith('\u001b[?2004l'))
})

test('why, sources and feedback are about the last answer', async (t) => {
  const { terminal, turn, final } = await startSession(t, { env: { LANG: 'zh_CN.UTF-8' }, showRoute: true })
  terminal.press('/why\r')
  await terminal.shows('还没有答复')
  terminal.press('VPN\r')
  const asked = await turn(0)
  await final(asked, '打开「安全接入」', {
    route: {
      intent: 'it.vpn',
      score: 0.97,
      accept: 0.6,
      match: 'model',
      top: [
        { intent: 'it.vpn', score: 0.97 },
        { intent: 'it.wifi', score: 0.02 },
      ],
      decision: 'answer',
      classifyMs: 1.2,
      tookMs: 3,
    },
  })
  await terminal.shows('安全接入')
  terminal.press(`/wh${TAB}\r`)
  await terminal.shows(/it\.vpn {3}█{19}░ 0\.97\n {2}it\.wifi {2}░{20} 0\.02\n {2}采纳门槛 0\.60/)
  terminal.press('/sources\r')
  await terminal.shows('没有引用')
  terminal.press('/down 太短\r')
  const feedback = (await turn(1)).message.chatEvent
  assert.equal(feedback?.type, ChatEventType.FEEDBACK)
  assert.deepEqual([feedback?.subject, feedback?.rating, feedback?.reason], [asked.id, 'down', '太短'])
  await terminal.shows('已记下')
})

test('a ticket, the state of the link, a late answer that quotes its question, a hand-off', async (t) => {
  const { run, terminal, turn, final } = await startSession(t)
  terminal.press('heavy\r')
  const asked = await turn(0)
  const noted: ReplyContent = {
    text: 'Noted.',
    answeredBy: 'queued',
    citations: [],
    finish: 'stop',
    ticket: 'A-1',
    place: 3,
  }
  await run.channel.deliver(asked, { id: 'n1', kind: 'notice', content: noted }, never)
  await terminal.shows(/Noted\.\n {2}— waiting · A-1 · place 3/)
  terminal.press('other\r')
  const other = await turn(1)
  await final(asked, 'Second class.', { answeredBy: 'center', quoted: 'heavy' })
  await terminal.shows(/Answer to “heavy”:\nSecond class\.\n {2}— center/)
  const taken: ReplyContent = { ...noted, text: 'A person answers.', ticket: 'A-2', handoff: 'hr' }
  await run.channel.deliver(other, { id: 'n2', kind: 'notice', content: taken }, never)
  await terminal.shows(/A person answers\.\n→ hr takes over/)
})

test('no text from outside reaches the terminal as a control sequence', async (t) => {
  const { run, terminal, turn, final } = await startSession(t, { env: { NO_COLOR: '1' } })
  const evil = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202eevil\u2028'
  terminal.press('hi\r')
  const asked = await turn(0)
  run.channel.delta(asked, { attempt: 1, seq: 1, text: evil })
  const citations = [{ document: evil, title: evil, heading: evil, passage: evil, score: 1 }]
  await final(asked, `${evil} end`, {
    citations: citations as unknown as ReplyContent['citations'],
    card: {
      id: evil,
      title: evil,
      text: evil,
      facts: [{ name: evil, value: evil }],
      buttons: [{ label: evil, does: { kind: 'url', url: `https://x/${evil}` } }],
    },
    handoff: evil,
    quoted: evil,
  })
  await terminal.shows('1) ')
  terminal.press('1\r/sources\r/why\r')
  await terminal.shows(/Open in the browser[\s\S]*does not tell/)
  // Ours: cursor up, right, erase below, bracketed paste.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  const rest = terminal.raw.replace(/\u001b\[(\d+[AC]|J|\?2004[hl])|[\r\n]/g, '')
  assert.doesNotMatch(rest, /[\p{Control}\p{Bidi_Control}\u2028]/u)
  assert.match(rest, /evil/)
})
