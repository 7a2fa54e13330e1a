import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { find } from '../retrieval/testing/find.js'
import { acme, applied, directory, FILES, never, place, start, stateOf, tenantId } from './testing/catalog.js'
import { pdfWith } from './testing/office-files.js'

test('a crash after the bundle and before the store leaves the former state in force', async (t) => {
  const at = await place(t)
  const center = await start(t, at)
  const first = await applied(center.catalog)
  const broken = await center.restart(({ store }) => ({
    store: {
      get: (...call) => store.get(...call),
      getMany: (...call) => store.getMany(...call),
      scan: (...call) => store.scan(...call),
      places: (...call) => store.places(...call),
      head: (...call) => store.head(...call),
      audit: (...call) => store.audit(...call),
      batch: () => Promise.reject(new YizhanError('storage_failed', 'the disk is gone')),
      close: () => store.close(),
    },
  }))
  const next = directory({ 'tenant.yaml': `${FILES['tenant.yaml']}operatingPoint: careful\n` })
  await assert.rejects(broken.catalog.apply(next, { actor: 'user_1' }, never), /the disk is gone/)
  assert.equal(broken.catalog.current(acme)?.digest, first.digest)
  assert.equal((await readdir(join(at.dir, 'bundles'))).length, 2)

  const after = await broken.restart()
  assert.equal(after.catalog.current(acme)?.digest, first.digest)
  assert.deepEqual(await readdir(join(at.dir, 'bundles')), [first.digest])
  assert.equal((await applied(after.catalog, next)).version, 2)
})

test('a restart has every tenant and its documents again', async (t) => {
  const at = await place(t)
  const center = await start(t, at)
  await applied(center.catalog)
  const clinic = directory({ 'tenant.yaml': FILES['tenant.yaml'].replace('tenant: acme', 'tenant: clinic') })
  await applied(center.catalog, clinic)
  const before = [await stateOf(center), center.catalog.current(tenantId('clinic'))]
  const after = await center.restart()
  assert.deepEqual([await stateOf(after), after.catalog.current(tenantId('clinic'))], before)
  assert.equal(after.trained.length, 0)
  assert.equal((await applied(after.catalog)).changed, false)
})

test('a tenant whose first apply was cut off is not there, and does not keep the others from starting', async (t) => {
  const center = await start(t, await place(t))
  await applied(center.catalog)
  await center.storage.system.batch([
    { op: 'put', collection: 'tenants', key: 'half', value: Buffer.from('{}') },
  ])
  const after = await center.restart()
  assert.deepEqual(
    after.catalog.list().map(({ tenant }) => tenant),
    ['acme'],
  )
})

test('files that this version refuses keep what was made of them in force', async (t) => {
  const center = await start(t, await place(t))
  const first = await applied(center.catalog)
  const value = Buffer.from('it.vpn: {ask: x, colour: red}\n')
  const audit = { time: 1, actor: 'x', action: 'UPDATE', object: 'x' } as const
  await center.storage.store.batch(
    acme,
    [{ op: 'put', collection: 'tenant-files', key: 'intents/it.yaml', value }],
    audit,
  )
  const after = await center.restart()
  assert.equal(after.catalog.current(acme)?.digest, first.digest)
  assert.equal((await find(after.knowledge, acme, '年假')).length, 1)
})

test('a state that cannot be read stops the start: no tenant is dropped in silence', async (t) => {
  const center = await start(t, await place(t))
  await applied(center.catalog)
  const audit = { time: 1, actor: 'x', action: 'UPDATE', object: 'x' } as const
  const value = Buffer.from('{"format":2}')
  await center.storage.store.batch(acme, [{ op: 'put', collection: 'tenants', key: 'current', value }], audit)
  await assert.rejects(
    center.restart(),
    (thrown) => thrown instanceof YizhanError && thrown.code === 'data_corrupt',
  )
})

test('a lost bundle is made again by the same directory, as the next version', async (t) => {
  const at = await place(t)
  const center = await start(t, at)
  const first = await applied(center.catalog)
  await rm(join(at.dir, 'bundles'), { recursive: true })
  const again = await applied(center.catalog)
  assert.deepEqual([again.changed, again.version], [true, 2])
  assert.deepEqual(again.diff, [])
  assert.notEqual(again.digest, first.digest)
})

test('a restart has persona and mark again, and a directory without them takes them away', async (t) => {
  const center = await start(t, await place(t))
  const speaking = {
    'tenant.yaml': `${FILES['tenant.yaml']}persona: desk\naiMark: {zh: 机器所写, en: By a machine}\n`,
    'personas/desk.zh.md': '简短。\n',
    'personas/desk.en.md': 'Be brief.\n',
  }
  await applied(center.catalog, directory(speaking))
  const expected = { zh: '简短。', en: 'Be brief.' }
  assert.deepEqual(center.personas.of(acme), expected)
  const after = await center.restart()
  assert.deepEqual(after.personas.of(acme), expected)
  const mark = { zh: '机器所写', en: 'By a machine' }
  assert.deepEqual([center.aiMarks.of(acme), after.aiMarks.of(acme)], [mark, mark])
  await applied(after.catalog)
  assert.deepEqual([after.personas.of(acme), after.aiMarks.of(acme)], [undefined, undefined])
})

test('a restart knows who may see which documents, and a directory that does not say lets everybody', async (t) => {
  const center = await start(t, await place(t))
  const text = '# Pay\nBonuses are paid in March.\n'
  const kept = {
    'tenant.yaml': `${FILES['tenant.yaml']}documentClasses:\n  pay: {people: [web/boss]}\n`,
    'knowledge.yaml': 'hr: {files: [knowledge/*], class: pay}\n',
    'knowledge/pay.md': text,
  }
  await applied(center.catalog, directory(kept))
  const finds = async ({ knowledge }: typeof center, sender: string) => {
    const reader = { channel: 'web', sender, department: '', inGroup: false }
    const options = { knowledge: ['hr'], reader, limit: 5 }
    return (await knowledge.search(acme, 'When are bonuses paid?', options, never)).length
  }
  assert.deepEqual([await finds(center, 'li'), await finds(center, 'boss')], [0, 1])
  const after = await center.restart()
  assert.deepEqual([await finds(after, 'li'), await finds(after, 'boss')], [0, 1])
  await applied(after.catalog, directory({ ...kept, 'tenant.yaml': FILES['tenant.yaml'] }))
  assert.equal(await finds(after, 'li'), 1)
})

test('a restart finds what stands in a PDF without reading that again', async (t) => {
  const center = await start(t, await place(t))
  const pdf = Buffer.from(pdfWith([['Parking permits are issued by Zhao.']])).toString('latin1')
  const knowledge = { 'knowledge.yaml': 'hr: {files: [knowledge/*]}\n', 'knowledge/parking.pdf': pdf }
  await applied(center.catalog, directory(knowledge))
  const found = async (knowledge: typeof center.knowledge) =>
    (await find(knowledge, acme, 'Who issues parking permits?'))[0]?.text
  assert.match((await found(center.knowledge)) ?? '', /issued by Zhao/)
  const { records } = await center.storage.store.scan(acme, 'tenant-extracts')
  assert.deepEqual(
    records.map(({ key }) => key),
    ['knowledge/parking.pdf'],
  )
  const after = await center.restart()
  assert.equal(await found(after.knowledge), await found(center.knowledge))
})

test('quotas of a tenant are in force at once, after a restart, and no more without them', async (t) => {
  const center = await start(t, await place(t))
  const limited = { 'tenant.yaml': `${FILES['tenant.yaml']}quotas: {user: {concurrent: 2}}\n` }
  await applied(center.catalog, directory(limited))
  const expected = { tenant: {}, user: { concurrent: 2 } }
  assert.deepEqual(center.quotas.of(acme), expected)
  const after = await center.restart()
  assert.deepEqual(after.quotas.of(acme), expected)
  await applied(after.catalog)
  assert.equal(after.quotas.of(acme), undefined)
})
