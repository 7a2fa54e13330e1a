import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { encodeModel } from './card.js'
import { classifierOf } from './classifier.js'
import { evaluate } from './evaluator.js'
import { IntentModel } from './intent-model.js'
import { SMALL_TENANT, smallModel } from './testing/small-tenant.js'

const refusedWith = (code: string) => (error: unknown) => error instanceof YizhanError && error.code === code

const QUESTIONS = [
  ...SMALL_TENANT.map((row) => `${row.text} ok`),
  'how can i connect to vpn',
  '今天股市怎么样',
  '差旅住宿标准是多少',
  '😀',
  'x'.repeat(5000),
  '汉字'.repeat(3000),
  Array.from({ length: 500 }, (_, i) => `word${i}`).join(' '),
]

test('a model of a bundle with a file missing, cut or from another model is refused', async () => {
  const files = encodeModel(await smallModel())
  const onnx = files.get('model.onnx') ?? new Uint8Array()
  for (const name of files.keys()) {
    const without = new Map([...files].filter(([other]) => other !== name))
    await assert.rejects(IntentModel.load(without), refusedWith('not_found'))
    const cut = new Map(
      [...files].map(([other, bytes]) => [other, other === name ? bytes.subarray(9) : bytes]),
    )
    await assert.rejects(IntentModel.load(cut), refusedWith('invalid_argument'))
  }
  const other = encodeModel({ ...(await smallModel()), labels: ['a', 'oos'], exact: [[], []] })
  await assert.rejects(
    IntentModel.load(new Map([...other, ['model.onnx', onnx]])),
    refusedWith('invalid_argument'),
  )
})

test('the ONNX runtime gives what the plain forward pass gives, to 1e-4', async (t) => {
  const trained = await smallModel()
  const model = await IntentModel.load(encodeModel(trained))
  t.after(() => model.close())
  const expected = await classifierOf(trained).classifyAll(QUESTIONS)
  const given = await model.classifyAll(QUESTIONS)
  assert.equal(given.length, QUESTIONS.length)
  for (const [i, decision] of given.entries()) {
    const plain = expected[i]
    assert.ok(plain)
    assert.equal(decision.intent, plain.intent, QUESTIONS[i])
    assert.equal(decision.match, plain.match)
    assert.ok(
      Math.abs(decision.score - plain.score) < 1e-4,
      `${QUESTIONS[i]}: ${decision.score} ${plain.score}`,
    )
    for (const [rank, one] of decision.top.entries()) {
      assert.ok(Math.abs(one.score - (plain.top[rank]?.score ?? 9)) < 1e-4)
    }
  }
})

test('a text gets the same decision alone and among others', async (t) => {
  const model = await IntentModel.load(encodeModel(await smallModel()))
  t.after(() => model.close())
  const together = await model.classifyAll([...QUESTIONS, ...QUESTIONS, ...QUESTIONS])
  for (const [i, text] of QUESTIONS.entries()) {
    const alone = await model.classify(text)
    assert.equal(together[i]?.intent, alone.intent)
    assert.ok(Math.abs((together[i]?.score ?? 9) - alone.score) < 1e-5, text.slice(0, 30))
  }
})

test('hostile texts are decided, not thrown', async (t) => {
  const model = await IntentModel.load(encodeModel(await smallModel()))
  t.after(() => model.close())
  const hostile = ['', '\u0000', '\ud800', '😀', 'vpn '.repeat(300_000), `a${'\u0301\u0316'.repeat(100_000)}`]
  for (const decision of await model.classifyAll(hostile)) {
    assert.ok(decision.score >= 0 && decision.score <= 1)
  }
  assert.deepEqual(await model.classifyAll([]), [])
})

test('the operating point chooses the thresholds', async (t) => {
  const model = await IntentModel.load(encodeModel(await smallModel()))
  t.after(() => model.close())
  const keen = await model.classify('how can i connect to vpn', 'keen')
  const careful = await model.classify('how can i connect to vpn', 'careful')
  assert.ok(keen.accept < careful.accept)
  assert.equal(keen.accept, model.thresholds('keen').accept)
  assert.equal(careful.accept, model.thresholds('careful').accept)
})

test('a served model is evaluated like a trained one, and closes twice without harm', async () => {
  const trained = await smallModel()
  const model = await IntentModel.load(encodeModel(trained))
  assert.deepEqual(await evaluate(model, SMALL_TENANT), await evaluate(classifierOf(trained), SMALL_TENANT))
  await model.close()
  await model.close()
})
