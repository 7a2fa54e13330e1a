import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  buildManifest,
  CARD_FILE,
  encodeModel,
  MANIFEST_FILE,
  MODEL_FILE,
  parseModelCard,
  servableHashed,
  TENANT_FILE,
  type TenantFile,
} from '@yizhan/intent'
import { endlessOnnx, smallModel } from '@yizhan/intent/testing'
import {
  asTenantId,
  canonicalJson,
  sha256Hex,
  silentLogger,
  systemClock,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { create, DesiredStateSchema } from '@yizhan/proto'
import { INTENT_SERVICE_DEFAULTS, startIntentService } from '../intent/index.js'
import { TenantHost } from '../tenants/index.js'
import { tenantTarget } from './tenant-target.js'

const acme = asTenantId('acme') as TenantId
const { signal: never } = new AbortController()

/** An edge's target with a real service whose inspection lets everything through, so that the trial has the word. */
async function start(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-target-'))
  t.after(() => rm(dir, { recursive: true }))
  const log = silentLogger()
  const { trial } = INTENT_SERVICE_DEFAULTS
  const intents = await startIntentService(
    {
      log,
      clock: systemClock,
      check: (files) =>
        servableHashed({
          card: parseModelCard(files.get(CARD_FILE) ?? new Uint8Array()),
          onnx: files.get(MODEL_FILE) ?? new Uint8Array(),
        }),
    },
    { ...INTENT_SERVICE_DEFAULTS, trial: { ...trial, runMs: 500 } },
  )
  t.after(() => intents.stop('test ended'))
  const tenants = new TenantHost({ log, check: () => [] })
  const target = tenantTarget({ tenants, intents, readBundleFile: (path) => readFile(path), log })
  let version = 0
  let revision = 0n
  const dirs = new Map<string, string>()
  const take = async (digests: readonly string[]) => {
    revision++
    const bundles = digests.map((digest) => ({ tenantId: 'acme', bundleDigest: Buffer.from(digest, 'hex') }))
    await target.apply(create(DesiredStateSchema, { edgeId: 'hall', revision, tenants: bundles }), dirs)
  }
  const apply = async (file: Partial<TenantFile>, onnx?: Uint8Array) => {
    version++
    const tenantFile: TenantFile = {
      format: 1,
      tenant: 'acme',
      name: { en: `Acme ${version}` },
      languages: ['en'],
      operatingPoint: 'balanced',
      messages: {},
      intents: {},
      ...file,
    }
    const files = encodeModel(await smallModel()).set(TENANT_FILE, Buffer.from(canonicalJson(tenantFile)))
    if (onnx) files.set(MODEL_FILE, onnx)
    const manifest = buildManifest({ tenant: acme, version, createdAt: 0, files })
    const bundle = await mkdtemp(join(dir, 'bundle-'))
    for (const [name, content] of [...files, [MANIFEST_FILE, manifest] as const]) {
      await writeFile(join(bundle, name), content)
    }
    const digest = sha256Hex(manifest)
    dirs.set(digest, bundle)
    await take([digest])
    return digest
  }
  return { intents, tenants, apply, take }
}

test('a model that fails its trial leaves tenant, answers and model as they were, and the next good one is taken', async (t) => {
  const { intents, tenants, apply, take } = await start(t)
  const good = await apply({})
  const ask = async (digest: string) =>
    (await intents.classify(acme, digest, '打印机 卡纸了', never)).top[0]?.intent
  assert.equal(await ask(good), 'it.printer')
  await assert.rejects(
    apply({ name: { en: 'Hostile' } }, endlessOnnx(await smallModel())),
    (error) =>
      error instanceof YizhanError && error.code === 'model_refused' && error.details.why === 'timeout',
  )
  assert.deepEqual(
    tenants.list().map(({ digest, file }) => [digest, file.name.en]),
    [[good, 'Acme 1']],
  )
  assert.equal(await ask(good), 'it.printer')
  const next = await apply({})
  assert.equal(await ask(next), 'it.printer')
  assert.equal(await ask(good), 'it.printer', 'a turn that came in before the switch')
  await take([])
  for (const gone of [good, next]) {
    await assert.rejects(ask(gone), (error) => error instanceof YizhanError && error.code === 'unavailable')
  }
})

test('texts that are asked while bundles change all have their answer', async (t) => {
  const { intents, tenants, apply } = await start(t)
  await apply({})
  let switching = true
  const switched = (async () => {
    for (let i = 0; i < 3; i++) await apply({})
    switching = false
  })()
  let asked = 0
  while (switching || asked === 0) {
    // As a turn does: with the bundle that its tenant has now.
    const digest = tenants.get(acme)?.digest ?? assert.fail()
    const { top } = await intents.classify(acme, digest, `打印机 卡纸了 ${asked}`, never)
    assert.equal(top[0]?.intent, 'it.printer')
    asked++
  }
  await switched
  assert.equal(tenants.list()[0]?.file.name.en, 'Acme 4')
})

test('an edge of a site with a time zone of its own reckons in that', async (t) => {
  const { tenants, apply } = await start(t)
  const zone = () => tenants.list()[0]?.file.timezone
  const timezone = 'Asia/Shanghai'
  await apply({ timezone, timezones: { paris: 'Europe/Paris' } })
  assert.equal(zone(), 'Asia/Shanghai')
  await apply({ timezone, timezones: { hall: 'Europe/Paris' } })
  assert.equal(zone(), 'Europe/Paris')
})
