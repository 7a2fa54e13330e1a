import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Classifier, Decision } from '@yizhan/intent'
import type { Problem } from './problem.js'
import { runTests } from './test-run.js'
import { sourceOf } from './testing/directory.js'

const never = new AbortController().signal
const near = { accept: 0.6, askBack: 0.4 }

/** Gives these decisions, whatever is said; the runs are noted. */
function deciding(decisions: readonly Partial<Decision>[], runs: unknown[] = []): Classifier {
  const queue = [...decisions]
  return {
    async classifyAll(texts, point) {
      runs.push([texts.length, point])
      return texts.map(() => ({
        intent: 'oos',
        score: 0.9,
        match: 'model',
        top: [],
        ...near,
        ...queue.shift(),
      }))
    },
  }
}

function source(tests: readonly string[]) {
  return sourceOf({
    'intents/more.yaml':
      'time: {ask: x, reply: {skill: time}}\nnear: {ask: y, reply: {text: {en: Near}}}\nfar: {ask: z, reply: {forward: {knowledge: []}}}\n',
    'tests/t.yaml': tests.map((expect) => `- {say: hi, expect: ${expect}}\n`).join(''),
  })
}

const told = (problems: readonly Problem[]) => problems.map(({ line, message }) => `${line} ${message.en}`)

test('each way that a decision goes holds what is expected of it', async () => {
  const decisions = [
    { intent: 'near', score: 0.6 },
    { intent: 'near', score: 0.1, match: 'exact' as const },
    { intent: 'time', score: 0.9 },
    { intent: 'far', score: 0.9 },
    { intent: 'oos', score: 0.9 },
    { intent: 'near', score: 0.5 },
    { intent: 'near', score: 0.5 },
    { intent: 'far', score: 0.9 },
  ]
  const tests = [
    '{intent: near, by: edge, has: ear}',
    '{intent: near, by: edge}',
    '{intent: time, by: edge}',
    '{intent: far, by: center}',
    '{intent: oos, by: center}',
    '{by: ask-back}',
    '{by: not-edge}',
    '{by: not-edge}',
  ]
  assert.deepEqual(await runTests(deciding(decisions), await source(tests), never), [])
})

test('each way that fails says what came instead, with its line', async () => {
  const decisions = [
    { intent: 'near', score: 0.9 },
    { intent: 'near', score: 0.5 },
    { intent: 'near', score: 0.5 },
    { intent: 'far', score: 0.9 },
    { intent: 'time', score: 0.9 },
    { intent: 'oos', score: 0.7 },
    { intent: 'near', score: 0.9 },
  ]
  const tests = [
    '{intent: far}',
    '{intent: near}',
    '{by: center}',
    '{by: edge}',
    '{has: time}',
    '{by: edge, has: x}',
    '{by: not-edge}',
  ]
  assert.deepEqual(told(await runTests(deciding(decisions), await source(tests), never)), [
    '1 “hi” is near (0.90, threshold 0.60) and is answered by the edge; expected intent far',
    '2 “hi” is near near (0.50, threshold 0.60) and is asked back; expected intent near',
    '3 “hi” is near near (0.50, threshold 0.60) and is asked back; expected that it goes to the center',
    '4 “hi” is far (0.90, threshold 0.60) and goes to the center; expected that it is answered by the edge',
    '5 “hi” is time (0.90, threshold 0.60) and is answered by the edge; expected “time” in the reply',
    '6 “hi” is oos (0.70, threshold 0.60) and goes to the center; expected that it is answered by the edge',
    '7 “hi” is near (0.90, threshold 0.60) and is answered by the edge; expected that it is not answered at once',
  ])
})

test('a label that the tenant has no answer for goes to the center', async () => {
  const decisions = [{ intent: 'tostring', score: 0.9 }]
  assert.deepEqual(await runTests(deciding(decisions), await source(['{by: center}']), never), [])
})

test('many tests run in portions at the operating point of the tenant, and an abort ends them', async () => {
  const runs: unknown[] = []
  const tests = await source(Array.from({ length: 70 }, () => '{by: center}'))
  await runTests(deciding([], runs), tests, never)
  assert.deepEqual(runs, [
    [32, 'balanced'],
    [32, 'balanced'],
    [6, 'balanced'],
  ])
  const abort = new AbortController()
  const model: Classifier = {
    classifyAll: async (texts) => {
      abort.abort(new Error('enough'))
      return deciding([]).classifyAll(texts)
    },
  }
  await assert.rejects(runTests(model, tests, abort.signal), /enough/)
})

test('a card is looked into, and an intent with slots is answered by the edge whatever comes of them', async () => {
  const tests = await sourceOf({
    'intents/more.yaml':
      'card: {ask: y, reply: {card: a}}\nslots: {ask: z, slots: {from: {type: date, ask: Which day}}, reply: {forward: {knowledge: []}}}\n',
    'cards/a.yaml':
      'title: Reset\nfacts: [{name: Phone, value: "8110"}]\nbuttons: [{label: Call, command: /human}]\n',
    'tests/t.yaml':
      '- {say: a, expect: {card: a, by: edge, has: "8110"}}\n- {say: b, expect: {by: edge, has: Which day}}\n' +
      '- {say: c, expect: {card: a}}\n- {say: d, expect: {has: "8111"}}\n',
  })
  const decisions = ['card', 'slots', 'slots', 'card'].map((intent) => ({ intent, score: 0.9 }))
  assert.deepEqual(told(await runTests(deciding(decisions), tests, never)), [
    '3 “c” is slots (0.90, threshold 0.60) and is answered by the edge; expected the card a',
    '4 “d” is card (0.90, threshold 0.60) and is answered by the edge; expected “8111” in the reply',
  ])
})
