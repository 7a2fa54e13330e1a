import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evidenceFor, fitConfidence, PLAIN_CONFIDENCE, type RatedEvidence, scoreOf } from './confidence.js'
import { seededRandom } from './random.js'

const random = seededRandom(3)
const spread = (middle: number) => middle + 8 * (random() - 0.5)

/** Texts in scope, of which some are taken for another intent, and texts out of scope that only the lead gives away. */
function rows(inside: number, outside: number): RatedEvidence[] {
  return [
    ...Array.from({ length: inside }, (_, i) => ({
      evidence: { odds: spread(i % 20 === 0 ? 0 : 3), lead: spread(9) },
      right: i % 20 !== 0,
      outside: false,
    })),
    ...Array.from({ length: outside }, () => ({
      evidence: { odds: spread(3), lead: spread(4) },
      right: false,
      outside: true,
    })),
  ]
}

test('without enough rows in scope and out of it, scores are probabilities', () => {
  assert.deepEqual(fitConfidence([]), PLAIN_CONFIDENCE)
  assert.deepEqual(fitConfidence(rows(2000, 10)), PLAIN_CONFIDENCE)
  assert.deepEqual(fitConfidence(rows(100, 500)), PLAIN_CONFIDENCE)
})

test('a plain score is the probability', () => {
  for (const probabilities of [
    [0.7, 0.2, 0.1],
    [0.001, 0.001, 0.998],
    [1, 0, 0],
    [0, 0, 1],
  ]) {
    const given = Float32Array.from(probabilities)
    for (const label of [0, 1]) {
      const score = scoreOf(PLAIN_CONFIDENCE, evidenceFor(label, given))
      assert.ok(Math.abs(score - (probabilities[label] ?? 0)) < 1e-6, `${probabilities}: ${score}`)
    }
  }
})

test('evidence is finite for whatever a network may give', () => {
  for (const probabilities of [[], [0, 0, 0], [1, 1, 1], [Number.NaN, 0, 1], [1e-38, 0, 1]]) {
    const score = scoreOf({ own: 3, lead: 3, offset: 0 }, evidenceFor(0, Float32Array.from(probabilities)))
    assert.ok(!(score < 0 || score > 1), `${probabilities}: ${score}`)
  }
})

test('what tells texts out of scope apart is weighed in, and the fit does not depend on their number', () => {
  const fitted = fitConfidence(rows(2000, 500))
  assert.ok(fitted.lead > 0.2, JSON.stringify(fitted))
  const inside = scoreOf(fitted, { odds: 3, lead: 9 })
  const outside = scoreOf(fitted, { odds: 3, lead: 3 })
  assert.ok(inside > outside + 0.4, `${inside} ${outside}`)
  const fewer = fitConfidence(rows(2000, 100))
  assert.ok(Math.abs(scoreOf(fewer, { odds: 3, lead: 9 }) - inside) < 0.05)
})

test('where the lead says nothing the fit stays near the probability', () => {
  const evidences = Array.from({ length: 4000 }, () => ({ odds: spread(1), lead: spread(5) }))
  const fitted = fitConfidence(
    evidences.map((evidence, i) => {
      const right = random() < scoreOf(PLAIN_CONFIDENCE, evidence)
      // Texts out of scope that are like those that were got wrong.
      return { evidence, right, outside: !right && i % 5 === 0 }
    }),
  )
  assert.ok(Math.abs(fitted.own - 1) < 0.2 && fitted.lead < 0.1, JSON.stringify(fitted))
})
