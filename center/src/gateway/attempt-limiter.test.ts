import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import { AttemptLimiter } from './attempt-limiter.js'

test('attempts beyond the limit wait for the minute to end, other keys do not', () => {
  const clock = new ManualClock()
  const limiter = new AttemptLimiter(clock, 2)
  assert.equal(limiter.attempt('a'), 0)
  clock.advance(10_000)
  assert.equal(limiter.attempt('a'), 0)
  assert.equal(limiter.attempt('a'), 50_000)
  assert.equal(limiter.attempt('b'), 0)
  clock.advance(50_000)
  assert.equal(limiter.attempt('a'), 0)
})

test('more keys than it can hold push out the oldest', () => {
  const limiter = new AttemptLimiter(new ManualClock(), 1)
  assert.equal(limiter.attempt('first'), 0)
  assert.notEqual(limiter.attempt('first'), 0)
  for (let i = 0; i < 4_096; i++) limiter.attempt(`key ${i}`)
  assert.equal(limiter.attempt('first'), 0)
  assert.notEqual(limiter.attempt('key 4095'), 0)
})
