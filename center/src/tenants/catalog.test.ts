import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseTenantFile, trainInWorker } from '@yizhan/intent'
import { type TenantId, YizhanError } from '@yizhan/kernel'
import { createOwnQuotas } from '../admission/index.js'
import { createPersonas } from '../inference/index.js'
import { createKnowledge } from '../retrieval/index.js'
import { find } from '../retrieval/testing/find.js'
import { BundleStore } from './bundle-store.js'
import { openTenantCatalog } from './catalog.js'
import {
  acme,
  applied,
  directory,
  FILES,
  filesInStore,
  log,
  never,
  place,
  signer,
  start,
  stateOf,
  train,
} from './testing/catalog.js'

test('what is wrong with a directory or its tests comes back, and nothing has changed', async (t) => {
  const center = await start(t, await place(t))
  await applied(center.catalog)
  const before = await stateOf(center)
  const changed: TenantId[] = []
  center.catalog.onChange((tenant) => changed.push(tenant))

  const wrong = await center.catalog.apply(directory({ 'tenant.yaml': 'a: b\n' }), { actor: 'user_1' }, never)
  assert.ok('problems' in wrong)
  const failing = directory({
    'tests/smoke.yaml': '- {say: 怎么连VPN, expect: {by: center}}\n- {say: 怎么连VPN, expect: {has: 别处}}\n',
    'knowledge/leave.md': '# Nothing\n',
  })
  const failed = await center.catalog.apply(failing, { actor: 'user_1' }, never)
  assert.ok('failed' in failed)
  assert.equal(failed.passed, 0)
  assert.deepEqual(
    failed.failed.map(({ file, line, message }) => [file, line, message.en]),
    [
      [
        'tests/smoke.yaml',
        1,
        '“怎么连VPN” is it.vpn (1.00, threshold 0.45) and is answered by the edge; expected that it goes to the center',
      ],
      [
        'tests/smoke.yaml',
        2,
        '“怎么连VPN” is it.vpn (1.00, threshold 0.45) and is answered by the edge; expected “别处” in the reply',
      ],
    ],
  )
  assert.deepEqual(await stateOf(center), before)
  assert.deepEqual(changed, [])
})

test('a first apply puts a signed bundle, the documents and an audit entry in force', async (t) => {
  const at = await place(t)
  const { catalog, storage, knowledge } = await start(t, at)
  assert.equal(catalog.current(acme), undefined)
  const report = await applied(catalog, directory({ 'README.md': 'not kept' }))
  const { digest } = report
  assert.deepEqual(report, {
    tenant: 'acme',
    version: 1,
    digest,
    appliedAt: at.clock.wall(),
    intents: 2,
    documents: 1,
    changed: true,
    dryRun: false,
    diff: [
      { kind: 'setting', name: 'languages', change: 'added' },
      { kind: 'setting', name: 'name', change: 'added' },
      { kind: 'setting', name: 'operatingPoint', change: 'added' },
      { kind: 'intent', name: 'hr.leave', change: 'added' },
      { kind: 'intent', name: 'it.vpn', change: 'added' },
      { kind: 'document', name: 'knowledge/leave.md', change: 'added' },
      { kind: 'channel', name: 'mqtt', change: 'added' },
      { kind: 'channel', name: 'web', change: 'added' },
      { kind: 'test', name: '怎么连VPN', change: 'added' },
    ],
    kept: [],
    examples: 3,
    tests: 1,
    warnings: report.warnings,
    trainMs: 0,
  })
  const bundle = join(at.dir, 'bundles', digest)
  assert.deepEqual((await readdir(bundle)).sort(), [
    'bundle.json',
    'manifest.json',
    'model.onnx',
    'samples.json',
    'signature.json',
    'tenant.json',
  ])
  const file = parseTenantFile(await readFile(join(bundle, 'tenant.json')))
  assert.deepEqual(Object.keys(file.intents), ['hr.leave', 'it.vpn'])
  assert.ok((catalog.current(acme)?.sizeBytes ?? 0) > 1_000)
  assert.equal(
    (await find(knowledge, acme, '年假要提前几天', { knowledge: ['hr'], limit: 1 }))[0]?.document,
    'knowledge/leave.md',
  )
  const { entries } = await storage.store.audit(acme)
  const [entry] = entries
  assert.equal(entries.length, 1)
  assert.deepEqual([entry?.actor, entry?.action, entry?.object], ['user_1', 'CREATE', 'tenants/current'])
  assert.equal(entry?.before, undefined)
  assert.equal(JSON.parse(Buffer.from(entry?.after ?? []).toString('utf8')).digest, digest)
})

test('the same directory again changes nothing and trains nothing', async (t) => {
  const center = await start(t, await place(t))
  const first = await applied(center.catalog)
  const before = await stateOf(center)
  const again = await applied(center.catalog, new Map([...directory({ LICENSE: 'x' })].reverse()))
  assert.deepEqual(again, {
    ...first,
    changed: false,
    diff: [],
  })
  assert.deepEqual(await stateOf(center), before)
  assert.equal(center.trained.length, 1)
})

test('a comment, or an intent in another file, is kept as it is written and trains nothing', async (t) => {
  const center = await start(t, await place(t))
  const first = await applied(center.catalog)
  const moved = directory({
    'intents/it.yaml': undefined,
    'intents/network.yaml': `# all about the network\n${FILES['intents/it.yaml']}`,
  })
  const dry = await applied(center.catalog, moved, { dryRun: true })
  assert.deepEqual([dry.changed, dry.diff], [false, []])
  assert.ok(!(await filesInStore(center.storage.store)).includes('intents/network.yaml'))
  const again = await applied(center.catalog, moved)
  assert.deepEqual([again.changed, again.version, again.digest, again.kept], [false, 1, first.digest, []])
  assert.equal(center.trained.length, 1)
  const names = await filesInStore(center.storage.store)
  assert.deepEqual([names.includes('intents/network.yaml'), names.includes('intents/it.yaml')], [true, false])
  assert.equal((await applied(center.catalog, moved)).changed, false)
})

test('a changed directory gets the next version; with prune what went is gone from the store', async (t) => {
  const at = await place(t)
  const center = await start(t, at)
  const first = await applied(center.catalog)
  at.clock.advance(1_000)
  const next = directory({
    'intents/hr.yaml': undefined,
    'knowledge.yaml': undefined,
    'knowledge/leave.md': undefined,
    'intents/it.yaml': FILES['intents/it.yaml'].replaceAll('安全接入', '新接入'),
    'tests/smoke.yaml': undefined,
    'tests/new.yaml': '- {say: 怎么连VPN, expect: {has: 新接入}}\n',
  })
  const report = await applied(center.catalog, next, { prune: true })
  assert.equal(report.version, 2)
  assert.notEqual(report.digest, first.digest)
  assert.equal(report.documents, 0)
  assert.deepEqual(
    report.diff.map(({ kind, name, change, parts = [] }) => [kind, name, change, ...parts].join(' ')),
    [
      'intent hr.leave removed',
      'intent it.vpn changed reply',
      'document knowledge/leave.md removed',
      'test 怎么连VPN changed expect',
    ],
  )
  assert.deepEqual(await filesInStore(center.storage.store), [
    'intents/it.yaml',
    'tenant.yaml',
    'tests/new.yaml',
  ])
  assert.deepEqual(await find(center.knowledge, acme, '年假'), [])
  const { entries } = await center.storage.store.audit(acme)
  assert.deepEqual(
    entries.map(({ action, before, after }) => [
      action,
      before && JSON.parse(Buffer.from(before).toString('utf8')).version,
      after && JSON.parse(Buffer.from(after).toString('utf8')).version,
    ]),
    [
      ['CREATE', undefined, 1],
      ['UPDATE', 1, 2],
    ],
  )
})

test('the id of the call that applies stands in the audit', async (t) => {
  const { catalog, storage } = await start(t, await place(t))
  await applied(catalog, directory(), { requestId: 'req-1' })
  // Only a comment: nothing is trained, and it is written all the same.
  const commented = directory({ 'tenant.yaml': `# new\n${FILES['tenant.yaml']}` })
  await applied(catalog, commented, { requestId: 'req-2' })
  const { entries } = await storage.store.audit(acme)
  assert.deepEqual(
    entries.map(({ requestId }) => requestId),
    ['req-1', 'req-2'],
  )
})

test('applies come one after the other, each against what the one before left', async (t) => {
  const running: string[] = []
  let most = 0
  const center = await start(t, await place(t), () => ({
    async train(source) {
      running.push(source.tenant)
      most = Math.max(most, running.length)
      const model = await train(source)
      running.pop()
      return model
    },
  }))
  const careful = directory({ 'tenant.yaml': `${FILES['tenant.yaml']}operatingPoint: careful\n` })
  const reports = await Promise.all([
    applied(center.catalog),
    applied(center.catalog, careful),
    applied(center.catalog, careful),
    applied(
      center.catalog,
      directory({ 'tenant.yaml': FILES['tenant.yaml'].replace('tenant: acme', 'tenant: other') }),
    ),
  ])
  assert.deepEqual(
    reports.map(({ tenant, version, changed }) => [tenant, version, changed]),
    [
      ['acme', 1, true],
      ['acme', 2, true],
      ['acme', 2, false],
      ['other', 1, true],
    ],
  )
  assert.equal(most, 1)
})

test('a failed apply does not hold up the next', async (t) => {
  const center = await start(t, await place(t), () => ({
    train: (source) =>
      source.documents.length === 0 ? Promise.reject(new YizhanError('internal', 'no')) : train(source),
  }))
  const first = center.catalog.apply(
    directory({ 'knowledge.yaml': undefined, 'knowledge/leave.md': undefined, 'intents/hr.yaml': undefined }),
    { actor: 'user_1' },
    never,
  )
  const second = applied(center.catalog)
  await assert.rejects(first, /no/)
  assert.equal((await second).version, 1)
})

test('an abort ends the training, and an apply that waits for its turn never starts', async (t) => {
  const abort = new AbortController()
  const reason = new YizhanError('cancelled', 'the client went away')
  let training: () => void = () => undefined
  const started = new Promise<void>((resolve) => {
    training = resolve
  })
  const center = await start(t, await place(t), () => ({
    train({ examples }, signal) {
      training()
      return trainInWorker({ examples, signal })
    },
  }))
  const first = center.catalog.apply(directory(), { actor: 'user_1' }, abort.signal)
  const waiting = center.catalog.apply(directory(), { actor: 'user_1' }, abort.signal)
  await started
  abort.abort(reason)
  await assert.rejects(first, reason)
  await assert.rejects(waiting, reason)
  assert.equal(center.trained.length, 1)
  assert.equal(center.catalog.current(acme), undefined)
  assert.deepEqual(await filesInStore(center.storage.store), [])
})

test('listeners hear of a change once it is durable, and one that fails changes nothing', async (t) => {
  const at = await place(t)
  const center = await start(t, at)
  const seen: unknown[] = []
  center.catalog.onChange(() => {
    throw new Error('a broken listener')
  })
  const off = center.catalog.onChange((tenant) => {
    seen.push([
      tenant,
      center.catalog.current(tenant)?.digest,
      center.storage.store.get(tenant, 'tenants', 'current'),
    ])
  })
  const { digest } = await applied(center.catalog)
  const [[tenant, told, record]] = seen as [[TenantId, string, Promise<{ value: Uint8Array }>]]
  assert.deepEqual([tenant, told], [acme, digest])
  assert.equal(JSON.parse(Buffer.from((await record).value).toString('utf8')).digest, digest)
  off()
  await applied(center.catalog, directory({ 'tests/smoke.yaml': undefined }))
  assert.equal(seen.length, 1)
})

test('of two centers that apply at once, the slower one is refused and changes nothing', async (t) => {
  const at = await place(t)
  const center = await start(t, at, ({ store, system }) => ({
    async train(source) {
      const other = await openTenantCatalog({
        store,
        system,
        bundles: new BundleStore(join(at.dir, 'other'), signer),
        knowledge: createKnowledge({ log }),
        personas: createPersonas(),
        aiMarks: createPersonas(),
        quotas: createOwnQuotas(),
        train,
        clock: at.clock,
        log,
      })
      await applied(other, directory({ 'tests/smoke.yaml': undefined }))
      return train(source)
    },
  }))
  await assert.rejects(
    center.catalog.apply(directory(), { actor: 'user_1' }, never),
    (thrown) => thrown instanceof YizhanError && thrown.code === 'conflict',
  )
  assert.equal(center.catalog.current(acme), undefined)
  assert.equal((await filesInStore(center.storage.store)).includes('tests/smoke.yaml'), false)
})

test('a model that no edge could read is never in force', async (t) => {
  const center = await start(t, await place(t), () => ({
    async train(source) {
      const model = await train(source)
      return { ...model, labels: model.labels.slice(1) }
    },
  }))
  await assert.rejects(
    center.catalog.apply(directory(), { actor: 'user_1' }, never),
    (thrown) => thrown instanceof YizhanError && thrown.code === 'internal',
  )
  assert.equal(center.catalog.current(acme), undefined)
})
