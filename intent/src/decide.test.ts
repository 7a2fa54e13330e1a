import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PLAIN_CONFIDENCE } from './confidence.js'
import { type DecisionTable, decide, decideEmpty, decideExact } from './decide.js'
import { exactKey, normalise } from './normalise.js'

const threshold = { accept: 0.5, askBack: 0.3 }
const table: DecisionTable = {
  labels: ['a', 'b', 'c', 'd', 'oos'],
  exact: new Map([
    [exactKey(normalise('怎么连 VPN')) ?? '', 1],
    [exactKey(normalise('stock market')) ?? '', 4],
  ]),
  maxChars: 100,
  confidence: PLAIN_CONFIDENCE,
}
const given = (...probabilities: number[]) => decide(table, Float32Array.from(probabilities), threshold)

test('numbers that are none make a text out of scope', () => {
  for (const decision of [given(Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN), given()]) {
    assert.equal(decision.intent, 'oos')
    assert.equal(decision.score, 1)
  }
})

test('the best intent is given from askBack on, and only accepted from accept on', () => {
  const sure = given(0.1, 0.6, 0.1, 0.1, 0.1)
  assert.equal(sure.intent, 'b')
  assert.ok(sure.score >= sure.accept)
  const unsure = given(0.1, 0.1, 0.4, 0.1, 0.3)
  assert.equal(unsure.intent, 'c')
  assert.ok(unsure.score < unsure.accept && unsure.score >= unsure.askBack)
  const low = given(0.2, 0.1, 0.1, 0.1, 0.5)
  assert.equal(low.intent, 'oos')
  assert.ok(Math.abs(low.score - 0.8) < 1e-6)
})

test('the three best intents are given best first, never oos', () => {
  const { top } = given(0.1, 0.05, 0.2, 0.15, 0.5)
  assert.deepEqual(
    top.map((one) => one.intent),
    ['c', 'd', 'a'],
  )
})

test('an example is decided by the table, one that was put out of scope too', () => {
  assert.deepEqual(decideExact(table, '怎么连VPN？', threshold), {
    intent: 'b',
    score: 1,
    match: 'exact',
    top: [{ intent: 'b', score: 1 }],
    ...threshold,
  })
  assert.equal(decideExact(table, 'Stock market!', threshold)?.intent, 'oos')
  assert.equal(decideExact(table, 'stocks', threshold), undefined)
  assert.equal(decideExact(table, `怎么连 VPN${' '.repeat(100)}`, threshold), undefined)
})

test('a text without words is out of scope for sure', () => {
  assert.deepEqual(decideEmpty(threshold), { intent: 'oos', score: 1, match: 'model', top: [], ...threshold })
})
