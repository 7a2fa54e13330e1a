import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId, ManualClock } from '@yizhan/kernel'
import type { Turn } from '../ledger/index.js'
import { textMessage } from '../ledger/testing.js'
import { ConversationMemory } from './conversation-memory.js'
import { chosenBy } from './handlers/named-option.js'
import { RecentMap } from './recent-map.js'

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
