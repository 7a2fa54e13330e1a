import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asEdgeId, asTenantId, newEpoch, newId } from './ids.js'

test('names with anything but a-z, 0-9 and inner dashes are no ids', () => {
  const bad = [
    '',
    '-a',
    'A',
    'a_b',
    'a.b',
    'a/b',
    'a b',
    'a\n',
    'a\0',
    '..',
    'é',
    '驿',
    'a'.repeat(64),
    '__proto__',
  ]
  for (const name of bad) {
    assert.equal(asTenantId(name), undefined, name)
    assert.equal(asEdgeId(name), undefined, name)
  }
})

test('proper names are ids', () => {
  for (const name of ['a', '0', 'acme', 'bj-01', 'a'.repeat(63)]) assert.equal(asTenantId(name), name)
})

test('ids sort by their time as text and do not repeat', () => {
  const ids = [newId('turn', 1), newId('turn', 999), newId('turn', 1_800_000_000_000), newId('turn', 4e12)]
  assert.deepEqual([...ids].sort(), ids)
  for (const id of ids) assert.match(id, /^turn_[0-9a-hjkmnp-tv-z]{26}$/)
  const many = new Set(Array.from({ length: 1_000 }, () => newId('turn', 5)))
  assert.equal(many.size, 1_000)
})

test('epochs are 64 bits, differ and are never 0', () => {
  const epochs = new Set(Array.from({ length: 100 }, newEpoch))
  assert.equal(epochs.size, 100)
  for (const epoch of epochs) assert.ok(epoch > 0n && epoch < 2n ** 64n)
})
