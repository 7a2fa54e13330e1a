import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { ManualClock, systemClock, YizhanError } from '@yizhan/kernel'
import type { Message } from '@yizhan/proto'
import { hashPassword } from '../channels/index.js'
import { INFO, never, replyOf, startTestChannel, type TestChannel, turnOf } from '../channels/mqtt/testing.js'
import type { Reply, ReplyContent, Turn } from '../ledger/turn.js'
import { type ChatOptions, chat } from './chat.js'
import type { ChatIo } from './io.js'

interface TestIo extends ChatIo {
  readonly stdin: PassThrough
  readonly out: () => string
  readonly err: () => string
  /** Resolves once stdout holds `text`. */
  printed(text: string): Promise<void>
}

function testIo(env: ChatIo['env'] = {}, isTty = false): TestIo {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  let [out, err] = ['', '']
  const waiting: { text: string; resolve: () => void }[] = []
  stdout.setEncoding('utf8').on('data', (data: string) => {
    out += data
    for (const { text, resolve } of waiting) if (out.includes(text)) resolve()
  })
  stderr.setEncoding('utf8').on('data', (data: string) => {
    err += data
  })
  return {
    stdin,
    stdout,
    stderr,
    isTty,
    env,
    out: () => out,
    err: () => err,
    printed: (text) =>
      out.includes(text) ? Promise.resolve() : new Promise((resolve) => waiting.push({ text, resolve })),
  }
}

/** An edge that answers a message as `script` says. */
function answering(run: TestChannel, script: (turn: Turn, message: Message) => Promise<void>): void {
  run.onMessage = async (message) => {
    const turn = turnOf(message.conversationId, undefined, { message })
    setImmediate(() => {
      script(turn, message).catch((thrown) => assert.fail(thrown))
    })
    return { outcome: 'accepted', turnId: turn.id }
  }
}

function notice(turn: Turn, text: string): Reply {
  const content: ReplyContent = {
    text,
    answeredBy: 'queued',
    citations: [],
    finish: 'stop',
    ticket: 'T-7',
  }
  return { id: `${turn.id}.notice`, kind: 'notice', state: 'pending', content }
}

const optionsFor = (run: TestChannel, more: Partial<ChatOptions> = {}): ChatOptions => ({
  mqtt: run.url,
  user: 'me',
  chat: 'terminal',
  ...more,
})
const failsWith = (code: string) => (thrown: unknown) => thrown instanceof YizhanError && thrown.code === code

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

test('no edge, a bad address, a bad name: a typed error and nothing on stdout', async (t) => {
  const run = await startTestChannel(t)
  const io = testIo()
  const once = { once: 'hi', json: true }
  const nobody = optionsFor(run, { ...once, mqtt: `mqtt://127.0.0.1:${await freePort()}` })
  await assert.rejects(chat(nobody, io), failsWith('unavailable'))
  await assert.rejects(
    chat(optionsFor(run, { ...once, mqtt: 'localhost' }), io),
    failsWith('invalid_argument'),
  )
  await assert.rejects(chat(optionsFor(run, { ...once, user: 'a/b' }), io), failsWith('invalid_argument'))
  await assert.rejects(chat(optionsFor(run, { ...once, tenant: 'A B' }), io), failsWith('invalid_argument'))
  const clock = new ManualClock()
  const unserved = chat(optionsFor(run, { ...once, tenant: 'other' }), io, clock)
  while (clock.pending === 0) await new Promise(setImmediate)
  clock.advance(5_000)
  await assert.rejects(unserved, failsWith('not_found'))
  assert.equal(io.out(), '')
})

test('--once --json prints one line with the contracted fields', async (t) => {
  const run = await startTestChannel(t)
  answering(run, async (turn) => {
    run.channel.delta(turn, { attempt: 1, seq: 1, text: 'Open ' })
    const route = {
      intent: 'it.vpn',
      score: 0.97,
      accept: 0.6,
      match: 'model',
      top: [],
      decision: 'answer',
      classifyMs: 1,
    } as const
    await run.channel.deliver(turn, replyOf(turn, 'Open Secure Access.', { route }), never)
  })
  const io = testIo()
  assert.equal(await chat(optionsFor(run, { once: 'VPN?', json: true }), io), 0)
  assert.equal(io.out().split('\n').length, 2)
  const answer = JSON.parse(io.out())
  assert.deepEqual(Object.keys(answer), [
    'text',
    'answeredBy',
    'intent',
    'score',
    'citations',
    'turnId',
    'firstTokenMs',
    'totalMs',
  ])
  assert.equal(answer.text, 'Open Secure Access.')
  assert.equal(answer.answeredBy, 'edge')
  assert.equal(answer.intent, 'it.vpn')
  assert.ok(answer.firstTokenMs > 0 && answer.firstTokenMs <= answer.totalMs)
  assert.equal(run.messages[0]?.conversationId, 'acme/mqtt/me/terminal', 'the tenant is the default one')
})

test('an answer in parts is printed whole', async (t) => {
  const run = await startTestChannel(t)
  answering(run, async (turn) => {
    for (const index of [1, 2, 2, 3]) {
      const reply = replyOf(turn, `part ${index}`)
      const id = index === 1 ? reply.id : `${reply.id}/${index}`
      await run.channel.deliver(turn, { ...reply, id, part: { index, of: 3 } }, never)
    }
  })
  const io = testIo()
  assert.equal(await chat(optionsFor(run, { once: 'VPN?' }), io), 0)
  assert.equal(
    io
      .out()
      .match(/part \d/g)
      ?.join(' '),
    'part 1 part 2 part 3',
  )
})

test('an edge that has just started is waited for until it serves the tenant', async (t) => {
  const run = await startTestChannel(t)
  run.setInfo({ ...INFO, tenants: [], defaultTenant: '' })
  answering(run, async (turn) => {
    await run.channel.deliver(turn, replyOf(turn, 'hello'), never)
  })
  const clock = new ManualClock()
  const io = testIo()
  const ended = chat(optionsFor(run, { once: 'hi' }), io, clock)
  while (clock.pending === 0) await new Promise(setImmediate)
  run.setInfo(INFO)
  assert.equal(await ended, 0)
  assert.match(io.out(), /^hello/)
})

test('a ticket is an answer, unless --wait', async (t) => {
  const run = await startTestChannel(t)
  let held: Turn | undefined
  answering(run, async (turn, message) => {
    held = turn
    await run.channel.deliver(turn, notice(turn, 'Noted, T-7.'), never)
    if (message.text === 'wait') {
      const late = { answeredBy: 'center', quoted: 'wait' } as const
      await run.channel.deliver(turn, replyOf(turn, 'Second class.', late), never)
    }
  })
  const queued = testIo()
  await chat(optionsFor(run, { once: 'heavy', json: true }), queued)
  assert.equal(JSON.parse(queued.out()).answeredBy, 'queued')
  assert.ok(held)
  // Its answer comes while the next question is asked; it must not go unseen.
  const late = held
  answering(run, async (turn) => {
    await run.channel.deliver(late, replyOf(late, 'Late one.', { quoted: 'heavy' }), never)
    await run.channel.deliver(turn, notice(turn, 'Noted, T-8.'), never)
    await run.channel.deliver(turn, replyOf(turn, 'Second class.', { answeredBy: 'center' }), never)
  })
  const waiting = testIo()
  await chat(optionsFor(run, { once: 'wait', json: true, wait: true }), waiting)
  const answer = JSON.parse(waiting.out())
  assert.equal(answer.answeredBy, 'center')
  assert.equal(answer.text, 'Second class.')
  assert.match(waiting.err(), /Late one\.[\s\S]*T-8/)
})

test('a refused question and a missing answer are errors', async (t) => {
  const run = await startTestChannel(t)
  run.onMessage = async () => ({ outcome: 'refused', code: 'overloaded', message: 'later' })
  await assert.rejects(chat(optionsFor(run, { once: 'hi' }), testIo()), failsWith('overloaded'))
  run.onMessage = async () => ({ outcome: 'accepted', turnId: 't' })
  const patience = optionsFor(run, { once: 'hi', timeoutMs: 50 })
  await assert.rejects(chat(patience, testIo(), systemClock), failsWith('deadline_exceeded'))
})

test('a password comes from the environment', async (t) => {
  const users = [{ tenant: 'acme', user: 'me', scrypt: await hashPassword('sesam') }]
  const run = await startTestChannel(t, { auth: { mode: 'password', users } })
  answering(run, async (turn) => {
    await run.channel.deliver(turn, replyOf(turn, 'hello'), never)
  })
  const once = optionsFor(run, { once: 'hi', tenant: 'acme' })
  await assert.rejects(chat(once, testIo()), failsWith('unauthenticated'))
  await assert.rejects(chat(once, testIo({ YIZHAN_CHAT_PASSWORD: 'wrong' })), failsWith('unauthenticated'))
  assert.equal(await chat(once, testIo({ YIZHAN_CHAT_PASSWORD: 'sesam' })), 0)
})

test('an answer cannot steer the terminal, and is plain without one', async (t) => {
  const run = await startTestChannel(t)
  answering(run, async (turn) => {
    await run.channel.deliver(turn, replyOf(turn, 'safe\u001b[2J\u001b]0;x\u0007\u202e'), never)
  })
  const io = testIo()
  await chat(optionsFor(run, { once: 'hi' }), io)
  assert.match(io.out(), /^safe\[2J\]0;x\n {2}— edge/)
  assert.ok(!io.out().includes('\u001b'))
  const colourful = testIo({}, true)
  await chat(optionsFor(run, { once: 'hi' }), colourful)
  assert.ok(colourful.out().includes('\u001b[2m'))
  const plain = testIo({ NO_COLOR: '1' }, true)
  await chat(optionsFor(run, { once: 'hi' }), plain)
  assert.ok(!plain.out().includes('\u001b'))
})

test('piped questions are asked in order and their answers waited for', async (t: TestContext) => {
  const run = await startTestChannel(t)
  answering(run, async (turn, message) => {
    run.channel.delta(turn, { attempt: 1, seq: 1, text: `re ` })
    await run.channel.deliver(turn, replyOf(turn, `re ${message.text}`), never)
  })
  const io = testIo({ LANG: 'zh_CN.UTF-8' })
  const ended = chat(optionsFor(run), io)
  io.stdin.end('一\n\n二\n')
  assert.equal(await ended, 0)
  assert.match(io.out(), /re 一\n {2}— 本地[^\n]*\nre 二\n/)
  assert.deepEqual(
    run.messages.map((message) => message.text),
    ['一', '二'],
  )
})

test('a piped command about an answer waits for it', async (t: TestContext) => {
  const run = await startTestChannel(t)
  answering(run, async (turn, message) => {
    if (message.text !== '') await run.channel.deliver(turn, replyOf(turn, `re ${message.text}`), never)
  })
  const io = testIo()
  const ended = chat(optionsFor(run), io)
  io.stdin.end('/sources\none\n/sources\n/up\n')
  assert.equal(await ended, 0)
  assert.match(
    io.out(),
    /^There is no answer yet\.\nre one\n {2}— edge[^\n]*\nThat answer cites nothing\.\nNoted, thank you\.\n$/,
  )
  assert.deepEqual(
    run.messages.map(({ chatEvent }) => chatEvent?.rating),
    [undefined, 'up'],
  )
})

test('with --json each reply of a pipe is a line', async (t: TestContext) => {
  const run = await startTestChannel(t)
  answering(run, async (turn, message) => {
    await run.channel.deliver(turn, replyOf(turn, `re ${message.text}`), never)
  })
  const io = testIo()
  const ended = chat(optionsFor(run, { json: true }), io)
  io.stdin.end('one\ntwo\n')
  assert.equal(await ended, 0)
  const lines = io.out().trim().split('\n')
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { text: string }).text),
    ['re one', 're two'],
  )
})

test('leaving does not wait for an edge that is away', async (t: TestContext) => {
  const run = await startTestChannel(t)
  const io = testIo({}, true)
  const ended = chat(optionsFor(run), io)
  await io.printed('/quit to leave')
  await run.channel.stop('away')
  await io.printed('Connection lost')
  io.stdin.write('never taken\n/quit\n')
  assert.equal(await ended, 0)
})

test('a conversation survives a lost connection, shows a reply once, and ends with /quit', async (t) => {
  const run = await startTestChannel(t)
  const echo = (on: TestChannel) =>
    answering(on, async (turn, message) => {
      const reply = replyOf(turn, `re ${message.text}`)
      await on.channel.deliver(turn, reply, never)
      await on.channel.deliver(turn, reply, never)
    })
  echo(run)
  const io = testIo({}, true)
  const ended = chat(optionsFor(run), io)
  await io.printed('/quit to leave')
  io.stdin.write('first\n')
  await io.printed('re first')
  await run.channel.stop('restart')
  await io.printed('Connection lost')
  io.stdin.write('while away\n')
  const { port } = run.channel
  echo(await startTestChannel(t, { port }))
  await io.printed('Connected again')
  io.stdin.write('second\n')
  await io.printed('re second')
  io.stdin.write('/quit\n')
  assert.equal(await ended, 0)
  assert.equal(io.out().split('re first').length, 2)
  assert.equal(io.out().split('re second').length, 2)
})
