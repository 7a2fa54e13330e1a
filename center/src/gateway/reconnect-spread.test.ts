import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reconnectSpread } from './reconnect-spread.js'

for (const [edges, expected] of [
  [0, 0],
  [1, 10],
  [20, 200],
  [1_000, 10_000],
  [50_000, 10_000],
] as const) {
  test(`${edges} edges come back within ${expected} ms`, () => {
    assert.equal(reconnectSpread(edges, 10_000), expected)
  })
}
