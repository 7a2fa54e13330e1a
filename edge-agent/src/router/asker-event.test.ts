import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ChatEventType, ChatType, type Message } from '@yizhan/proto'
import { temporaryDir, textMessage } from '../ledger/testing.js'
import { acme, type EdgeOptions, eventFields, heldSkill, startTestEdge, sure } from './testing.js'

type Fields = Partial<Omit<Message, '$typeName'>>

const somebodyElse: Fields = {
  sender: { $typeName: 'yizhan.v1.Sender', id: 'u2', name: '', department: '' },
}

/** An edge on which `slow…` runs until the test ends it; events are sent and waited for. */
async function startSlowEdge(t: TestContext, options: EdgeOptions & { readonly dir?: string } = {}) {
  const { dir = await temporaryDir(t), ...rest } = options
  const held = heldSkill()
  const edge = await startTestEdge(t, dir, { skills: [held.skill], ...rest })
  for (const text of ['slow 1', 'slow 2', 'slow 3']) edge.classifier.known.set(text, sure('slow'))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const send = async (
    type: ChatEventType,
    about: Parameters<typeof eventFields>[1],
    fields: Fields = {},
  ): Promise<string | undefined> => {
    const id = await edge.say('', { ...eventFields(type, about), ...fields })
    await edge.until(() => edge.ledger.get(id)?.state === 'done')
    const { cause, final, notice } = edge.ledger.get(id) ?? assert.fail()
    assert.deepEqual([final, notice], [undefined, undefined], 'an event is never answered')
    return cause
  }
  return {
    ...edge,
    held,
    running: async (text: string, fields: Fields = {}) => {
      const id = await edge.say(text, fields)
      await edge.until(() => held.waiting.has(text))
      return id
    },
    cancel: (subject: string, fields?: Fields) => send(ChatEventType.CANCEL, { subject }, fields),
    recall: (subject: string, fields?: Fields) => send(ChatEventType.RECALLED, { subject }, fields),
    rate: (subject: string, rating: string, reason = '', fields: Fields = {}) =>
      send(ChatEventType.FEEDBACK, { subject, rating, reason }, fields),
  }
}

const globex = { ...acme, tenant: 'globex' }

/** The same names, in another conversation, channel, tenant, or from another asker of a group. */
const foreign: readonly (readonly [string, Fields])[] = [
  ['another conversation', { conversationId: 'acme/web/room-2' }],
  ['another channel', { channelId: 'mqtt' }],
  ['another tenant', { tenantId: 'globex' }],
  ['another asker', somebodyElse],
]

test('a cancel of what is unknown or somebody else\u2019s has no effect', async (t) => {
  const edge = await startSlowEdge(t, { tenants: [acme, globex] })
  const group = { chatType: ChatType.GROUP }
  const id = await edge.running('slow 1', { platformId: 'u1/c1/q1', ...group })
  for (const subject of ['', 'q1', 't_unknown', 'u1/c1/q2']) {
    assert.equal(await edge.cancel(subject, group), 'cancel-unknown', subject)
  }
  for (const [whose, fields] of foreign) {
    assert.equal(await edge.cancel('u1/c1/q1', { ...group, ...fields }), 'cancel-unknown', whose)
    assert.equal(await edge.cancel(id, { ...group, ...fields }), 'cancel-unknown', whose)
  }
  edge.held.answer('slow 1', 'done')
  assert.equal((await edge.final(id)).text, 'done')
  assert.equal(await edge.cancel(id, group), 'cancel-unknown', 'it has ended')
})

test('a cancel ends just the turn that it names: running, waiting in line, or by the id of the turn', async (t) => {
  const edge = await startSlowEdge(t)
  const first = await edge.running('slow 1', { platformId: 'u1/c1/q1' })
  const second = await edge.say('slow 2', { platformId: 'u1/c1/q2' })
  const third = await edge.say('slow 3', { platformId: 'u1/c1/q3' })
  assert.equal(await edge.cancel('u1/c1/q2'), 'cancel')
  assert.equal((await edge.final(second)).text, 'Cancelled.')
  assert.equal(edge.ledger.get(first)?.state, 'answering', 'the others go on')
  assert.equal(await edge.cancel(`u1/c1/${first}`), 'cancel', 'a channel may put its prefix before a turn id')
  assert.equal((await edge.final(first)).content.finish, 'cancelled')
  await edge.until(() => edge.held.waiting.has('slow 3'))
  assert.equal(await edge.cancel(third), 'cancel')
  await edge.final(third)
  assert.deepEqual(
    [first, second, third].map((id) => edge.ledger.get(id)?.state),
    ['cancelled', 'cancelled', 'cancelled'],
  )
})

test('a client whose own ids look like turn ids means its own', async (t) => {
  const edge = await startSlowEdge(t)
  const first = await edge.running('slow 1')
  const second = await edge.say('slow 2', { platformId: `u1/c1/${first}` })
  assert.equal(await edge.cancel(`u1/c1/${first}`), 'cancel')
  assert.equal((await edge.final(second)).content.finish, 'cancelled')
  assert.equal(edge.ledger.get(first)?.state, 'answering')
})

test('a cancelled answer keeps what it had said, and its center is told', async (t) => {
  const edge = await startSlowEdge(t)
  const id = await edge.say('why', { platformId: 'u1/c1/q1' })
  await edge.until(() => edge.uplink.requests.length === 1)
  edge.uplink.requests[0]?.sink.started(1, 0)
  edge.uplink.requests[0]?.sink.tokens(1, 1, 'Because')
  await edge.until(() => edge.ledger.get(id)?.state === 'streaming')
  assert.equal(await edge.cancel('u1/c1/q1'), 'cancel')
  const { content } = await edge.final(id)
  assert.deepEqual([content.text, content.finish, content.answeredBy], ['Because', 'cancelled', 'center'])
  assert.equal(edge.uplink.requests[0]?.cancelled, 'command')
})

test('a turn that waits with a ticket is cancelled too', async (t) => {
  const edge = await startSlowEdge(t, { linkUp: false })
  const ids = [await edge.say('why', { platformId: 'u1/c1/q1' }), await edge.say('how')]
  await edge.until(() => edge.channel.shown.length === 2)
  assert.equal(await edge.cancel('u1/c1/q1'), 'cancel')
  const final = await edge.final(ids[0] ?? '')
  assert.deepEqual([final.text, final.content.finish], ['Cancelled.', 'cancelled'])
  assert.equal(edge.turns.waitingForCenter(), 1)
})

test('a recalled message is dropped without a word, another conversation cannot recall it', async (t) => {
  const edge = await startSlowEdge(t)
  const id = await edge.running('slow 1', { platformId: 'u1/c1/q1' })
  const elsewhere = { conversationId: 'acme/web/room-2' }
  assert.equal(await edge.recall('u1/c1/q1', elsewhere), 'recalled-unknown')
  assert.equal(edge.ledger.get(id)?.state, 'answering')
  assert.equal(await edge.recall('u1/c1/q1'), 'recalled')
  await edge.until(() => edge.ledger.get(id)?.state === 'cancelled')
  await edge.until(() => edge.ledger.open().length === 0)
  assert.deepEqual(edge.channel.shown, [])
})

test('a cancel that a crash cut off is carried out after the restart', async (t) => {
  const dir = await temporaryDir(t)
  const before = await startSlowEdge(t, { dir, linkUp: false })
  const id = await before.say('why', { platformId: 'u1/c1/q1' })
  await before.until(() => before.channel.shown.length === 1)
  await before.turns.stop('crash')
  const event = textMessage('', eventFields(ChatEventType.CANCEL, { subject: 'u1/c1/q1' }))
  assert.equal((await before.ledger.receive(event)).outcome, 'accepted')
  await before.kill()
  const after = await startSlowEdge(t, { dir, linkUp: false })
  assert.equal((await after.final(id)).content.finish, 'cancelled')
  await after.until(() => after.ledger.open().length === 0)
  assert.equal(after.channel.shown.filter(({ kind }) => kind === 'final').length, 1)
})

test('feedback on what is unknown, unanswered or somebody else\u2019s is kept nowhere and answered by nobody', async (t) => {
  const edge = await startSlowEdge(t, { tenants: [acme, globex] })
  const group = { chatType: ChatType.GROUP }
  const id = await edge.say('vpn', { ...group, platformId: 'u1/c1/q1' })
  await edge.final(id)
  const unanswered = await edge.running('slow 1', group)
  for (const subject of ['', 't_unknown', 'u1/c1/q1', unanswered]) {
    assert.equal(await edge.rate(subject, 'up', '', group), 'feedback-unknown', subject)
  }
  for (const [whose, fields] of foreign) {
    assert.equal(await edge.rate(id, 'down', '', { ...group, ...fields }), 'feedback-unknown', whose)
  }
  assert.equal(edge.ledger.get(id)?.feedback, undefined)
  assert.equal(edge.channel.shown.length, 1)
})

test('feedback is kept on the answered turn while another one runs, and after a restart', async (t) => {
  const dir = await temporaryDir(t)
  const edge = await startSlowEdge(t, { dir })
  const id = await edge.say('vpn')
  await edge.final(id)
  await edge.running('slow 1')
  assert.equal(await edge.rate(id, 'down', '看不懂'), 'feedback')
  assert.equal(await edge.rate(id, 'up'), 'feedback')
  assert.equal(edge.ledger.get(id)?.feedback?.rating, 'up')
  assert.equal(await edge.rate(id, '', ''), 'feedback')
  assert.equal(edge.ledger.get(id)?.feedback, undefined)
  assert.equal(await edge.rate(id, 'down', '看不懂'), 'feedback')
  const { rating, reason } = edge.ledger.get(id)?.feedback ?? assert.fail()
  assert.deepEqual([rating, reason], ['down', '看不懂'])
  await edge.turns.stop('restart')
  await edge.kill()
  const again = await startSlowEdge(t, { dir })
  assert.equal(again.ledger.get(id)?.feedback?.reason, '看不懂')
  assert.equal(again.channel.shown.length, 0, 'the answer is not sent again')
})

test('in maintenance a turn can still be cancelled and an answer rated, without a word', async (t) => {
  let maintenance = false
  const edge = await startSlowEdge(t, { policy: () => ({ maintenance, maxTextChars: 0 }) })
  const answered = await edge.say('vpn')
  await edge.final(answered)
  const running = await edge.running('slow 1')
  maintenance = true
  assert.equal(await edge.rate(answered, 'up'), 'feedback')
  assert.equal(await edge.cancel(running), 'cancel')
  await edge.final(running)
  assert.equal(edge.channel.shown.length, 2)
})
