import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeModel } from './card.js'
import { IntentModel } from './intent-model.js'
import { areaUnderCurve, measure } from './measure.js'
import { SMALL_TENANT, smallModel } from './testing/small-tenant.js'

test('no rows give no figures', async (t) => {
  const model = await IntentModel.load(encodeModel(await smallModel()))
  t.after(() => model.close())
  const { figures } = await measure(model, [], 'balanced', () => {})
  assert.deepEqual(figures, {
    n: 0,
    ...{
      accuracyClosed: null,
      inScopeAccuracy: null,
      oosRecall: null,
      auroc: null,
      p50Us: null,
      p99Us: null,
    },
  })
})

test('rows are counted by whether they are in scope and answered', async (t) => {
  const model = await IntentModel.load(encodeModel(await smallModel()))
  t.after(() => model.close())
  const wrong = { text: SMALL_TENANT[0]?.text ?? '', intent: 'hr.payslip' }
  const outside = ['今天股市怎么样', 'what is the meaning of life'].map((text) => ({ text, intent: 'oos' }))
  const { figures, times } = await measure(model, [...SMALL_TENANT, wrong, ...outside], 'balanced', () => {})
  const expected = Math.round((SMALL_TENANT.length / (SMALL_TENANT.length + 1)) * 10_000) / 10_000
  assert.equal(figures.n, SMALL_TENANT.length + 3)
  assert.equal(figures.accuracyClosed, expected)
  assert.equal(figures.inScopeAccuracy, expected)
  assert.equal(figures.oosRecall, 1)
  assert.equal(figures.auroc, 1)
  assert.equal(times.length, figures.n)
  assert.ok((figures.p50Us ?? 0) > 0 && (figures.p99Us ?? 0) >= (figures.p50Us ?? 0))
})

test('the area under the curve counts ties half', () => {
  assert.equal(areaUnderCurve([], [1]), null)
  assert.equal(areaUnderCurve([1], []), null)
  assert.equal(areaUnderCurve([2, 3], [0, 1]), 1)
  assert.equal(areaUnderCurve([0, 1], [2, 3]), 0)
  assert.equal(areaUnderCurve([1, 1], [1, 1]), 0.5)
  assert.equal(areaUnderCurve([1, 2], [1, 0]), 0.875)
})
