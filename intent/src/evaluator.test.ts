import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Classifier } from './classifier.js'
import { evaluate } from './evaluator.js'

/** Texts are `intent score`: what the classifier shall say. */
const echo: Classifier = {
  classifyAll: async (texts) =>
    texts.map((text) => {
      const [best = 'oos', score = '0'] = text.split(' ')
      const top = best === 'oos' ? [] : [{ intent: best, score: Number(score) }]
      return {
        intent: Number(score) >= 0.3 ? best : 'oos',
        score: Number(score),
        match: 'model' as const,
        top,
        accept: 0.5,
        askBack: 0.3,
      }
    }),
}

test('nothing to evaluate gives no figures', async () => {
  const { n, accuracy, oosRecall } = await evaluate(echo, [])
  assert.equal(n, 0)
  assert.ok(Number.isNaN(accuracy) && Number.isNaN(oosRecall))
})

test('right, wrong, unsure and out of scope are counted apart', async () => {
  const result = await evaluate(echo, [
    { text: 'a 0.9', intent: 'a' },
    { text: 'a 0.4', intent: 'a' },
    { text: 'b 0.9', intent: 'a' },
    { text: 'b 0.8', intent: 'b' },
    { text: 'b 0.7', intent: 'oos' },
    { text: 'a 0.1', intent: 'oos' },
    { text: 'oos 0.9', intent: 'oos' },
  ])
  assert.equal(result.n, 7)
  assert.equal(result.accuracy, 2 / 4)
  assert.equal(result.closedAccuracy, 3 / 4)
  assert.equal(result.oosRecall, 2 / 3)
  assert.equal(result.oosPrecision, 2 / 3)
  assert.deepEqual(result.perIntent.get('a'), { n: 3, precision: 1, recall: 1 / 3 })
  assert.deepEqual(result.perIntent.get('b'), { n: 1, precision: 1 / 3, recall: 1 })
  assert.equal(result.perIntent.has('oos'), false)
})

test('more rows than one batch are all counted', async () => {
  const rows = Array.from({ length: 1000 }, () => ({ text: 'a 0.9', intent: 'a' }))
  assert.equal((await evaluate(echo, rows)).accuracy, 1)
})
