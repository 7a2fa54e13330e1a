import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LateOrder } from './late-order.js'

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

test('who was asked first speaks first, whoever joins or is ready first', async () => {
  const order = new LateOrder()
  const spoken: string[] = []
  const late = order.join('room', 20)
  const early = order.join('room', 10)
  const other = order.join('room-2', 30)
  for (const [name, place] of [
    ['late', late],
    ['early', early],
    ['other', other],
  ] as const) {
    void place.turnToSpeak().then(() => spoken.push(name))
  }
  await settle()
  assert.deepEqual(spoken, ['early', 'other'])
  early.leave()
  early.leave()
  await settle()
  assert.deepEqual(spoken, ['early', 'other', 'late'])
  late.leave()
  other.leave()
  assert.equal(order.size, 0)
})

test('one that leaves without speaking holds nobody up', async () => {
  const order = new LateOrder()
  const first = order.join('room', 1)
  const second = order.join('room', 2)
  const speaking = second.turnToSpeak()
  first.leave()
  await speaking
})
