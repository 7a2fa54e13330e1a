import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  CARD_FILE,
  chooseSamples,
  classifierOf,
  encodeModel,
  encodeSamples,
  MODEL_FILE,
  parseModelCard,
  SAMPLES_FILE,
  type ServableModel,
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
import {
  asTenantId,
  createMetrics,
  silentLogger,
  systemClock,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { INTENT_SERVICE_DEFAULTS, startIntentService } from './intent-service.js'
import { testRoot, writeBundle, writeTestBundle } from './testing.js'
import { TriedModels } from './tried-models.js'

const acme = asTenantId('acme') as TenantId
const never = new AbortController().signal
const QUESTION = 'how can i connect to vpn'

/** What a file that had slipped through the inspection would be. */
function uninspected(files: ReadonlyMap<string, Uint8Array>): ServableModel {
  const [card, onnx] = [files.get(CARD_FILE), files.get(MODEL_FILE)]
  return servableHashed({ card: parseModelCard(card ?? new Uint8Array()), onnx: onnx ?? new Uint8Array() })
}

async function start(t: TestContext, root: string, options: { readonly inspect: boolean }) {
  const metrics = createMetrics()
  const log = silentLogger()
  const tried = await TriedModels.open({ log }, { path: join(root, 'tried.json') })
  const { trial } = INTENT_SERVICE_DEFAULTS
  const service = await startIntentService(
    { log, clock: systemClock, metrics, tried, ...(options.inspect ? {} : { check: uninspected }) },
    { ...INTENT_SERVICE_DEFAULTS, trial: { ...trial, runMs: 2_000, maxCpuMsPerText: 5 } },
  )
  t.after(() => service.stop('test ended'))
  return { service, metrics, tried }
}

const hostile: readonly (readonly [string, (model: TrainedModel) => Uint8Array])[] = [
  ['an endless loop', endlessOnnx],
  ['a slow model', (model) => slowOnnx(model, 20_000)],
  ['a huge tensor', (model) => hugeOnnx(model, 8)],
  ['weights from a file', (model) => thievishOnnx(model, '/etc/passwd')],
]

for (const inspect of [true, false]) {
  test(`hostile models are refused ${inspect ? 'by the inspection' : 'by the trial'}, and the one before goes on`, async (t) => {
    const root = await testRoot(t)
    const ours = await writeTestBundle(root, acme)
    const { service, metrics, tried } = await start(t, root, { inspect })
    await service.load(acme, ours.dir, ours.digest)
    const model = await smallModel()
    const bundles = inspect ? hostile : [...hostile, ['wrong answers', wrongOnnx] as const]
    for (const [what, make] of bundles) {
      const bundle = await writeBundle(
        root,
        acme,
        encodeModel(model)
          .set(SAMPLES_FILE, await samples())
          .set(MODEL_FILE, make(model)),
      )
      let loading = true
      const refused = assert.rejects(
        service.load(acme, bundle.dir, bundle.digest).finally(() => {
          loading = false
        }),
        (error) =>
          error instanceof YizhanError && error.code === (inspect ? 'invalid_argument' : 'model_refused'),
        what,
      )
      let answered = 0
      while (loading || answered === 0) {
        assert.equal((await service.classify(acme, ours.digest, QUESTION, never)).intent, 'it.vpn')
        answered++
      }
      await refused
      assert.equal(service.isReady(acme, bundle.digest), false)
      assert.equal(tried.has(bundle.digest), false)
    }
    if (inspect) return
    const text = await metrics.render()
    for (const why of ['timeout', 'slow', 'run-failed', 'open-failed', 'wrong-intent']) {
      assert.match(text, new RegExp(`models_refused_total\\{why="${why}"\\} 1`))
    }
  })
}

/** Samples of the small tenant, as its bundle has them. */
async function samples(): Promise<Uint8Array> {
  const network = classifierOf(withoutExact(await smallModel()))
  return encodeSamples(await chooseSamples(SMALL_TENANT, network))
}

test('a bundle is tried once on a machine, also over restarts; another machine tries it anew', async (t) => {
  const root = await testRoot(t)
  const path = join(root, 'tried.json')
  const log = silentLogger()
  const ours = await writeTestBundle(root, acme)
  const trials = async (machine: string) => {
    const metrics = createMetrics()
    const tried = await TriedModels.open({ log }, { path, machine })
    const service = await startIntentService({ log, clock: systemClock, metrics, tried })
    await service.load(acme, ours.dir, ours.digest)
    await service.stop('tried')
    return Number(/trial_seconds_count (\d+)/.exec(await metrics.render())?.[1])
  }
  assert.deepEqual([await trials('a'), await trials('a'), await trials('b')], [1, 0, 1])
  assert.match(await readFile(path, 'utf8'), new RegExp(ours.digest))
})
