import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Series, trendOf } from './levels-off.js'

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
