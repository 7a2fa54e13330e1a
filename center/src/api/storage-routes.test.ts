import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  adminCall,
  adminSocketPath,
  asTenantId,
  ManualClock,
  plainSealer,
  runCli,
  type SealItem,
  silentLogger,
  startAdminServer,
  validatorCompiler,
  YizhanError,
} from '@yizhan/kernel'
import { centerCall } from '../cli/center-call.js'
import { storageCommands } from '../cli/storage.js'
import { openStorage } from '../storage/index.js'
import { registerStorage, type StorageRouteParts } from './storage-routes.js'

const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === expected
const audit = { time: 1, actor: 'user_1', action: 'UPDATE', object: 'things' } as const

function tenant(name: string) {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

/** A center's storage of two shards with two tenants, behind an admin socket and its command line. */
async function start(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'yz-st-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const log = silentLogger()
  const faults: { audit?: Error; seal?: boolean } = {}
  const sealer = {
    ...plainSealer,
    async sealAll(items: readonly SealItem[]) {
      const sealed = await plainSealer.sealAll(items)
      const i = items.findIndex(({ context }) => context.collection === 'things')
      const value = sealed[i]
      if (faults.seal && value) value[5] = (value[5] ?? 0) ^ 1
      return sealed
    },
  }
  const storage = await openStorage(
    { log, sealer, clock: new ManualClock() },
    { dir: join(dir, 'data'), shards: 2, newTenants: 'shard-0' },
  )
  t.after(() => storage.close())
  for (const name of ['acme', 'clinic']) {
    const value = Buffer.from(name)
    await storage.store.batch(tenant(name), [{ op: 'put', collection: 'things', key: 'k', value }], audit)
  }
  const audited: Parameters<StorageRouteParts['audit']>[0][] = []
  const parts: StorageRouteParts = {
    upkeep: storage.upkeep,
    audit: async (entry) => {
      if (faults.audit) throw faults.audit
      audited.push(entry)
    },
  }
  const socketPath = adminSocketPath(dir)
  const server = await startAdminServer(
    { log },
    {
      socketPath,
      routes: (app) => {
        app.setValidatorCompiler(validatorCompiler)
        registerStorage(app, parts, 'admin')
      },
    },
  )
  t.after(() => server.stop('the test ends'))
  const run = async (...argv: string[]) => {
    const text = { out: '', err: '' }
    const sink = (name: 'out' | 'err') => ({
      write: (chunk: string) => {
        text[name] += chunk
      },
    })
    const exit = await runCli(
      { name: 'yizhan-center', version: '0', argv, env: {}, stdout: sink('out'), stderr: sink('err') },
      (program, io) =>
        storageCommands(
          program,
          io,
          centerCall(io, () => dir),
        ),
    )
    const lines = text.out.trim() === '' ? [] : text.out.trim().split('\n')
    return { exit, ...text, lines }
  }
  const call = (method: 'GET' | 'POST', path: string, body?: unknown) =>
    adminCall(socketPath, method, path, body)
  return { storage, audited, faults, run, call }
}

test('storage routes refuse names that are none, tenants that are not there and unknown fields', async (t) => {
  const { call } = await start(t)
  await assert.rejects(call('GET', '/v1/storage/tenants/ACME'), code('invalid_argument'))
  await assert.rejects(call('GET', '/v1/storage/tenants/nobody'), code('not_found'))
  await assert.rejects(call('POST', '/v1/storage/tenants/nobody/check'), code('not_found'))
  await assert.rejects(call('GET', '/v1/storage/tenants?limit=0'), code('invalid_argument'))
  await assert.rejects(call('POST', '/v1/storage/tenants/acme/move', {}), code('invalid_argument'))
  await assert.rejects(call('POST', '/v1/storage/tenants/nobody/move', { to: 'shard-1' }), code('not_found'))
  await assert.rejects(call('POST', '/v1/storage/compact', { everything: true }), code('invalid_argument'))
  await assert.rejects(call('POST', '/v1/storage/compact', { tenant: 'nobody' }), code('not_found'))
})

test('a move to no place is refused, and nothing is written of it', async (t) => {
  const { run, audited } = await start(t)
  const { exit, err } = await run('storage', 'move', 'acme', '--to', 'shard-9')
  assert.equal(exit, 2)
  assert.match(err, /shard-9[\s\S]*shard-0, shard-1/)
  assert.deepEqual(audited, [])
})

test('a move that cannot be audited does not happen', async (t) => {
  const { run, faults, storage } = await start(t)
  faults.audit = new YizhanError('disk_full', 'the disk is full')
  assert.equal((await run('storage', 'move', 'acme', '--to', 'shard-1')).exit, 1)
  assert.equal((await storage.upkeep.tenant(tenant('acme'))).place, 'shard-0')
})

test('a move is audited by actor and request, and shows in the lists', async (t) => {
  const { run, audited } = await start(t)
  const moved = await run('storage', 'move', 'acme', '--to', 'shard-1', '--json')
  assert.equal(moved.exit, 0, moved.err)
  const { from, to, rows, cleaned } = JSON.parse(moved.out)
  assert.deepEqual({ from, to, rows, cleaned }, { from: 'shard-0', to: 'shard-1', rows: 3, cleaned: true })
  const [entry] = audited
  assert.deepEqual([entry?.tenant, entry?.actor, entry?.object], ['acme', 'admin', 'storage/shard-1'])
  assert.ok(entry?.requestId)
  const list = await run('storage', 'list', '--json')
  assert.deepEqual(
    list.lines.map((line) => JSON.parse(line)).map(({ tenant: id, place }) => [id, place]),
    [
      ['acme', 'shard-1'],
      ['clinic', 'shard-0'],
    ],
  )
  const places = await run('storage', 'places', '--json')
  assert.deepEqual(
    places.lines.map((line) => JSON.parse(line)).map(({ place, tenants }) => [place, tenants]),
    [
      ['system', 0],
      ['shard-0', 1],
      ['shard-1', 1],
    ],
  )
  const show = JSON.parse((await run('storage', 'show', 'acme', '--json')).out)
  assert.equal(show.records, 1)
  // To where it is already: nothing to do, nothing to write down.
  assert.equal((await run('storage', 'move', 'acme', '--to', 'shard-1')).exit, 0)
  assert.equal(audited.length, 1)
})

test('a check of everything exits 0 where all is whole, and 1 with the place of what is damaged', async (t) => {
  const { run, faults, storage } = await start(t)
  const whole = await run('storage', 'check', '--json')
  assert.equal(whole.exit, 0, whole.err)
  assert.deepEqual(
    whole.lines.map((line) => JSON.parse(line)).map(({ tenant: id, problemCount }) => [id, problemCount]),
    [
      [null, 0],
      ['acme', 0],
      ['clinic', 0],
    ],
  )
  faults.seal = true
  const value = Buffer.from('spoilt')
  await storage.store.batch(tenant('clinic'), [{ op: 'put', collection: 'things', key: 'k2', value }], audit)
  const damaged = await run('storage', 'check')
  assert.equal(damaged.exit, 1)
  assert.match(damaged.err, /clinic record_damaged things k2/)
  assert.equal((await run('storage', 'check', '--tenant', 'acme')).exit, 0)
})

test('compaction says how many bytes there were and are', async (t) => {
  const { run } = await start(t)
  for (const more of [[], ['--tenant', 'acme']]) {
    const { exit, out, err } = await run('storage', 'compact', ...more, '--json')
    assert.equal(exit, 0, err)
    const { bytesBefore, bytesAfter } = JSON.parse(out)
    assert.ok(bytesBefore > 0 && bytesAfter > 0)
  }
})

test('every verb has an example in its help, in both languages', async (t) => {
  const { run } = await start(t)
  for (const verb of ['list', 'places', 'show', 'check', 'move', 'compact']) {
    for (const lang of ['en', 'zh']) {
      const { out } = await run('storage', verb, '--help', '--lang', lang)
      assert.match(out, new RegExp(`(Examples?:|示例：)\\n {2}yizhan-center storage ${verb}`))
    }
  }
})
