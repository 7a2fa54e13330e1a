import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { directoryOf } from '../testing/directory.js'
import { runLine } from '../testing/run.js'

const ASK = {
  'it.vpn': ['how do I connect to the vpn', 'the vpn does not work', 'vpn login failed', '怎么连 VPN'],
  'hr.leave': ['I want to take leave', 'how do I apply for annual leave', 'request sick leave', '我要请假'],
} as const
const ROWS = Object.entries(ASK).flatMap(([intent, texts]) => texts.map((text) => ({ text, intent })))
const VALIDATION = [
  { text: 'can i connect to vpn', intent: 'it.vpn', split: 'val' },
  { text: 'apply for leave please', intent: 'hr.leave', split: 'val' },
  { text: 'the moon is made of cheese', intent: 'oos', split: 'val' },
]
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

async function files(t: TestContext, contents: Readonly<Record<string, string>>) {
  const dir = await directoryOf(t, contents)
  return (name: string) => join(dir, name)
}

function errorOf(err: string) {
  return JSON.parse(err).error as { code: string; message: string; hint?: string }
}

test('every broken line of a file is named', async (t) => {
  const broken = [
    '{"text":"hello","intent":"greet"}',
    '{"text":"no end"',
    '',
    '{"text":1,"intent":"greet"}',
    '{"text":"hello"}',
    '{"text":"hello","intent":"greet","split":"dev"}',
    '[]',
    'null',
  ]
  const path = await files(t, { 'broken.jsonl': broken.join('\n') })
  for (const line of [
    ['train', '--data', path('broken.jsonl'), '--out', path('model')],
    ['eval', '--data', path('broken.jsonl'), '--bundle', path('model')],
  ]) {
    const { code, err } = await runLine(['intents', ...line, '--json'])
    assert.equal(code, 2)
    const { message } = errorOf(err)
    assert.match(
      message,
      /6 broken line.*: 2 \(no JSON\), 4 \(\/text\), 5 \(\/intent\), 6 \(\/split\), 7 .*, 8 /,
    )
  }
})

test('files that are not there, empty or without an intent are refused', async (t) => {
  const path = await files(t, {
    'empty.jsonl': '',
    'oos.jsonl': lines([{ text: 'x', intent: 'oos' }]),
    'val.jsonl': lines(VALIDATION),
    'negatives.jsonl': lines([{ text: 'x' }, { intent: 'x' }]),
    'good.jsonl': lines(ROWS),
  })
  for (const [name, more, code] of [
    ['nowhere.jsonl', [], 'storage_failed'],
    ['empty.jsonl', [], 'tenant_invalid'],
    ['oos.jsonl', [], 'tenant_invalid'],
    ['val.jsonl', [], 'tenant_invalid'],
    ['good.jsonl', ['--negatives', path('negatives.jsonl')], 'invalid_argument'],
    ['good.jsonl', ['--profile', 'better'], 'invalid_argument'],
    ['good.jsonl', ['--seed', '-1'], 'invalid_argument'],
    ['good.jsonl', ['--seed', '1.5'], 'invalid_argument'],
  ] as const) {
    const run = await runLine([
      ...['intents', 'train', '--data', path(name), '--out', path('model'), ...more, '--json'],
    ])
    assert.equal(errorOf(run.err).code, code, `${name} ${more.join(' ')}`)
  }
  const nothing = await runLine([
    ...['intents', 'eval', '--bundle', path('model'), '--data', path('good.jsonl'), '--json'],
  ])
  assert.equal(errorOf(nothing.err).code, 'not_found')
})

test('a model is trained and held against texts, and the same seed gives the same bytes', async (t) => {
  const path = await files(t, {
    'data.jsonl': `\ufeff${lines([...ROWS, ...VALIDATION, { text: 'never seen', intent: 'x', split: 'test' }])}`,
    'test.jsonl': lines(VALIDATION.map(({ text, intent }) => ({ text, intent }))),
    'negatives.jsonl': lines([{ text: 'trains run late in winter', intent: 'oos' }]),
  })
  const train = [
    'intents',
    'train',
    '--data',
    path('data.jsonl'),
    '--seed',
    '3',
    '--profile',
    'fast',
    '--json',
  ]
  const first = await runLine([...train, '--out', path('a'), '--negatives', path('negatives.jsonl')])
  assert.equal(first.code, 0, first.err)
  assert.match(first.err, /1 rows of split test were not used/)
  const told = JSON.parse(first.out)
  assert.equal(told.intents, 2)
  assert.equal(told.heldOut, 2)
  await runLine([...train, '--out', path('b'), '--negatives', path('negatives.jsonl')])
  for (const name of ['model.onnx', 'bundle.json']) {
    assert.deepEqual(await readFile(join(path('a'), name)), await readFile(join(path('b'), name)), name)
  }

  const evaluate = ['intents', 'eval', '--bundle', path('a'), '--data', path('test.jsonl')]
  const { out } = await runLine([...evaluate, '--operating-point', 'keen', '--json'])
  const figures = JSON.parse(out)
  assert.deepEqual(Object.keys(figures).sort(), [
    ...['accuracyClosed', 'auroc', 'bytes', 'featurizer', 'inScopeAccuracy', 'n', 'oosRecall', 'p50Us'],
    ...['p99Us', 'trainSeconds'],
  ])
  assert.equal(figures.n, 3)
  assert.equal(figures.accuracyClosed, 1)
  assert.equal(figures.bytes, told.bytes)
  assert.equal(figures.trainSeconds, told.trainSeconds)
  const wrong = await runLine([...evaluate, '--operating-point', 'bold', '--json'])
  assert.equal(errorOf(wrong.err).code, 'invalid_argument')

  const strange = [
    '',
    ' ',
    '😀🎉',
    'مرحبا كيف',
    'vpn連不上שלום',
    '\u0000\u0007',
    '\ud800',
    'x'.repeat(1_000_000),
  ]
  await writeFile(path('strange.jsonl'), lines(strange.map((text) => ({ text, intent: 'oos' }))))
  const odd = await runLine([
    ...['intents', 'eval', '--bundle', path('a'), '--data', path('strange.jsonl'), '--json'],
  ])
  assert.equal(odd.code, 0, odd.err)
  assert.equal(JSON.parse(odd.out).n, strange.length)

  await writeFile(path('inside.jsonl'), lines(ROWS))
  const inside = await runLine([
    'intents',
    'eval',
    '--bundle',
    path('a'),
    '--data',
    path('inside.jsonl'),
    '--json',
  ])
  const { oosRecall, auroc, inScopeAccuracy } = JSON.parse(inside.out)
  assert.deepEqual(
    { oosRecall, auroc, inScopeAccuracy },
    { oosRecall: null, auroc: null, inScopeAccuracy: 1 },
  )
})
