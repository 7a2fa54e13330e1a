import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { adminCall, adminSocketPath, startAdminServer, YizhanError } from '@yizhan/kernel'
import { registerRoutes } from './routes.js'
import { apiParts, type FakeParts, held, log, REPORT } from './testing.js'

async function start(t: TestContext, parts: FakeParts) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-api-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const socketPath = adminSocketPath(dir)
  const server = await startAdminServer(
    { log },
    { socketPath, routes: (app) => registerRoutes(app, parts, 'admin') },
  )
  t.after(() => server.stop('test over'))
  return { socketPath, server }
}

test('the admin socket refuses as strictly as the HTTP API', async (t) => {
  const parts = apiParts()
  const { socketPath } = await start(t, parts)
  const wrong = { edge: 'north', tenants: ['acme'], colour: 'red' }
  await assert.rejects(adminCall(socketPath, 'POST', '/v1/edges/tokens', wrong), (thrown) => {
    assert.ok(thrown instanceof YizhanError)
    assert.equal(thrown.code, 'invalid_argument')
    assert.deepEqual(thrown.details.problems, [{ path: 'body/colour', message: 'is not known' }])
    return true
  })
  assert.deepEqual(parts.calls, [])
})

test('a command without a body works, and the actor is the socket’s', async (t) => {
  const parts = apiParts()
  const { socketPath } = await start(t, parts)
  const answer = await adminCall(socketPath, 'POST', '/v1/edges/north/revoke')
  assert.deepEqual(answer, { edge: 'north', revoked: true })
  const files = { 'tenant.yaml': Buffer.from('a').toString('base64') }
  assert.deepEqual(await adminCall(socketPath, 'POST', '/v1/tenants/apply', { files }), {
    ...REPORT,
    warnings: ['intents/it.yaml:3:1: it.vpn: has few questions'],
  })
  assert.deepEqual(parts.calls, [
    ['revoke', 'north', 'admin'],
    ['apply', [['tenant.yaml', 'a']], { prune: false, dryRun: false, actor: 'admin' }],
  ])
})

test('a command line that is interrupted ends the apply', async (t) => {
  const parts = apiParts()
  const arrived = held<void>()
  const ended = held<unknown>()
  parts.apply = (_files, _actor, signal) => {
    arrived.resolve()
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        ended.resolve(signal.reason)
        reject(signal.reason)
      })
    })
  }
  const { socketPath } = await start(t, parts)
  const caller = new AbortController()
  const call = adminCall(socketPath, 'POST', '/v1/tenants/apply', { files: {} }, { signal: caller.signal })
  await arrived.promise
  caller.abort()
  await assert.rejects(call, (thrown) => thrown instanceof YizhanError && thrown.code === 'cancelled')
  const reason = await ended.promise
  assert.ok(reason instanceof YizhanError && reason.code === 'cancelled')
})
