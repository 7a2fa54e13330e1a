import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blendedProbabilities, chooseBlend, type HeldOutScores, PLAIN } from './blend.js'

const CLASSES = 4
const OOS = CLASSES - 1

/** Scores that stand `lead` above all others for one class. */
function scores(best: number, lead: number): Float32Array {
  return Float32Array.from({ length: CLASSES }, (_, c) => (c === best ? lead : 0))
}

function rows(count: number, row: (i: number) => Partial<HeldOutScores>): HeldOutScores[] {
  return Array.from({ length: count }, (_, i) => ({
    votes: scores(i % OOS, 4),
    linear: undefined,
    label: i % OOS,
    foreign: false,
    ...row(i),
  }))
}

test('few rows, or none, change nothing', () => {
  assert.deepEqual(chooseBlend([]), PLAIN)
  const helpful = rows(400, (i) => ({ votes: scores((i + 1) % OOS, 4), linear: scores(i % OOS, 4) }))
  assert.deepEqual(chooseBlend(helpful), PLAIN)
  const foreign = rows(600, (i) => ({
    votes: scores((i + 1) % OOS, 4),
    linear: scores(i % OOS, 4),
    foreign: true,
  }))
  assert.deepEqual(chooseBlend(foreign), PLAIN)
})

test('linear machines are weighed in when they are right where the members are not', () => {
  const helpful = rows(600, (i) =>
    i % 4 === 0
      ? { votes: scores((i + 1) % OOS, 1), linear: scores(i % OOS, 4) }
      : { linear: scores(i % OOS, 4) },
  )
  assert.ok(chooseBlend(helpful).linear > 0)
  const harmful = rows(600, (i) => ({ linear: scores((i + 1) % OOS, 4) }))
  assert.equal(chooseBlend(harmful).linear, 0)
})

test('scores that are surer than right are cooled, others sharpened', () => {
  const overSure = rows(600, (i) => (i % 2 === 0 ? {} : { label: (i + 1) % OOS }))
  assert.ok(chooseBlend(overSure).temperature > 1)
  const shy = rows(600, (i) => ({ votes: scores(i % OOS, 1) }))
  assert.ok(chooseBlend(shy).temperature < 1)
})

test('blended probabilities sum to one', () => {
  const [row] = rows(1, () => ({ linear: scores(1, 2) }))
  assert.ok(row)
  const sum = blendedProbabilities(row, { linear: 2, temperature: 0.7 }).reduce((a, b) => a + b, 0)
  assert.ok(Math.abs(sum - 1) < 1e-5)
})
