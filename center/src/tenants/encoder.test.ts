import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SMALL_TENANT, smallEncoder, smallTokenizer } from '@yizhan/intent/testing'
import { differenceBetween } from './difference.js'
import { place, start } from './testing/catalog.js'
import { linesOf, problemsOf, sourceOf, TENANT, testRefusals } from './testing/directory.js'

const { signal } = new AbortController()
const { onnx, tokenizer } = smallEncoder()
const named = `${TENANT}encoder: {pooling: mean}\n`
const files = { 'tenant.yaml': named, 'encoder/model.onnx': onnx, 'encoder/tokenizer.json': tokenizer }

testRefusals([
  [
    'an encoder without its files',
    { 'tenant.yaml': named },
    [
      'tenant.yaml:5:1 encoder: needs the file encoder/model.onnx',
      'tenant.yaml:5:1 encoder: needs the file encoder/tokenizer.json',
    ],
  ],
  [
    'files that nothing names',
    { 'encoder/tokenizer.json': tokenizer },
    ['encoder/tokenizer.json is not used; name it in tenant.yaml: “encoder: {pooling: mean}”'],
  ],
  [
    'another file beside them',
    { ...files, 'encoder/weights.bin': 'x' },
    ['encoder/weights.bin is no file of a tenant directory; rename or remove it'],
  ],
  [
    'a model that is too large',
    { ...files, 'encoder/model.onnx': new Uint8Array(20 * 1024 * 1024 + 1) },
    ['encoder/model.onnx is larger than 20 MiB; export it with 8-bit weights'],
  ],
  [
    'a model that is none',
    { ...files, 'encoder/model.onnx': 'weights' },
    ['tenant.yaml:5:1 encoder: the ONNX model is refused: it is malformed'],
  ],
  [
    'a tokenizer with an expression of its own',
    {
      ...files,
      'encoder/tokenizer.json': smallTokenizer({
        pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' } },
      }),
    },
    ['tenant.yaml:5:1 encoder: the tokenizer is refused: it has a part of type Split'],
  ],
])

test('settings that are none are refused', async () => {
  for (const encoder of ['{pooling: max}', '{maxTokens: 4}', '{model: x}', '7']) {
    const problems = await problemsOf({ ...files, 'tenant.yaml': `${TENANT}encoder: ${encoder}\n` })
    assert.ok(problems.length > 0 && linesOf(problems).every((line) => line.includes('encoder')), encoder)
  }
})

test('what of an encoder has changed is told', async () => {
  const before = await sourceOf(files)
  assert.deepEqual(differenceBetween(before, await sourceOf(files)), [])
  const changed = await sourceOf({ ...files, 'tenant.yaml': `${TENANT}encoder: {pooling: cls}\n` })
  assert.deepEqual(differenceBetween(before, changed), [
    { kind: 'setting', name: 'encoder', change: 'changed', parts: ['pooling'] },
  ])
})

test('a tenant with an encoder of its own is applied: its tests run on the encoder, and the bundle has it whole', async (t) => {
  const { catalog, trained } = await start(t, await place(t))
  const asks = new Map<string, string[]>()
  for (const { text, intent } of SMALL_TENANT) asks.set(intent, [...(asks.get(intent) ?? []), text])
  const intents = [...asks].map(
    ([intent, texts]) =>
      `${intent}:\n  ask: |\n${texts.map((text) => `    ${text}\n`).join('')}  reply: {zh: 好, en: OK}\n`,
  )
  const directory = new Map(
    Object.entries({
      ...files,
      'intents/all.yaml': intents.join(''),
      'tests/smoke.yaml': '- {say: 打印机卡纸, expect: {intent: it.printer}}\n',
    }).map(([path, content]) => [path, Buffer.from(content)] as const),
  )
  const outcome = await catalog.apply(directory, { actor: 'test' }, signal)
  assert.ok('report' in outcome && outcome.report.changed)
  assert.equal(trained.length, 0, 'the built-in model is not trained')
})
