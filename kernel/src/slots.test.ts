import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InFlight, SlotMap } from './slots.js'

test('what is under way is there from its entry until it leaves, twice if it entered twice', () => {
  const inFlight = new InFlight<string>()
  const [a, b] = [inFlight.enter('a'), inFlight.enter('b')]
  const again = inFlight.enter('a')
  assert.deepEqual([[...inFlight].sort(), inFlight.size], [['a', 'a', 'b'], 3])
  inFlight.leave(a)
  assert.deepEqual([[...inFlight].sort(), inFlight.size], [['a', 'b'], 2])
  const c = inFlight.enter('c')
  for (const slot of [again, b, c]) inFlight.leave(slot)
  assert.deepEqual([[...inFlight], inFlight.size], [[], 0])
})

test('who goes through what is under way may take it out and put more in', () => {
  const inFlight = new InFlight<{ slot: number }>()
  for (let n = 0; n < 4; n++) {
    const item = { slot: -1 }
    item.slot = inFlight.enter(item)
  }
  for (const { slot } of inFlight) inFlight.leave(slot)
  assert.equal(inFlight.size, 0)
})

test('a slot map answers as a Map does, whatever comes and goes', () => {
  const expected = new Map<string, number>()
  const map = new SlotMap<string, number>()
  let state = 7
  const below = (n: number) => {
    state = (state * 48_271) % 0x7fffffff
    return state % n
  }
  for (let step = 0; step < 5_000; step++) {
    const key = `k${below(20)}`
    if (below(3) === 0) {
      assert.equal(map.delete(key), expected.delete(key))
    } else {
      map.set(key, step)
      expected.set(key, step)
    }
    if (below(500) === 0) {
      map.clear()
      expected.clear()
    }
    assert.deepEqual(
      [map.size, map.has(key), map.get(key)],
      [expected.size, expected.has(key), expected.get(key)],
    )
    if (step % 100 !== 0) continue
    assert.deepEqual([...map], [...expected])
    assert.deepEqual([...map.keys()], [...expected.keys()])
    assert.deepEqual([...map.values()], [...expected.values()])
  }
})

test('who goes through a slot map may delete what comes next', () => {
  const map = new SlotMap<number, string>()
  for (const key of [1, 2, 3]) map.set(key, `v${key}`)
  const seen: number[] = []
  for (const [key] of map) {
    seen.push(key)
    map.delete(key + 1)
  }
  assert.deepEqual([seen, map.size, map.get(2)], [[1, 3], 2, undefined])
})
