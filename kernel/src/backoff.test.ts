import assert from 'node:assert/strict'
import test from 'node:test'
import { Backoff } from './backoff.js'

test('waits are spread over a ceiling that doubles up to the cap', () => {
  const backoff = new Backoff(() => 0.5, { baseMs: 500, capMs: 30_000 })
  const waits = Array.from({ length: 9 }, () => backoff.next())
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000])
})

test('a try can come at once: the jitter is full', () => {
  assert.equal(new Backoff(() => 0, { baseMs: 500, capMs: 30_000 }).next(), 0)
})

test('a spread is the least ceiling, not an addition', () => {
  const backoff = new Backoff(() => 0.5, { baseMs: 500, capMs: 30_000 })
  assert.equal(backoff.next(10_000), 5000)
  assert.equal(backoff.next(), 500)
})

test('after thousands of failures the wait is still the cap, and a reset starts anew', () => {
  const backoff = new Backoff(() => 1, { baseMs: 500, capMs: 30_000 })
  for (let i = 0; i < 5000; i++) backoff.next()
  assert.equal(backoff.next(), 30_000)
  backoff.reset()
  assert.equal(backoff.next(), 500)
})
