import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import {
  CAGE_DEFAULTS,
  CARD_FILE,
  chooseSamples,
  classifierOf,
  encodeModel,
  MODEL_FILE,
  type ModelCard,
  parseModelCard,
  servableHashed,
  type TrainedModel,
  withoutExact,
} from '@yizhan/intent'
import {
  endlessOnnx,
  hugeOnnx,
  SMALL_TENANT,
  slowOnnx,
  smallModel,
  thievishOnnx,
  wrongOnnx,
} from '@yizhan/intent/testing'
import { systemClock, YizhanError } from '@yizhan/kernel'
import { type TrialConfig, tryModel, type UntriedModel } from './model-trial.js'

const never = new AbortController().signal
const CONFIG: TrialConfig = { ...CAGE_DEFAULTS, maxCpuMsPerText: 100 }

let trained: TrainedModel
let honest: { readonly card: ModelCard; readonly onnx: Uint8Array; readonly samples: UntriedModel['samples'] }

before(async () => {
  trained = await smallModel()
  const files = encodeModel(trained)
  honest = {
    card: parseModelCard(files.get(CARD_FILE) ?? new Uint8Array()),
    onnx: files.get(MODEL_FILE) ?? new Uint8Array(),
    samples: await chooseSamples(SMALL_TENANT, classifierOf(withoutExact(trained))),
  }
})

const attempt = (changed: Partial<typeof honest>, config: Partial<TrialConfig> = {}) => {
  const { samples, ...files } = { ...honest, ...changed }
  return tryModel(
    { clock: systemClock },
    { model: servableHashed(files), samples },
    { ...CONFIG, ...config },
    never,
  )
}

const refusedFor = (why: string) => (error: unknown) =>
  error instanceof YizhanError &&
  error.code === 'model_refused' &&
  error.details.why === why &&
  !error.retryable

test('a model that loops for ever, is slow, or wants a huge tensor or a file is refused', async () => {
  await assert.rejects(attempt({ onnx: endlessOnnx(trained) }, { runMs: 300 }), refusedFor('timeout'))
  await assert.rejects(attempt({ onnx: endlessOnnx(trained) }, { cpuSeconds: 1 }), refusedFor('cpu'))
  await assert.rejects(
    attempt({ onnx: slowOnnx(trained, 20_000) }, { maxCpuMsPerText: 5 }),
    refusedFor('slow'),
  )
  await assert.rejects(attempt({ onnx: hugeOnnx(trained, 4) }), refusedFor('run-failed'))
  await assert.rejects(attempt({ onnx: thievishOnnx(trained, '/etc/passwd') }), refusedFor('open-failed'))
})

test('a model whose answers are wrong or no probabilities is refused', async () => {
  assert.ok(honest.samples.length >= 5)
  await assert.rejects(attempt({ onnx: wrongOnnx(trained) }), refusedFor('wrong-intent'))
  const card = { ...honest.card, labels: [...honest.card.labels, 'more'] }
  await assert.rejects(attempt({ card }), refusedFor('wrong-output'))
  const poisoned = {
    ...trained,
    network: { ...trained.network, bias: trained.network.bias.map(() => Number.NaN) },
  }
  const onnx = encodeModel(poisoned).get(MODEL_FILE) ?? new Uint8Array()
  await assert.rejects(attempt({ onnx }), refusedFor('wrong-output'))
  await assert.rejects(attempt({ onnx, samples: [] }), refusedFor('wrong-output'), 'also without samples')
})

test('an honest model passes, with samples and without', async () => {
  await attempt({})
  await attempt({ samples: [] })
})
