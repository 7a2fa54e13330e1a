import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leastOfEachMinute, type Series, trendOf } from './levels-off.js'

const every5s = (minutes: number, value: (at: number) => number): Series =>
  Array.from({ length: minutes * 12 + 1 }, (_, i) => [i / 12, value(i / 12)] as const)

test('what grows by the same amount each minute does not level off', () => {
  const trend = trendOf(
    every5s(30, (at) => 50 + 2 * at),
    5,
  )
  assert.equal(trend.levelsOff, false)
  assert.ok(Math.abs(trend.perMinute - 2) < 0.01)
})

test('a leak under the saw-teeth of a heap is seen', () => {
  const tooth = (at: number) => (at * 7) % 1
  assert.equal(
    trendOf(
      every5s(30, (at) => 60 + 1.5 * at + 30 * tooth(at)),
      5,
    ).levelsOff,
    false,
  )
})

test('of each minute the least: a leak under a backlog that comes and goes is seen, the backlog is none', () => {
  // More of it in the last minutes, as on a machine that has become slow.
  const backlog = (at: number) => (at % 1 < (at > 25 ? 0.9 : 0.2) ? 70 : 0)
  const leastOf = (grows: number) => leastOfEachMinute(every5s(29, (at) => 50 + grows * at + backlog(at)))
  assert.deepEqual(leastOf(0).slice(0, 2), [
    [0, 50],
    [1, 50],
  ])
  assert.equal(trendOf(leastOf(0), 0).levelsOff, true)
  const leak = trendOf(leastOf(1), 5)
  assert.equal(leak.levelsOff, false)
  assert.ok(Math.abs(leak.perMinute - 1) < 0.1)
})

test('what grows at first and then stays levels off', () => {
  const trend = trendOf(
    every5s(30, (at) => Math.min(100, 20 + 8 * at)),
    5,
  )
  assert.deepEqual([trend.levelsOff, trend.level], [true, 100])
})

test('saw-teeth around a level, and what shrinks, level off', () => {
  assert.equal(
    trendOf(
      every5s(30, (at) => 60 + 30 * ((at * 7) % 1)),
      0,
    ).levelsOff,
    true,
  )
  assert.equal(
    trendOf(
      every5s(30, (at) => 200 - 3 * at),
      0,
    ).levelsOff,
    true,
  )
})

test('a growth that is less than what comes and goes by itself is none', () => {
  assert.equal(
    trendOf(
      every5s(10, (at) => 30 + 0.5 * at),
      5,
    ).levelsOff,
    true,
  )
  assert.equal(
    trendOf(
      every5s(10, (at) => 30 + 0.5 * at),
      1,
    ).levelsOff,
    false,
  )
})
