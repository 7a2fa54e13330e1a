import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  CagedClassifier,
  chooseSamples,
  encodeEncoder,
  encodeSamples,
  MODEL_FILE,
  SAMPLES_FILE,
  type ServableModel,
  servableModel,
  trainEncoderHead,
} from '@yizhan/intent'
import { endlessEncoder, SMALL_TENANT, smallEncoder, smallEncoderGraph } from '@yizhan/intent/testing'
import {
  asTenantId,
  ManualClock,
  silentLogger,
  systemClock,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { INTENT_SERVICE_DEFAULTS, type IntentServiceDeps, startIntentService } from './intent-service.js'
import { testRoot, until, writeBundle, writeTestBundle } from './testing.js'

const acme = asTenantId('acme') as TenantId
const globex = asTenantId('globex') as TenantId
const { signal: never } = new AbortController()
const QUESTION = 'the printer has a paper jam'

let made: Promise<Map<string, Uint8Array>> | undefined

/** The model's files of a tenant with an encoder of its own, trained once. */
async function encoderFiles(): Promise<Map<string, Uint8Array>> {
  made ??= (async () => {
    const deps = { clock: systemClock }
    const trained = await trainEncoderHead(deps, {
      encoder: smallEncoder(),
      examples: SMALL_TENANT,
      signal: never,
    })
    const files = encodeEncoder(trained)
    const classifier = await CagedClassifier.open(deps, servableModel(files), never)
    const samples = await chooseSamples(SMALL_TENANT, classifier.networkAlone())
    await classifier.close()
    return files.set(SAMPLES_FILE, encodeSamples(samples))
  })()
  return new Map(await made)
}

async function start(t: TestContext, deps: Partial<IntentServiceDeps> = {}) {
  const service = await startIntentService(
    { log: silentLogger(), clock: systemClock, ...deps },
    INTENT_SERVICE_DEFAULTS,
  )
  t.after(() => service.stop('test ended'))
  return service
}

const failed = (code: string) => (error: unknown) => error instanceof YizhanError && error.code === code

/** What a file that had slipped through inspection and trial would be: only its network differs. */
const withNetwork =
  (onnx: Uint8Array) =>
  (files: ReadonlyMap<string, Uint8Array>): ServableModel => ({
    ...servableModel(new Map(files).set(MODEL_FILE, smallEncoder().onnx)),
    onnx,
  })

test('an encoder that loops is refused by the inspection and by the trial', async (t) => {
  const root = await testRoot(t)
  const onnx = endlessEncoder(smallEncoderGraph())
  const bundle = await writeBundle(root, acme, (await encoderFiles()).set(MODEL_FILE, onnx))
  const inspecting = await start(t)
  await assert.rejects(inspecting.load(acme, bundle.dir, bundle.digest), failed('invalid_argument'))
  const service = await startIntentService(
    { log: silentLogger(), clock: systemClock, check: withNetwork(onnx) },
    { ...INTENT_SERVICE_DEFAULTS, trial: { ...INTENT_SERVICE_DEFAULTS.trial, runMs: 500 } },
  )
  t.after(() => service.stop('test ended'))
  await assert.rejects(service.load(acme, bundle.dir, bundle.digest), failed('model_refused'))
})

test('both kinds are served side by side, many texts at once, each with its own answer', async (t) => {
  const root = await testRoot(t)
  const service = await start(t)
  const encoder = await writeBundle(root, acme, await encoderFiles())
  const hashed = await writeTestBundle(root, globex, 'their.')
  await service.load(acme, encoder.dir, encoder.digest)
  await service.load(globex, hashed.dir, hashed.digest)
  const answers = await Promise.all(
    Array.from({ length: 90 }, async (_, i) => {
      const ours = i % 3 !== 0
      const [tenant, { digest }] = ours ? [acme, encoder] : [globex, hashed]
      const text = ours ? `${QUESTION} ${i}` : `please connect the vpn ${i}`
      const { top } = await service.classify(tenant, digest, text, never)
      return [top[0]?.intent, ours ? 'it.printer' : 'their.it.vpn']
    }),
  )
  for (const [given, expected] of answers) assert.equal(given, expected)
  assert.equal((await service.classify(acme, encoder.digest, '忘记密码了', never)).match, 'exact')
  const reason = new YizhanError('cancelled', 'no more')
  await assert.rejects(
    service.classify(acme, encoder.digest, QUESTION, AbortSignal.abort(reason)),
    (error) => error === reason,
  )
  service.unload(acme, encoder.digest)
  await assert.rejects(service.classify(acme, encoder.digest, QUESTION, never), failed('unavailable'))
})

test('an encoder that hangs when it serves costs its own tenant its model for a while, and nobody else anything', async (t) => {
  const root = await testRoot(t)
  const clock = new ManualClock()
  let onnx = endlessEncoder(smallEncoderGraph())
  const service = await start(t, {
    clock,
    tried: { has: () => true, add: async () => undefined },
    check: (files) => (files.has('head.bin') ? withNetwork(onnx)(files) : servableModel(files)),
  })
  const encoder = await writeBundle(root, acme, await encoderFiles())
  const hashed = await writeTestBundle(root, globex)
  await service.load(acme, encoder.dir, encoder.digest)
  await service.load(globex, hashed.dir, hashed.digest)

  const asked = service.classify(acme, encoder.digest, QUESTION, never)
  const behind = service.classify(acme, encoder.digest, `${QUESTION} again`, never)
  const lost = assert.rejects(asked, failed('backend_failed'))
  const alsoLost = assert.rejects(behind, failed('backend_failed'))
  assert.equal(
    (await service.classify(globex, hashed.digest, 'how can i connect to vpn', never)).intent,
    'it.vpn',
  )
  clock.advance(INTENT_SERVICE_DEFAULTS.classifyMs)
  await lost
  await alsoLost
  await assert.rejects(service.classify(acme, encoder.digest, QUESTION, never), failed('unavailable'))
  assert.equal((await service.classify(acme, encoder.digest, '忘记密码了', never)).match, 'exact')
  assert.equal(
    (await service.classify(globex, hashed.digest, 'how can i connect to vpn', never)).intent,
    'it.vpn',
  )

  onnx = smallEncoder().onnx
  clock.advance(5_000)
  assert.equal((await service.classify(acme, encoder.digest, QUESTION, never)).top[0]?.intent, 'it.printer')
  await until(() => service.isReady(acme, encoder.digest))
})
