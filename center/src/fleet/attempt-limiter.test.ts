import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, YizhanError } from '@yizhan/kernel'
import { AttemptLimiter, sourceOf } from './attempt-limiter.js'
import { refused } from './testing/fleet.js'

test('attempts of one source run out, others have theirs, and they come back evenly', () => {
  const clock = new ManualClock()
  const limiter = new AttemptLimiter({ clock }, { perSource: 3, overall: 100 })
  for (let i = 0; i < 3; i++) limiter.take('a')
  assert.throws(
    () => limiter.take('a'),
    (thrown) =>
      thrown instanceof YizhanError && thrown.code === 'overloaded' && thrown.details.retryAfterMs === 20_000,
  )
  limiter.take('b')
  clock.advance(20_000)
  limiter.take('a')
  assert.throws(() => limiter.take('a'), refused('overloaded'))
})

test('the overall limit holds over many sources, and a refused source does not use it up', () => {
  const clock = new ManualClock()
  const limiter = new AttemptLimiter({ clock }, { perSource: 1, overall: 3 })
  limiter.take('a')
  for (let i = 0; i < 50; i++) assert.throws(() => limiter.take('a'), refused('overloaded'))
  limiter.take('b')
  limiter.take('c')
  assert.throws(() => limiter.take('d'), refused('overloaded'))
})

test('an attempt given back does not count, and never gives more than there was', () => {
  const limiter = new AttemptLimiter({ clock: new ManualClock() }, { perSource: 2, overall: 100 })
  for (let i = 0; i < 50; i++) limiter.take('a')()
  limiter.take('a')
  limiter.take('a')
  assert.throws(() => limiter.take('a'), refused('overloaded'))
})

test('a wall clock that jumps gives no attempts', () => {
  const clock = new ManualClock()
  const limiter = new AttemptLimiter({ clock }, { perSource: 1, overall: 100 })
  limiter.take('a')
  clock.jumpWall(24 * 3_600_000)
  assert.throws(() => limiter.take('a'), refused('overloaded'))
})

test('it remembers a bounded number of sources and forgets the one seen longest ago', () => {
  const limiter = new AttemptLimiter({ clock: new ManualClock() }, { perSource: 1, overall: 1_000_000 })
  for (let i = 0; i < 10_100; i++) limiter.take(`source ${i}`)
  limiter.take('source 0')
  assert.throws(() => limiter.take('source 10099'), refused('overloaded'))
})

test('a source is an IPv4 address or an IPv6 network, whatever port or spelling comes with it', () => {
  assert.equal(sourceOf('192.0.2.7:4711'), '192.0.2.7')
  assert.equal(sourceOf('192.0.2.7'), '192.0.2.7')
  assert.equal(sourceOf('::ffff:192.0.2.7'), '192.0.2.7')
  assert.equal(sourceOf('[2001:db8:0:1::2]:4711'), '2001:db8:0:1')
  assert.equal(sourceOf('2001:db8:0:1:ffff::9'), '2001:db8:0:1')
  assert.equal(sourceOf('2001:0DB8:0000:0001:0:0:0:9'), '2001:db8:0:1')
  assert.equal(sourceOf('::1'), '0:0:0:0')
  assert.equal(sourceOf('unix'), 'unix')
})
