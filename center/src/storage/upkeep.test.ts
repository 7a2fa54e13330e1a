import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, silentLogger, YizhanError } from '@yizhan/kernel'
import { acme, audit, code, put, tenant, text } from './contract-place.js'
import type { Row } from './engine.js'
import { openStorage, type StorageConfig } from './storage.js'
import { secondPlace } from './testing/second-place.js'

const signal = new AbortController().signal
const clinic = tenant('clinic')
const deps = () => ({ log: silentLogger(), sealer: plainSealer, clock: new ManualClock() })

async function directory(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-upkeep-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

async function opened(t: TestContext, config: Partial<StorageConfig> = {}) {
  const storage = await openStorage(deps(), { dir: await directory(t), shards: 2, ...config })
  t.after(() => storage.close())
  return storage
}

async function* broken(rows: AsyncIterable<readonly Row[]>): AsyncGenerator<readonly Row[]> {
  for await (const page of rows) {
    yield page
    throw new YizhanError('data_corrupt', 'the backup ends here')
  }
}

test('directories that are not one for each shard, and places that are none, are refused', async (t) => {
  const dir = await directory(t)
  const bad = (config: Partial<StorageConfig>) => openStorage(deps(), { dir, shards: 2, ...config })
  await assert.rejects(bad({ dirs: [dir] }), code('config_invalid'))
  await assert.rejects(bad({ newTenants: 'shard-2' }), code('config_invalid'))
  await assert.rejects(bad({ shards: 0 }), code('config_invalid'))
})

test('each shard lies in its own directory, and one of another storage is not taken for it', async (t) => {
  const [here, there] = [await directory(t), await directory(t)]
  const config = (dir: string) => ({ dir, shards: 2, dirs: [join(dir, 'a'), join(dir, 'b')] })
  for (const dir of [here, there]) {
    const storage = await openStorage(deps(), config(dir))
    await storage.store.batch(acme, [put('k', dir)], audit)
    await storage.close()
    assert.deepEqual(await readdir(join(dir, 'b')), ['ballast', 'shard-1'])
  }
  await rm(join(here, 'b'), { recursive: true })
  await assert.rejects(openStorage(deps(), config(here)), code('data_corrupt'))
  await cp(join(there, 'b'), join(here, 'b'), { recursive: true })
  await assert.rejects(openStorage(deps(), config(here)), code('config_invalid'))
})

test('with no shards the other engine holds everything, and shards do not start empty in its place', async (t) => {
  const dir = await directory(t)
  const open = (shards: number) =>
    openStorage(
      { ...deps(), openEngine: secondPlace(join(dir, 'second')) },
      { dir: join(dir, 'data'), shards },
    )
  const storage = await open(0)
  await storage.store.batch(acme, [put('k', 'v')], audit)
  await storage.system.batch([put('k', 'system')])
  const { cursor } = await storage.store.scan(acme, 'things', { limit: 1 })
  assert.equal(cursor, undefined)
  await storage.close()
  const again = await open(0)
  assert.equal(text(await again.store.get(acme, 'things', 'k')), 'v')
  assert.equal(text(await again.system.get('things', 'k')), 'system')
  assert.deepEqual(
    (await again.upkeep.places()).map(({ place, tenants }) => [place, tenants]),
    [['second', 1]],
  )
  await again.close()
  await assert.rejects(open(1), code('config_invalid'))
})

test('a directory with shards does not start empty on another engine', async (t) => {
  const dir = await directory(t)
  await (await openStorage(deps(), { dir, shards: 1 })).close()
  const openEngine = secondPlace(join(dir, 'second'))
  await assert.rejects(openStorage({ ...deps(), openEngine }, { dir, shards: 0 }), code('config_invalid'))
})

test('what is read of every scope makes an equal storage elsewhere; a load that breaks off leaves no tenant', async (t) => {
  const from = await opened(t)
  for (const id of [acme, clinic]) {
    for (const key of ['k1', 'k2']) await from.store.batch(id, [put(key, `${id} ${key}`)], audit)
  }
  const to = await opened(t, { shards: 1 })
  await to.upkeep.load(null, from.upkeep.rows(null, signal), signal)
  await assert.rejects(
    to.upkeep.load(acme, broken(from.upkeep.rows(acme, signal)), signal),
    code('data_corrupt'),
  )
  assert.equal(await to.store.get(acme, 'things', 'k1'), undefined)
  assert.equal(await to.store.head(acme), undefined)
  for (const id of [acme, clinic]) {
    await to.upkeep.load(id, from.upkeep.rows(id, signal), signal)
    assert.deepEqual((await to.upkeep.check(id, signal)).problems, [])
    assert.deepEqual(await to.store.audit(id), await from.store.audit(id))
    assert.equal((await to.upkeep.tenant(id)).place, 'shard-0')
  }
  await assert.rejects(to.upkeep.load(acme, from.upkeep.rows(acme, signal), signal), code('already_exists'))
  assert.equal(text(await to.store.get(acme, 'things', 'k2')), 'acme k2')
  assert.deepEqual(await to.store.batch(acme, [put('k2', 'more')], audit), [2])
})

test('a dropped tenant is gone, others are not, and its name begins anew', async (t) => {
  const storage = await opened(t)
  for (const id of [acme, clinic]) await storage.store.batch(id, [put('k', 'v')], audit)
  await storage.upkeep.drop(acme, signal)
  await storage.upkeep.drop(acme, signal)
  assert.equal(await storage.store.get(acme, 'things', 'k'), undefined)
  assert.deepEqual(storage.upkeep.tenantIds(), [clinic])
  await assert.rejects(storage.upkeep.tenant(acme), code('not_found'))
  await assert.rejects(storage.upkeep.check(acme, signal), code('not_found'))
  assert.deepEqual(await storage.store.batch(acme, [put('k', 'v')], audit), [1])
  assert.equal((await storage.store.audit(acme)).entries[0]?.sequence, 1)
  assert.ok(await storage.store.get(clinic, 'things', 'k'))
})

test('tenants are listed in pages, with what is counted of each', async (t) => {
  const storage = await opened(t)
  const names = Array.from({ length: 7 }, (_, i) => `t${i}`)
  for (const name of names) await storage.store.batch(tenant(name), [put('k', name)], audit)
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await storage.upkeep.tenants({ limit: 3, ...(cursor === undefined ? {} : { cursor }) })
    seen.push(...page.tenants.map(({ tenant: id, head }) => `${id}:${head?.records}`))
    cursor = page.cursor
  } while (cursor !== undefined)
  assert.deepEqual(
    seen,
    names.map((name) => `${name}:1`),
  )
  await assert.rejects(storage.upkeep.tenants({ limit: 0 }), code('invalid_argument'))
})
