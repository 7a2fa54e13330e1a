import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentMap } from './recent-map.js'

test('what was not used for longest goes first', () => {
  const map = new RecentMap<number>(2)
  map.set('a', 1)
  map.set('b', 2)
  assert.equal(map.get('a'), 1)
  assert.deepEqual([map.has('b'), map.has('z')], [true, false])
  map.set('c', 3)
  assert.deepEqual([map.keys(), map.size, map.get('b')], [['a', 'c'], 2, undefined])
  map.delete('a')
  assert.deepEqual(map.keys(), ['c'])
  map.clear()
  assert.equal(map.size, 0)
})

test('what is too heavy for a map goes, the one that was not used for longest first, and never the last one', () => {
  const map = new RecentMap<number>(9, { most: 10, weightOf: (value) => value })
  map.set('a', 4)
  map.set('b', 4)
  map.set('a', 6)
  assert.deepEqual([map.get('b'), map.get('a')], [4, 6])
  map.set('c', 1)
  assert.deepEqual(map.keys(), ['a', 'c'])
  map.set('d', 99)
  assert.deepEqual(map.keys(), ['d'])
  map.delete('d')
  map.set('a', 10)
  assert.deepEqual(map.keys(), ['a'])
})
