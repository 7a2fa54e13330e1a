import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, silentLogger, YizhanError } from '@yizhan/kernel'
import {
  type ChatEvent,
  ChatEventType,
  type Message,
  MessageKind,
  Priority,
  type Sender,
} from '@yizhan/proto'
import type { Turn } from '../ledger/index.js'
import { diskFull, faultyHost, openTestLedger, temporaryDir, textMessage } from '../ledger/testing.js'
import { createIntake } from './intake.js'

type Fields = Partial<Omit<Message, '$typeName'>>

async function makeIntake(t: Parameters<typeof openTestLedger>[0], dir: string, replay = true) {
  const host = faultyHost()
  const opened = await openTestLedger(t, dir, { host, maxRecords: 100 })
  const entered: Turn[] = []
  const state = { waiting: 0, waitingOfTenant: 0, waitingBytes: 0, isBusy: false, queue: [] as Turn[] }
  const intake = createIntake(
    {
      ledger: opened.ledger,
      turns: {
        waiting: (tenant) =>
          state.queue.length + (tenant === undefined ? state.waiting : state.waitingOfTenant),
        get waitingBytes() {
          return state.waitingBytes
        },
        enter(turn) {
          entered.push(turn)
          if (state.isBusy) state.queue.push(turn)
        },
      },
      tenants: { get: (tenant) => (tenant === 'acme' ? {} : undefined) },
      log: silentLogger(),
      metrics: createMetrics(),
    },
    { maxWaiting: 10, maxWaitingPerTenant: 5, maxWaitingBytes: 10_000, maxTextChars: 100 },
  )
  if (replay) intake.replay()
  const send = (fields: Fields, text = 'hi') => intake.accept(textMessage(text, fields))
  return { ...opened, intake, entered, state, host, send }
}

const sender = (fields: Partial<Sender>) => ({
  sender: { $typeName: 'yizhan.v1.Sender' as const, id: 'u', name: '', department: '', ...fields },
})

const feedback = (fields: Partial<ChatEvent>): Fields => ({
  text: '',
  kind: MessageKind.EVENT,
  chatEvent: {
    $typeName: 'yizhan.v1.ChatEvent' as const,
    type: ChatEventType.FEEDBACK,
    subject: 't_1',
    rating: '',
    reason: '',
    ...fields,
  },
})

const bad: readonly (readonly [string, string, Fields])[] = [
  ['another tenant', 'not_found', { tenantId: 'other' }],
  ['no tenant', 'not_found', { tenantId: '' }],
  ['a tenant that is no id', 'not_found', { tenantId: '__proto__' }],
  ['no text', 'invalid_argument', { text: '' }],
  ['white space alone', 'invalid_argument', { text: ' \n\t ' }],
  ['a NUL in the text', 'invalid_argument', { text: 'a\u0000b' }],
  ['an escape in the text', 'invalid_argument', { text: 'a\u001b[31mb' }],
  ['half a surrogate pair', 'invalid_argument', { text: 'a\ud83d' }],
  ['too long a text', 'too_large', { text: 'x'.repeat(101) }],
  ['no conversation', 'invalid_argument', { conversationId: '' }],
  ['no channel', 'invalid_argument', { channelId: '' }],
  ['a line feed in an id', 'invalid_argument', { platformId: 'a\nb' }],
  ['too long a platform id', 'too_large', { platformId: 'x'.repeat(321) }],
  ['too long a name', 'too_large', sender({ name: 'x'.repeat(321) })],
  ['a NUL in a sender', 'invalid_argument', sender({ id: 'a\u0000' })],
  ['no kind', 'invalid_argument', { kind: MessageKind.UNSPECIFIED }],
  ['a card without an action', 'invalid_argument', { kind: MessageKind.CARD }],
  ['an event without an event', 'invalid_argument', { kind: MessageKind.EVENT }],
  ['a rating of another kind', 'invalid_argument', feedback({ rating: 'five stars' })],
  ['a reason that is too long', 'too_large', feedback({ rating: 'down', reason: 'x'.repeat(1_001) })],
  ['controls in a reason', 'invalid_argument', feedback({ rating: 'down', reason: 'a\u0000b' })],
]

test('bad messages are refused with their code, nothing is recorded, and the next one is taken', async (t) => {
  const { send, entered, ledger } = await makeIntake(t, await temporaryDir(t))
  for (const [what, code, fields] of bad) {
    const outcome = await send(fields)
    assert.equal(outcome.outcome === 'refused' ? outcome.code : outcome.outcome, code, what)
  }
  assert.deepEqual([entered.length, ledger.open().length], [0, 0])
  assert.equal((await send({})).outcome, 'accepted')
})

test('as room runs out batches are refused first, then tasks, and people find room to the end', async (t) => {
  const { send, state } = await makeIntake(t, await temporaryDir(t))
  const taken = async (waiting: number) => {
    state.waiting = waiting
    const outcomes = []
    for (const priority of [Priority.UNSPECIFIED, Priority.INTERACTIVE, Priority.TASK, Priority.BATCH]) {
      outcomes.push((await send({ priority })).outcome)
    }
    return outcomes.map((outcome) => outcome === 'accepted')
  }
  assert.deepEqual(await taken(4), [true, true, true, true])
  assert.deepEqual(await taken(5), [true, true, true, false])
  assert.deepEqual(await taken(7), [true, true, false, false])
  assert.deepEqual(await taken(10), [false, false, false, false])
})

test('a text of exactly the limit, with line feeds and emoji, is taken', async (t) => {
  const { send } = await makeIntake(t, await temporaryDir(t))
  const text = `a\r\n\t😀${'x'.repeat(94)}`
  assert.equal(text.length, 100)
  assert.equal((await send({ text })).outcome, 'accepted')
})

test('a full disk refuses without an ack, and the same message is taken later', async (t) => {
  const { intake, host, entered, clock, ledger } = await makeIntake(t, await temporaryDir(t))
  const message = textMessage('hi')
  host.fail = diskFull()
  const outcome = await intake.accept(message)
  assert.equal(outcome.outcome === 'refused' && outcome.code, 'disk_full')
  host.fail = undefined
  clock.advance(1_000)
  while ((await intake.accept(message)).outcome !== 'accepted') await Promise.resolve()
  assert.deepEqual(
    entered.map(({ id }) => ledger.get(id)?.id),
    [undefined, entered[1]?.id],
    'the first was on its way, and is no turn any more',
  )
})

test('a journal that holds as much as it may refuses with overloaded', async (t) => {
  const { send, journal } = await makeIntake(t, await temporaryDir(t))
  await journal.append(Array.from({ length: 101 }, () => Buffer.from('{}')))
  const outcome = await send({})
  assert.equal(outcome.outcome === 'refused' && outcome.code, 'overloaded')
})

test('a journal that failed acks nothing: accept rejects', async (t) => {
  const { send, host } = await makeIntake(t, await temporaryDir(t))
  host.fail = new YizhanError('storage_failed', 'EIO')
  await assert.rejects(send({}), { code: 'storage_failed' })
})

test('a duplicate is told its turn and enters no lane again', async (t) => {
  const { intake, entered } = await makeIntake(t, await temporaryDir(t))
  const message = textMessage('hi')
  const first = await intake.accept(message)
  const second = await intake.accept(message)
  assert.deepEqual(
    [first.outcome, second],
    ['accepted', { outcome: 'duplicate', turnId: first.outcome === 'accepted' ? first.turnId : '' }],
  )
  assert.equal(entered.length, 1)
})

test('too many waiting turns refuse with overloaded, counting those that are being recorded', async (t) => {
  const { send, state, host } = await makeIntake(t, await temporaryDir(t))
  state.waiting = 10
  const full = await send({})
  assert.equal(full.outcome === 'refused' && full.code, 'overloaded')
  state.waiting = 0
  state.waitingOfTenant = 3
  state.isBusy = true
  let open = () => {}
  host.gate = new Promise((resolve) => {
    open = resolve
  })
  const outcomes = [send({}), send({}), send({})]
  const third = await outcomes[2]
  assert.equal(third?.outcome === 'refused' && third.code, 'overloaded')
  open()
  assert.deepEqual(
    (await Promise.all(outcomes)).map(({ outcome }) => outcome),
    ['accepted', 'accepted', 'refused'],
  )
})

test('waiting turns that take too many bytes refuse too, however few they are', async (t) => {
  const { send, state } = await makeIntake(t, await temporaryDir(t))
  state.waiting = 1
  state.waitingBytes = 10_000
  const full = await send({})
  assert.equal(full.outcome === 'refused' && full.code, 'overloaded')
  state.waitingBytes = 9_999
  assert.equal((await send({})).outcome, 'accepted')
})

test('turns enter in the order in which their messages came', async (t) => {
  const { send, entered } = await makeIntake(t, await temporaryDir(t))
  await Promise.all(['1', '2', '3', '4'].map((text) => send({}, text)))
  assert.deepEqual(
    entered.map(({ message }) => message.text),
    ['1', '2', '3', '4'],
  )
})

test('what an earlier run left open enters again, in order', async (t) => {
  const dir = await temporaryDir(t)
  const first = await makeIntake(t, dir)
  for (const text of ['1', '2', '3']) await first.send({}, text)
  await first.kill()
  const again = await makeIntake(t, dir, false)
  await again.send({}, '4')
  assert.equal(again.entered.length, 0, 'nothing overtakes what is older')
  const fifth = again.send({}, '5')
  assert.equal(again.intake.replay(), 5, 'the fifth is on its way, and goes with them')
  await fifth
  await again.send({}, '6')
  assert.deepEqual(
    again.entered.map(({ message }) => message.text),
    ['1', '2', '3', '4', '5', '6'],
  )
})
