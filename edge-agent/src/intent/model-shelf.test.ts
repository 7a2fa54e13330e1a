import assert from 'node:assert/strict'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { MODEL_FILE } from '@yizhan/intent'
import {
  asTenantId,
  createMetrics,
  ManualClock,
  silentLogger,
  systemClock,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { INTENT_SERVICE_DEFAULTS, RETIRE_MS, startIntentService } from './intent-service.js'
import { testRoot, writeTestBundle } from './testing.js'

const never = new AbortController().signal
const QUESTION = 'how can i connect to vpn'
const [acme, globex, initech] = ['acme', 'globex', 'initech'].map((id) => asTenantId(id) as TenantId) as [
  TenantId,
  TenantId,
  TenantId,
]

test('of more models than fit the one not used for longest is parked, and comes back for its next text', async (t) => {
  const root = await testRoot(t)
  const bundles = new Map([
    [acme, await writeTestBundle(root, acme, 'a.')],
    [globex, await writeTestBundle(root, globex, 'b.')],
    [initech, await writeTestBundle(root, initech, 'c.')],
  ])
  const bundleOf = (tenant: TenantId) => bundles.get(tenant) ?? assert.fail()
  const { size } = await stat(join(bundleOf(acme).dir, MODEL_FILE))
  const metrics = createMetrics()
  const tried = { has: () => true, add: async () => undefined }
  const service = await startIntentService(
    { log: silentLogger(), clock: systemClock, metrics, tried },
    { ...INTENT_SERVICE_DEFAULTS, maxModelBytes: 2 * size },
  )
  t.after(() => service.stop('test ended'))
  const ask = async (tenant: TenantId) =>
    (await service.classify(tenant, bundleOf(tenant).digest, QUESTION, never)).intent
  const loaded = async () => Number(/model_bytes (\d+)/.exec(await metrics.render())?.[1])

  for (const [tenant, { dir, digest }] of bundles) await service.load(tenant, dir, digest)
  assert.equal(await loaded(), 2 * size)
  assert.ok(service.isReady(acme, bundleOf(acme).digest), 'parked is still served')

  // acme, the oldest, is parked: many texts at once wake it once, and globex goes.
  assert.deepEqual(await Promise.all([ask(acme), ask(acme), ask(initech)]), [
    'a.it.vpn',
    'a.it.vpn',
    'c.it.vpn',
  ])
  assert.equal(await loaded(), 2 * size)
  assert.equal(await ask(globex), 'b.it.vpn')
  const busy = await Promise.all(
    Array.from({ length: 60 }, (_, i) => ask([acme, globex, initech][i % 3] ?? acme)),
  )
  assert.deepEqual(new Set(busy), new Set(['a.it.vpn', 'b.it.vpn', 'c.it.vpn']))

  // One whose files are gone is the center's until its bundle comes again; the others go on.
  await ask(acme)
  await ask(globex)
  await rm(bundleOf(initech).dir, { recursive: true })
  await assert.rejects(ask(initech), (error) => error instanceof YizhanError && error.code === 'unavailable')
  assert.equal(service.isReady(initech, bundleOf(initech).digest), false)
  assert.deepEqual(await Promise.all([ask(acme), ask(globex)]), ['a.it.vpn', 'b.it.vpn'])
})

test('a model that is larger than the budget is served all the same, alone', async (t) => {
  const root = await testRoot(t)
  const [ours, theirs] = [await writeTestBundle(root, acme, 'a.'), await writeTestBundle(root, globex, 'b.')]
  const tried = { has: () => true, add: async () => undefined }
  const service = await startIntentService(
    { log: silentLogger(), clock: systemClock, tried },
    { ...INTENT_SERVICE_DEFAULTS, maxModelBytes: 1 },
  )
  t.after(() => service.stop('test ended'))
  await service.load(acme, ours.dir, ours.digest)
  await service.load(globex, theirs.dir, theirs.digest)
  for (let i = 0; i < 3; i++) {
    assert.equal((await service.classify(acme, ours.digest, QUESTION, never)).intent, 'a.it.vpn')
    assert.equal((await service.classify(globex, theirs.digest, QUESTION, never)).intent, 'b.it.vpn')
  }
})

test('a model that retires answers for a minute more, and stays if it is loaded again', async (t) => {
  const root = await testRoot(t)
  const ours = await writeTestBundle(root, acme, 'a.')
  const clock = new ManualClock()
  const tried = { has: () => true, add: async () => undefined }
  const service = await startIntentService({ log: silentLogger(), clock, tried })
  t.after(() => service.stop('test ended'))
  const ask = async () => (await service.classify(acme, ours.digest, QUESTION, never)).intent
  service.retire(acme, 'unknown')
  await service.load(acme, ours.dir, ours.digest)
  service.retire(acme, ours.digest)
  clock.advance(RETIRE_MS - 1)
  assert.equal(await ask(), 'a.it.vpn')
  await service.load(acme, ours.dir, ours.digest)
  clock.advance(RETIRE_MS)
  assert.equal(await ask(), 'a.it.vpn')
  service.retire(acme, ours.digest)
  clock.advance(RETIRE_MS)
  await assert.rejects(ask(), (error) => error instanceof YizhanError && error.code === 'unavailable')
})
