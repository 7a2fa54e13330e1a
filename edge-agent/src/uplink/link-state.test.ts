import assert from 'node:assert/strict'
import test from 'node:test'
import { nextLinkState } from './link-state.js'
import type { LinkState } from './port.js'

const ready: LinkState = { s: 'ready', generation: 4n, since: 10 }

test('a ready link is replaced by a newer generation only', () => {
  assert.equal(nextLinkState(ready, { e: 'welcomed', generation: 3n, at: 20 }), ready)
  assert.equal(nextLinkState(ready, { e: 'welcomed', generation: 4n, at: 20 }), ready)
  assert.deepEqual(nextLinkState(ready, { e: 'welcomed', generation: 5n, at: 20 }), {
    s: 'ready',
    generation: 5n,
    since: 20,
  })
})

test('dialling a second connection does not take a ready link down', () => {
  assert.equal(nextLinkState(ready, { e: 'dialled', attempt: 1 }), ready)
})

test('nothing leads out of stopped', () => {
  const stopped: LinkState = { s: 'stopped' }
  assert.equal(nextLinkState(stopped, { e: 'dialled', attempt: 1 }), stopped)
  assert.equal(nextLinkState(stopped, { e: 'welcomed', generation: 9n, at: 1 }), stopped)
  assert.equal(nextLinkState(stopped, { e: 'lost', attempt: 1, until: 2, reason: 'x' }), stopped)
})

test('a lost link says why and when it is tried again', () => {
  const lost = nextLinkState(ready, { e: 'lost', attempt: 2, until: 99, reason: 'reset' })
  assert.deepEqual(lost, { s: 'backing-off', attempt: 2, until: 99, reason: 'reset' })
})
