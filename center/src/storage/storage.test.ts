import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import {
  asTenantId,
  ManualClock,
  plainSealer,
  type SealItem,
  silentLogger,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { rendezvous } from './place-map.js'
import { openStorage } from './storage.js'

const deps = () => ({ log: silentLogger(), sealer: plainSealer, clock: new ManualClock() })
const audit = { time: 1, actor: 'user_1', action: 'UPDATE', object: 'things' } as const
const code = (expected: string, about: RegExp) => (thrown: unknown) => {
  assert.ok(thrown instanceof YizhanError, String(thrown))
  assert.equal(thrown.code, expected, String(thrown.cause))
  assert.match(thrown.message, about)
  return true
}

async function directory(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-storage-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

const put = (key: string, value: Uint8Array = new Uint8Array([1])) =>
  ({ op: 'put', collection: 'things', key, value }) as const

/** A closed storage with one record of each of these tenants and one of the system's. */
async function written(t: TestContext, shards: number, tenants: readonly string[]): Promise<string> {
  const dir = await directory(t)
  const storage = await openStorage(deps(), { dir, shards })
  for (const name of tenants) await storage.store.batch(tenant(name), [put('k')], audit)
  await storage.system.batch([put('k')])
  await storage.close()
  return dir
}

test('a number of shards outside 1–4 is refused', async (t) => {
  const dir = await directory(t)
  for (const shards of [0, 5, 1.5, Number.NaN]) {
    await assert.rejects(openStorage(deps(), { dir, shards }), code('config_invalid', /1–4/))
  }
})

const DAMAGE: readonly (readonly [string, (database: string) => Promise<unknown>])[] = [
  ['CURRENT overwritten', (database) => writeFile(join(database, 'CURRENT'), 'garbage')],
  ['CURRENT emptied', (database) => truncate(join(database, 'CURRENT'))],
  [
    'CURRENT naming a file that is not there',
    (database) => writeFile(join(database, 'CURRENT'), 'MANIFEST-999999\n'),
  ],
  ['CURRENT removed', (database) => rm(join(database, 'CURRENT'))],
  [
    'the manifest overwritten',
    (database) => eachFile(database, /^MANIFEST/, (path) => writeFile(path, 'garbage\n'.repeat(99))),
  ],
  ['the manifest emptied', (database) => eachFile(database, /^MANIFEST/, (path) => truncate(path))],
  ['the manifest removed', (database) => eachFile(database, /^MANIFEST/, (path) => rm(path))],
  ['the log emptied', (database) => eachFile(database, /\.log$/, (path) => truncate(path))],
  ['the log without its last bytes', (database) => eachFile(database, /\.log$/, (path) => cut(path, 10))],
  ['the tables removed', (database) => eachFile(database, /\.ldb$/, (path) => rm(path))],
  ['the whole directory removed', (database) => rm(database, { recursive: true })],
]

for (const name of ['system', 'shard-0']) {
  for (const [what, harm] of DAMAGE) {
    test(`${name}: ${what} is found at the start, and nothing starts empty`, async (t) => {
      const dir = await written(t, 1, ['acme'])
      // A second run moves the first run's log into a table, so that both kinds of file hold data.
      await (await openStorage(deps(), { dir, shards: 1 })).close()
      await harm(join(dir, name))
      await assert.rejects(
        openStorage(deps(), { dir, shards: 1 }),
        code('data_corrupt', new RegExp(join(dir, name))),
      )
      // Asking twice does not heal it.
      await assert.rejects(
        openStorage(deps(), { dir, shards: 1 }),
        code('data_corrupt', new RegExp(join(dir, name))),
      )
    })
  }
}

test('a lost marker does not let damaged data pass for a new directory', async (t) => {
  const dir = await written(t, 1, ['acme'])
  await rm(join(dir, 'storage.json'))
  await rm(join(dir, 'shard-0', 'CURRENT'))
  await assert.rejects(openStorage(deps(), { dir, shards: 1 }), code('data_corrupt', /shard-0/))
})

test('a marker that cannot be read, or that a later version wrote, stops the start', async (t) => {
  const dir = await written(t, 1, ['acme'])
  const marker = JSON.parse(await readFile(join(dir, 'storage.json'), 'utf8'))
  for (const bad of ['', 'null', '{', '{"format":1}']) {
    await writeFile(join(dir, 'storage.json'), bad)
    await assert.rejects(openStorage(deps(), { dir, shards: 1 }), code('data_corrupt', /storage\.json/))
  }
  await writeFile(join(dir, 'storage.json'), JSON.stringify({ ...marker, format: 3 }))
  await assert.rejects(openStorage(deps(), { dir, shards: 1 }), code('unsupported', /later version/))
})

test('a creation that a crash cut short is carried on', async (t) => {
  const dir = await written(t, 1, ['acme'])
  await rm(join(dir, 'storage.json'))
  const storage = await openStorage(deps(), { dir, shards: 1 })
  assert.ok(await storage.store.get(tenant('acme'), 'things', 'k'))
  await storage.close()
})

test('a flipped bit in a stored value is found when it is read, and others are still served', async (t) => {
  const dir = await directory(t)
  const value = new Uint8Array(Buffer.from('a value that is easy to find'))
  const first = await openStorage(deps(), { dir, shards: 1 })
  const flipped = {
    ...plainSealer,
    sealAll: async (items: readonly SealItem[]) =>
      (await plainSealer.sealAll(items)).map((sealed, i) =>
        items[i]?.context.collection === 'things' ? flip(sealed) : sealed,
      ),
  }
  await first.store.batch(tenant('acme'), [put('good', value)], audit)
  await first.close()
  const second = await openStorage({ ...deps(), sealer: flipped }, { dir, shards: 1 })
  await second.store.batch(tenant('acme'), [put('bad', value)], audit)
  await assert.rejects(second.store.get(tenant('acme'), 'things', 'bad'), code('data_corrupt', /./))
  assert.deepEqual((await second.store.get(tenant('acme'), 'things', 'good'))?.value, value)
  await second.close()
})

test('a flipped bit in the middle of a log does not pass unseen: the gap in the audit is counted', async (t) => {
  const dir = await directory(t)
  const acme = tenant('acme')
  const entries = 300
  const before = await openStorage(deps(), { dir, shards: 1 })
  for (let i = 0; i < entries; i++) {
    await before.store.batch(acme, [put(`k${i}`, new Uint8Array(2_000).fill(i))], { ...audit, time: i })
  }
  await before.close()
  await eachFile(join(dir, 'shard-0'), /\.log$/, async (path) => {
    const content = await readFile(path)
    await writeFile(path, flip(content, content.length >> 1))
  })
  const after = await openStorage(deps(), { dir, shards: 1 })
  t.after(() => after.close())
  const gap = await after.store.audit(acme, { limit: 1_000 }).then(
    () => assert.fail('the loss was not noticed'),
    (thrown: unknown) => thrown,
  )
  assert.ok(gap instanceof YizhanError && gap.code === 'data_corrupt')
  const { firstMissing, missing, cursor } = gap.details
  assert.ok(typeof firstMissing === 'number' && typeof missing === 'number' && typeof cursor === 'string')
  const upToGap = await after.store.audit(acme, { limit: firstMissing - 1 })
  const behindGap = await after.store.audit(acme, { limit: 1_000, cursor })
  assert.equal(upToGap.entries.length + missing + behindGap.entries.length, entries)
  assert.equal(behindGap.entries.at(-1)?.time, entries - 1)
})

test('a second process, or a second opening, is told that the directory is in use', async (t) => {
  const dir = await directory(t)
  const storage = await openStorage(deps(), { dir, shards: 2 })
  t.after(() => storage.close())
  await assert.rejects(openStorage(deps(), { dir, shards: 2 }), code('failed_precondition', /in use/))
  const script = `
    import { openStorage } from ${JSON.stringify(new URL('./storage.js', import.meta.url).href)}
    import { plainSealer, silentLogger, systemClock } from ${JSON.stringify(import.meta.resolve('@yizhan/kernel'))}
    const deps = { log: silentLogger(), sealer: plainSealer, clock: systemClock }
    await openStorage(deps, { dir: ${JSON.stringify(dir)}, shards: 2 }).catch((thrown) => console.log(thrown.code))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  assert.equal(stdout.trim(), 'failed_precondition')
  // The refused ones have not taken the lock away with them.
  await storage.store.batch(tenant('acme'), [put('k')], audit)
})

test('tenants stay where they are when shards are added, and a later count serves new ones', async (t) => {
  const names = Array.from({ length: 40 }, (_, i) => `t${i}`)
  const dir = await written(t, 2, names)
  const moved = names.filter((name) => rendezvous(tenant(name), 2) !== rendezvous(tenant(name), 4))
  assert.ok(moved.length > 0)
  const storage = await openStorage(deps(), { dir, shards: 4 })
  t.after(() => storage.close())
  for (const name of names) {
    assert.equal((await storage.store.get(tenant(name), 'things', 'k'))?.version, 1)
    assert.deepEqual(await storage.store.batch(tenant(name), [put('k')], audit), [2])
  }
  for (let i = 100; i < 140; i++) await storage.store.batch(tenant(`t${i}`), [put('k')], audit)
  const homes = (await storage.system.scan('places', { limit: 1_000 })).records.map((record) =>
    Buffer.from(record.value).toString('utf8'),
  )
  assert.equal(new Set(homes).size, 4)
})

test('fewer shards than tenants live on is refused, and fewer than were ever configured is not', async (t) => {
  const onThird = Array.from({ length: 99 }, (_, i) => `t${i}`).find(
    (name) => rendezvous(tenant(name), 3) === 2,
  )
  assert.ok(onThird)
  const dir = await written(t, 3, [onThird])
  await assert.rejects(openStorage(deps(), { dir, shards: 2 }), code('config_invalid', /live in shard-2/))
  const four = await openStorage(deps(), { dir, shards: 4 })
  await four.close()
  const three = await openStorage(deps(), { dir, shards: 3 })
  assert.ok(await three.store.get(tenant(onThird), 'things', 'k'))
  await three.close()
})

test('reading a tenant that never wrote decides nothing about it', async (t) => {
  const dir = await directory(t)
  const storage = await openStorage(deps(), { dir, shards: 2 })
  t.after(() => storage.close())
  assert.equal(await storage.store.get(tenant('new'), 'things', 'k'), undefined)
  assert.deepEqual(await storage.store.scan(tenant('new'), 'things'), { records: [] })
  assert.deepEqual(await storage.store.audit(tenant('new')), { entries: [] })
  assert.deepEqual((await storage.system.scan('places')).records, [])
})

function flip<B extends Uint8Array>(bytes: B, at = bytes.length - 1): B {
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}

async function eachFile(dir: string, name: RegExp, harm: (path: string) => Promise<unknown>): Promise<void> {
  const names = (await readdir(dir)).filter((file) => name.test(file))
  assert.ok(names.length > 0, `no file of ${dir} is like ${name}`)
  for (const file of names) await harm(join(dir, file))
}

async function cut(path: string, bytes: number): Promise<void> {
  const content = await readFile(path)
  await writeFile(path, content.subarray(0, Math.max(0, content.length - bytes)))
}
