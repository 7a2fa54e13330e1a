import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  adminCall,
  adminSocketPath,
  asTenantId,
  fileKek,
  type KeyStatus,
  ManualClock,
  openKeyStore,
  runCli,
  silentLogger,
  startAdminServer,
  validatorCompiler,
  YizhanError,
} from '@yizhan/kernel'
import { centerCall } from '../cli/center-call.js'
import { keyCommands } from '../cli/keys.js'
import { type KeyRouteParts, registerKeys } from './keys-routes.js'

const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === expected

async function start(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'yizhan-keys-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const log = silentLogger()
  const kek = await fileKek(join(dir, 'kek'), { mayCreate: true })
  const keys = await openKeyStore({ kek, log, clock: new ManualClock() }, { dir: join(dir, 'keys') })
  t.after(() => keys.close())
  const audited: Parameters<KeyRouteParts['audit']>[0][] = []
  const faults: { audit?: Error } = {}
  const parts: KeyRouteParts = {
    keys,
    // Only that it is there matters here.
    catalog: { current: (tenant: string) => (tenant === 'acme' ? ({} as never) : undefined) },
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
        registerKeys(app, parts, 'admin')
      },
    },
  )
  t.after(() => server.stop('the test ends'))
  const acme = asTenantId('acme')
  assert.ok(acme)
  return {
    dir,
    keys,
    acme,
    audited,
    faults,
    call: (method: 'GET' | 'POST', path: string, body?: unknown) => adminCall(socketPath, method, path, body),
    async cli(...argv: string[]) {
      const text = { out: '', err: '' }
      const sink = (name: 'out' | 'err') => ({
        write: (chunk: string) => {
          text[name] += chunk
        },
      })
      const options = { name: 'yizhan-center', version: '0', argv, env: {} }
      const exit = await runCli({ ...options, stdout: sink('out'), stderr: sink('err') }, (program, io) =>
        keyCommands(
          program,
          io,
          centerCall(io, () => dir),
        ),
      )
      return { exit, ...text }
    },
  }
}

test('a path that is relative or empty, a tenant that nobody applied, and a body with more are refused', async (t) => {
  const { call, dir, audited } = await start(t)
  for (const body of [{ to: 'keys' }, { to: '' }, {}, { to: join(dir, 'c'), over: true }, { to: '/a\0b' }]) {
    await assert.rejects(call('POST', '/v1/keys/export', body), code('invalid_argument'))
  }
  await assert.rejects(call('POST', '/v1/tenants/nobody/keys/rotate'), code('not_found'))
  await assert.rejects(call('POST', '/v1/tenants/NO/keys/rotate'), code('invalid_argument'))
  assert.deepEqual(audited, [])
})

test('what cannot be audited is not done', async (t) => {
  const { call, dir, keys, acme, faults } = await start(t)
  await keys.sealingKey(acme)
  faults.audit = new YizhanError('disk_full', 'no room')
  const before = keys.status()
  await assert.rejects(call('POST', '/v1/keys/kek/rotate'), code('disk_full'))
  await assert.rejects(call('POST', '/v1/tenants/acme/keys/rotate'), code('disk_full'))
  await assert.rejects(call('POST', '/v1/keys/export', { to: join(dir, 'copy') }), code('disk_full'))
  assert.deepEqual(keys.status(), before)
  assert.equal(existsSync(join(dir, 'copy')), false)
})

test('each change is audited by ids, and no answer holds a key', async (t) => {
  const { call, dir, keys, acme, audited } = await start(t)
  const key = await keys.sealingKey(acme, 'sub_1')
  const answers = [
    await call('POST', '/v1/keys/kek/rotate'),
    await call('POST', '/v1/tenants/acme/keys/rotate'),
    await call('POST', '/v1/keys/export', { to: join(dir, 'copy') }),
    await call('GET', '/v1/keys'),
  ]
  assert.deepEqual(
    audited.map(({ tenant, actor, action, object }) => [tenant, actor, action, object]),
    [
      [null, 'admin', 'UPDATE', 'keys/kek'],
      ['acme', 'admin', 'UPDATE', 'keys/tenant'],
      [null, 'admin', 'READ', 'keys/copy'],
    ],
  )
  const { epochs, keys: counts } = answers[3] as KeyStatus
  assert.deepEqual(epochs, { 2: 2 })
  assert.deepEqual(counts, { tenant: 2, subject: 1, lookup: 0 })
  const secret = Buffer.from(key.secret)
  for (const form of [secret.toString('hex'), secret.toString('base64')]) {
    assert.equal(JSON.stringify(answers).includes(form), false)
  }
  assert.equal(readFileSync(join(dir, 'copy')).includes(secret), false)
})

test('the verbs ask the running center; a rotation has to say of what', async (t) => {
  const { cli, dir, keys, acme } = await start(t)
  await keys.sealingKey(acme, 'sub_1')
  assert.equal((await cli('keys', 'rotate')).exit, 2)
  assert.equal((await cli('keys', 'rotate', '--kek', '--tenant', 'acme')).exit, 2)
  assert.equal((await cli('keys', 'rotate', '--tenant', 'Not One')).exit, 2)
  assert.equal((await cli('keys', 'export')).exit, 2)
  assert.match((await cli('keys', 'rotate', '--kek')).out, /^epoch: 2\nrewrapped: 1\nfailed: \[\]\n$/)
  assert.match((await cli('keys', 'rotate', '--tenant', 'acme')).out, /keyId: [0-9a-f]{16}\ngeneration: 2\n/)
  const status = await cli('keys', 'status')
  assert.match(status.out, /provider: file\nepoch: 2\nkeys by epoch: 2: 2\ntenants: 1\n/)
  assert.match(status.out, /subject keys: 1\n/)
  const json = JSON.parse((await cli('keys', 'status', '--json')).out) as KeyStatus
  assert.deepEqual(json, keys.status())
  assert.equal((await cli('keys', 'export', '--to', join(dir, 'copy'))).exit, 0)
  assert.equal(existsSync(join(dir, 'copy')), true)
  const refused = await cli('keys', 'export', '--to', join(dir, 'kek'))
  assert.equal(refused.exit, 1)
  assert.match(refused.err, /already_exists/)
})
