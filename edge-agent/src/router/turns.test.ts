import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import {
  CardActionSchema,
  ChatEventSchema,
  ChatEventType,
  ChatType,
  create,
  MessageKind,
} from '@yizhan/proto'
import { temporaryDir } from '../ledger/testing.js'
import type { Skill } from '../skills/index.js'
import { heldSkill, startTestEdge, sure } from './testing.js'

const event = (type: ChatEventType, subject = '') => ({
  kind: MessageKind.EVENT,
  text: '',
  chatEvent: create(ChatEventSchema, { type, subject }),
})

const press = (action: string) => ({
  kind: MessageKind.CARD,
  text: '',
  cardAction: create(CardActionSchema, { cardId: 'c', action }),
})

test('a question that the model knows is answered here, in the language of the asker', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('怎么连 VPN？', sure('it.vpn'))
  edge.classifier.known.set('How do I connect?', sure('it.vpn'))
  const zh = await edge.final(await edge.say('怎么连 VPN？'))
  const en = await edge.final(await edge.say('How do I connect?'))
  assert.deepEqual([zh.text, en.text], ['扫码登录', 'Scan the code'])
  assert.equal(zh.content.answeredBy, 'edge')
  assert.equal(zh.content.route?.intent, 'it.vpn')
  assert.equal(zh.content.route?.decision, 'answer')
  await edge.until(() => edge.ledger.open().length === 0)
  assert.equal(edge.ledger.get(zh.turnId)?.state, 'done')
  assert.equal(edge.uplink.requests.length, 0)
})

test('a model that fails sends the question to the center', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.failing = true
  await edge.say('anything')
  await edge.until(() => edge.uplink.requests.length === 1)
})

test('a skill that throws ends its turn with an honest sentence and the lane goes on', async (t) => {
  const skill: Skill = {
    name: 'slow',
    answer: () => Promise.reject(new YizhanError('backend_failed', 'secret')),
  }
  const edge = await startTestEdge(t, await temporaryDir(t), { skills: [skill] })
  edge.classifier.known.set('break', sure('slow'))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const broken = await edge.say('break')
  const next = await edge.say('vpn')
  const final = await edge.final(broken)
  assert.match(final.text, /Sorry.*\(backend_failed\)/)
  assert.equal(final.content.finish, 'failed')
  assert.equal(edge.ledger.get(broken)?.state, 'failed')
  assert.equal((await edge.final(next)).text, 'Scan the code')
})

test('a conversation is answered in order while another one overtakes it', async (t) => {
  const held = heldSkill()
  const edge = await startTestEdge(t, await temporaryDir(t), { skills: [held.skill] })
  for (const text of ['a1', 'a2', 'b1']) edge.classifier.known.set(text, sure('slow'))
  const a1 = await edge.say('a1')
  const a2 = await edge.say('a2')
  const b1 = await edge.say('b1', { conversationId: 'acme/web/room-2' })
  await edge.until(() => held.waiting.size === 2)
  assert.deepEqual([...held.waiting.keys()], ['a1', 'b1'])
  held.answer('b1', 'B1')
  await edge.final(b1)
  held.answer('a1', 'A1')
  await edge.until(() => held.waiting.has('a2'))
  held.answer('a2', 'A2')
  await edge.final(a2)
  assert.deepEqual(edge.channel.texts, ['B1', 'A1', 'A2'])
  assert.equal(edge.channel.shown[1]?.turnId, a1)
})

test('a handler that exceeds its deadline fails its turn and the conversation goes on', async (t) => {
  const held = heldSkill()
  const edge = await startTestEdge(t, await temporaryDir(t), { skills: [held.skill], handlerMs: 1_000 })
  edge.classifier.known.set('hang', sure('slow'))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const hanging = await edge.say('hang')
  const next = await edge.say('vpn')
  await edge.until(() => held.waiting.has('hang'))
  edge.clock.advance(1_000)
  assert.match((await edge.final(hanging)).text, /deadline_exceeded/)
  assert.equal((await edge.final(next)).text, 'Scan the code')
  held.answer('hang', 'too late')
  await edge.until(() => edge.ledger.open().length === 0)
  assert.deepEqual(
    edge.channel.texts.filter((text) => text === 'too late'),
    [],
    'one final only',
  )
})

for (const [word, expected] of [
  ['/help', /\/status/],
  ['帮助', /新话题/],
  ['/new', /new topic/],
  ['新话题', /新话题/],
  ['/cancel', /nothing to cancel/],
  ['取消', /没有可取消/],
  ['/human', /administrator/],
  ['转人工', /管理员/],
  ['/lang', /zh, en/],
  ['/lang xx', /zh, en/],
  ['/status', /up/],
  ['状态。', /正常/],
] as const) {
  test(`${word} is acknowledged without asking the model`, async (t) => {
    const edge = await startTestEdge(t, await temporaryDir(t))
    assert.match((await edge.final(await edge.say(word))).text, expected)
    assert.deepEqual(edge.classifier.asked, [])
  })
}

test('/lang decides over the script of the question, for its asker alone', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('怎么连 VPN', sure('it.vpn'))
  const group = { chatType: ChatType.GROUP }
  assert.match((await edge.final(await edge.say('/lang EN', group))).text, /English/)
  assert.equal((await edge.final(await edge.say('怎么连 VPN', group))).text, 'Scan the code')
  const other = await edge.say('怎么连 VPN', {
    ...group,
    sender: { $typeName: 'yizhan.v1.Sender', id: 'u2', name: '', department: '' },
  })
  assert.equal((await edge.final(other)).text, '扫码登录')
})

test('status and cancel do not queue behind the turn that they are about', async (t) => {
  const held = heldSkill()
  const edge = await startTestEdge(t, await temporaryDir(t), { skills: [held.skill] })
  for (const text of ['first', 'second']) edge.classifier.known.set(text, sure('slow'))
  const first = await edge.say('first')
  const second = await edge.say('second')
  await edge.until(() => held.waiting.has('first'))
  await edge.final(await edge.say('/status'))
  const cancel = await edge.final(await edge.say('/cancel'))
  assert.equal(cancel.text, 'Cancelled: 2.')
  for (const id of [first, second]) {
    assert.equal((await edge.final(id)).content.finish, 'cancelled')
    assert.equal(edge.ledger.get(id)?.state, 'cancelled')
  }
  assert.deepEqual([...held.waiting.keys()], ['first'], 'the second never started')
})

test('in a group nobody cancels what another asked', async (t) => {
  const held = heldSkill()
  const edge = await startTestEdge(t, await temporaryDir(t), { skills: [held.skill] })
  edge.classifier.known.set('mine', sure('slow'))
  await edge.say('mine', { chatType: ChatType.GROUP })
  await edge.until(() => held.waiting.has('mine'))
  const other = { $typeName: 'yizhan.v1.Sender' as const, id: 'u2', name: '', department: '' }
  const cancel = await edge.final(await edge.say('/cancel', { chatType: ChatType.GROUP, sender: other }))
  assert.equal(cancel.text, 'There is nothing to cancel.')
})

test('a newcomer is welcomed; other events are on record and say nothing', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const joined = await edge.final(await edge.say('', { ...event(ChatEventType.JOINED), locale: 'en-GB' }))
  assert.equal(joined.text, 'Hello\n· VPN?')
  const left = await edge.say('', event(ChatEventType.LEFT))
  await edge.until(() => edge.ledger.get(left)?.state === 'done')
  assert.equal(edge.channel.shown.length, 1)
})

test('a card action is an intent or a command, and one that is neither is told so', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  assert.equal(
    (await edge.final(await edge.say('', { ...press('it.vpn'), locale: 'en' }))).text,
    'Scan the code',
  )
  assert.match((await edge.final(await edge.say('', press('/help')))).text, /\/status/)
  for (const action of ['nonsense', '__proto__', '']) {
    assert.match((await edge.final(await edge.say('', press(action)))).text, /button/)
  }
})

test('a doubtful question is asked back, and a number answers it', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const top = [
    { intent: 'it.vpn', score: 0.6 },
    { intent: 'travel.policy', score: 0.3 },
  ]
  edge.classifier.known.set('网络问题', { intent: 'it.vpn', score: 0.6, top })
  const asked = await edge.final(await edge.say('网络问题'))
  assert.deepEqual(asked.text.split('\n').slice(1), ['1. 怎么连 VPN', '2. travel.policy', '0. 都不是'])
  assert.equal(asked.content.route?.decision, 'ask-back')
  assert.deepEqual(asked.content.choices, [
    { label: '怎么连 VPN', text: '1' },
    { label: 'travel.policy', text: '2' },
    { label: '都不是', text: '0' },
  ])
  assert.equal((await edge.final(await edge.say('１'))).text, '扫码登录', 'in the language of the question')
  await edge.final(await edge.say('网络问题'))
  await edge.say('2')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.equal(
    edge.uplink.requests[0]?.request.message.text,
    '网络问题',
    'the center gets the question, not the number',
  )
  assert.deepEqual(edge.uplink.requests[0]?.request.knowledge, ['travel'])
})

test('"neither" sends the first question to the center; anything else is a question of its own', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('net', { intent: 'it.vpn', score: 0.6, top: [{ intent: 'it.vpn', score: 0.6 }] })
  edge.classifier.known.set('password', sure('it.password'))
  await edge.final(await edge.say('net'))
  assert.equal((await edge.final(await edge.say('password'))).text, 'Ask the admin')
  await edge.final(await edge.say('net'))
  await edge.say('0')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.questions, ['net'])
})

test('a question back is closed after ten minutes, and a number then is told so', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('net', { intent: 'it.vpn', score: 0.6, top: [{ intent: 'it.vpn', score: 0.6 }] })
  await edge.final(await edge.say('net'))
  edge.clock.advance(600_000)
  assert.match((await edge.final(await edge.say('1'))).text, /net.*too long ago|“net”隔得太久/)
  await edge.say('1')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.questions, ['1'])
})

test('maintenance and too long questions are refused in the language of the asker', async (t) => {
  const policy = { maintenance: false, maxTextChars: 5 }
  const edge = await startTestEdge(t, await temporaryDir(t), { policy: () => policy })
  assert.match((await edge.final(await edge.say('这个问题太长了'))).text, /5/)
  policy.maintenance = true
  const refused = await edge.say('短')
  assert.match((await edge.final(refused)).text, /维护/)
  assert.equal(edge.ledger.get(refused)?.state, 'refused')
})

test('a plugin adds its handler by name and place', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.turns.chain.insert(
    {
      name: 'shout',
      handle: async (visit, next) => next({ ...visit, question: visit.question.toUpperCase() }),
    },
    { before: 'text' },
  )
  assert.deepEqual(edge.turns.chain.names(), [
    'asker-event',
    'policy',
    'consent',
    'command',
    'attachments',
    'pending-question',
    'card',
    'event',
    'shout',
    'text',
  ])
  await edge.say('hello')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(edge.uplink.questions, ['HELLO'])
})

test('the last exchanges go to the center with a question until /new', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { historyExchanges: 1 })
  edge.classifier.known.set('vpn', sure('it.vpn'))
  edge.classifier.known.set('password', sure('it.password'))
  for (const text of ['vpn', 'password', '/status']) await edge.final(await edge.say(text))
  await edge.say('and then?')
  await edge.until(() => edge.uplink.requests.length === 1)
  assert.deepEqual(
    edge.uplink.requests[0]?.request.history.map(({ text }) => text),
    ['password', 'Ask the admin'],
  )
  edge.uplink.requests[0]?.finish('x')
  assert.equal(edge.uplink.requests[0]?.request.memoryFrom, undefined)
  const fresh = await edge.say('/new')
  await edge.final(fresh)
  await edge.say('what now?')
  await edge.until(() => edge.uplink.requests.length === 2)
  assert.deepEqual(edge.uplink.requests[1]?.request.history, [])
  assert.equal(edge.uplink.requests[1]?.request.memoryFrom, fresh)
})
