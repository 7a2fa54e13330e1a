import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import { ClientIds } from './client-ids.js'

const HOUR = 3_600_000
const start = (max = 100) => {
  const clock = new ManualClock()
  return { clock, ids: new ClientIds({ clock }, { keepMs: 24 * HOUR, max }) }
}

test('a client id in use cannot be taken by another identity', () => {
  const { ids } = start()
  assert.equal(ids.claim('phone', 'acme/li'), true)
  assert.equal(ids.claim('phone', 'globex/li'), false)
  assert.equal(ids.claim('phone', 'acme/li'), true)
})

test('a client id stays bound for the configured time after its last connection', () => {
  const { ids, clock } = start()
  ids.claim('phone', 'acme/li')
  ids.claim('phone', 'acme/li')
  ids.release('phone')
  clock.advance(30 * HOUR)
  assert.equal(ids.claim('phone', 'acme/wang'), false, 'one connection is still there')
  ids.release('phone')
  clock.advance(24 * HOUR - 1)
  assert.equal(ids.claim('phone', 'acme/wang'), false)
  clock.advance(1)
  assert.equal(ids.claim('phone', 'acme/wang'), true)
})

test('the map is bounded and never forgets an id in use', () => {
  const { ids } = start(3)
  ids.claim('live', 'acme/li')
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    ids.claim(id, 'acme/wang')
    ids.release(id)
  }
  assert.ok(ids.size <= 3, `${ids.size}`)
  assert.equal(ids.claim('live', 'acme/eve'), false)
  assert.equal(ids.claim('a', 'acme/eve'), true, 'the oldest unused one was dropped')
  assert.equal(ids.claim('e', 'acme/eve'), false)
})
