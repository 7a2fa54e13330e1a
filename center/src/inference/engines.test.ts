import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import { centerConfig } from '../config.js'
import { createKnowledge } from '../retrieval/index.js'
import { BACKEND_KINDS } from './backends/index.js'
import { openEngines } from './engines.js'

const log = silentLogger()
const parts = {
  clock: new ManualClock(),
  log,
  terms: createKnowledge({ log, metrics: createMetrics() }),
}

function settingsOf(inference: Record<string, unknown>) {
  const checked = centerConfig.check({ inference })
  return checked.ok
    ? checked.value.inference
    : checked.problems.map(({ path, message }) => `${path} ${message}`)
}

async function open(inference: Record<string, unknown>) {
  const settings = settingsOf(inference)
  assert.ok(!Array.isArray(settings), JSON.stringify(settings))
  const engines = await openEngines(parts, settings, new AbortController().signal)
  await engines.close()
  return engines.backends.map(({ backend, config }) => ({
    name: backend.name,
    model: backend.model,
    ...config,
  }))
}

test('an entry of a kind that is not known, or with a setting of another kind, is refused', () => {
  const entry = { name: 'a', kind: 'openai', url: 'http://127.0.0.1:1' }
  const problems = (backend: Record<string, unknown>) => JSON.stringify(settingsOf({ backends: [backend] }))
  assert.match(problems({ ...entry, kind: 'magic' }), /inference\.backends\[0\]/)
  assert.match(problems({ ...entry, paceMs: 1 }), /paceMs/)
  assert.match(problems({ ...entry, canary: 2 }), /canary/)
  assert.match(problems({ kind: 'openai', name: 'a' }), /url/)
})

test('two backends of one name are refused', async () => {
  const entry = { kind: 'openai', name: 'extractive', url: 'http://127.0.0.1:1' }
  await assert.rejects(open({ backends: [entry] }), { code: 'config_invalid' })
})

test('every kind can be listed', () => {
  const known = JSON.stringify(centerConfig.jsonSchema())
  for (const kind of Object.keys(BACKEND_KINDS)) assert.ok(known.includes(`"const":"${kind}"`), kind)
})

test('without settings the documents answer; an llm stands before them', async () => {
  const [only, ...more] = await open({})
  assert.deepEqual([only?.name, only?.channel, more.length], ['extractive', 'backup', 0])
  const both = await open({ llm: { url: 'http://127.0.0.1:1', model: 'm', firstTokenMs: 500 } })
  assert.deepEqual(
    both.map(({ name, model, channel, firstTokenMs }) => [name, model, channel, firstTokenMs]),
    [
      ['openai', 'm', 'primary', 1_000],
      ['extractive', 'extractive', 'backup', 120_000],
    ],
  )
})

test('a list names weight, channel, share and credit; quotes that are listed are not added again', async () => {
  const url = 'http://127.0.0.1:1'
  const all = await open({
    backends: [
      { name: 'gpu-1', kind: 'openai', url, model: 'm', weight: 2, creditTokens: 9_000 },
      { name: 'gpu-2', kind: 'openai', url, model: 'n', canary: 0.1, maxRunning: 4 },
      { name: 'quotes', kind: 'extractive', channel: 'backup' },
    ],
  })
  assert.deepEqual(
    all.map(({ name, model, channel, weight, canary, maxRunning, creditTokens }) => {
      return [name, model, channel, weight, canary, maxRunning, creditTokens]
    }),
    [
      ['gpu-1', 'm', 'primary', 2, 0, 256, 9_000],
      ['gpu-2', 'n', 'primary', 1, 0.1, 4, undefined],
      ['quotes', 'extractive', 'backup', 1, 0, 256, undefined],
    ],
  )
})
