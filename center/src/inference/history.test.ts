import assert from 'node:assert/strict'
import { test } from 'node:test'
import { historyTokensFor, latestWithin } from './history.js'

const said = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    role: n % 2 === 0 ? ('user' as const) : ('assistant' as const),
    // A hundred tokens each.
    text: `${n}`.padEnd(400, 'x'),
  }))
const numbers = (history: readonly { readonly text: string }[]) =>
  history.map(({ text }) => Number.parseInt(text, 10))

test('nothing is left of a history without room, and of none nothing is left out', () => {
  assert.deepEqual(latestWithin(said(4), 0), { kept: [], leftOut: true })
  assert.deepEqual(latestWithin([], 0), { kept: [], leftOut: false })
  assert.deepEqual(latestWithin([{ role: 'user', text: 'x'.repeat(9_999) }], 100), {
    kept: [],
    leftOut: true,
  })
})

test('the latest exchanges that fit are kept, in order', () => {
  const { kept, leftOut } = latestWithin(said(20), 400)
  assert.deepEqual([numbers(kept), leftOut], [[16, 17, 18, 19], true])
  assert.equal(latestWithin(said(20), 2_000).leftOut, false)
})

test('an answer is not kept without its question', () => {
  assert.deepEqual(numbers(latestWithin(said(20), 399).kept), [18, 19])
  assert.deepEqual(latestWithin([{ role: 'assistant', text: 'hello' }], 100), { kept: [], leftOut: true })
})

test('the room for history follows the smallest context that is known, within bounds', () => {
  const of = (...contexts: (number | undefined)[]) =>
    historyTokensFor(contexts.map((contextTokens) => (contextTokens === undefined ? {} : { contextTokens })))
  assert.equal(of(), 2_000)
  assert.equal(of(undefined), 2_000)
  assert.equal(of(8_192, undefined, 4_096), 1_024)
  assert.equal(of(64), 256)
  assert.equal(of(1_000_000), 4_000)
})
