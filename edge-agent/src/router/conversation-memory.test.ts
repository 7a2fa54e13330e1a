import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId, ManualClock, RecentMap } from '@yizhan/kernel'
import type { Reply, Turn } from '../ledger/index.js'
import { textMessage } from '../ledger/testing.js'
import { ConversationMemory } from './conversation-memory.js'
import { chosenBy } from './handlers/named-option.js'

function turnIn(room: string): Turn {
  const tenant = asTenantId('acme') ?? assert.fail()
  const message = textMessage('hi', { conversationId: room })
  return { id: room, tenant, message, state: 'received', version: 0, receivedSeq: 1, receivedAt: 0 }
}

test('memory is bounded: the conversation that was quiet for longest is forgotten', () => {
  const memory = new ConversationMemory(new ManualClock(), { maxConversations: 2 })
  const [a, b, c] = [turnIn('a'), turnIn('b'), turnIn('c')]
  for (const turn of [a, b, c])
    memory.putBack(turn, {
      question: { kind: 'choice', question: 'which?', options: ['x'], language: 'en' },
      askedAt: 0,
    })
  assert.deepEqual(
    [a, b, c].map((turn) => memory.takePending(turn)?.question.kind),
    [undefined, 'choice', 'choice'],
  )
})

/** `n` was asked and answered in the room; each text is as long as `chars`. */
function note(memory: ConversationMemory, n: number, chars = 0, room = 'a'): void {
  const turn = turnIn(room)
  turn.message.text = `q${n}`.padEnd(chars)
  turn.message.platformId = `m${n}`
  const content = {
    text: `a${n}`.padEnd(chars),
    answeredBy: 'center',
    citations: [],
    finish: 'stop',
  } as const
  memory.note(turn, { reply: { id: `r${n}`, kind: 'final', state: 'pending', content } as unknown as Reply })
}
const said = (memory: ConversationMemory) => memory.before(turnIn('a')).history.map(({ text }) => text.trim())

test('a recalled message is in no later history, nor is its answer', () => {
  const memory = new ConversationMemory(new ManualClock(), {})
  for (const n of [1, 2, 3]) note(memory, n)
  memory.unsay(turnIn('b'), 'm2')
  memory.unsay(turnIn('a'), 'unknown')
  assert.equal(said(memory).length, 6)
  memory.unsay(turnIn('a'), 'm2')
  assert.deepEqual(said(memory), ['q1', 'a1', 'q3', 'a3'])
})

test('the center is told from where on its notes are about a question', () => {
  const memory = new ConversationMemory(new ManualClock(), {})
  const from = () => memory.before(turnIn('a')).memoryFrom
  const at = (id: string) => ({ ...turnIn('a'), id })
  assert.equal(from(), undefined)
  memory.reset(at('t_2'))
  assert.equal(from(), 't_2')
  memory.unsay(at('t_3'), 'm1')
  assert.equal(from(), 't_3')
  assert.equal(memory.before(turnIn('b')).memoryFrom, undefined)

  const route = { intent: '/new', decision: 'command' }
  const again = new ConversationMemory(new ManualClock(), {})
  const former = { ...at('t_4'), final: { content: { route } } } as unknown as Turn
  again.recall([at('t_1'), former, at('t_5')], () => 0)
  assert.equal(again.before(turnIn('a')).memoryFrom, 't_4')
})

test('of a history the latest exchanges that have room are kept', () => {
  const many = new ConversationMemory(new ManualClock(), {})
  for (let n = 1; n <= 10; n++) note(many, n)
  assert.deepEqual([said(many).length, said(many)[0]], [16, 'q3'])
  const long = new ConversationMemory(new ManualClock(), {})
  for (let n = 1; n <= 10; n++) note(long, n, 9_999)
  assert.deepEqual([said(long).length, said(long)[0]], [6, 'q8'])
})

test('all histories together have a bound: the conversation that was quiet for longest has none then', () => {
  const memory = new ConversationMemory(new ManualClock(), { maxHistoryBytes: 2_000 })
  for (const room of ['a', 'b', 'c']) note(memory, 1, 300, room)
  note(memory, 2, 300, 'b')
  assert.deepEqual(
    ['a', 'b', 'c'].map((room) => memory.before(turnIn(room)).history.length),
    [0, 4, 2],
  )
})

test('a used entry outlives an unused one', () => {
  const map = new RecentMap<number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.get('a')
  map.set('c', 3)
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [1, undefined, 3, 2])
})

const options = ['it.vpn', 'it.password']
for (const [text, expected] of [
  ['1', { intent: 'it.vpn' }],
  ['2.', { intent: 'it.password' }],
  ['２', { intent: 'it.password' }],
  ['第一个', { intent: 'it.vpn' }],
  ['IT.VPN', { intent: 'it.vpn' }],
  ['0', 'neither'],
  ['都不是', 'neither'],
  ['3', undefined],
  ['99999999999999999999', undefined],
  ['12 apples', undefined],
  ['怎么连 VPN', undefined],
] as const) {
  test(`${JSON.stringify(text)} in answer to a question back`, () => {
    assert.deepEqual(chosenBy(text, { options }), expected)
  })
}
