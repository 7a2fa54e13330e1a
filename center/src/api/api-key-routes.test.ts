import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { ApiKey } from '../front/index.js'
import { startApi } from './server.js'
import { apiParts, log } from './testing.js'

const KEY: ApiKey = { id: 'k1', name: 'reports', createdAt: 0, createdBy: 'api-token' }

async function start(t: TestContext) {
  const calls: unknown[][] = []
  const apiKeys = {
    list: () => [{ ...KEY, revokedAt: 1_000 }],
    async create(...[tenant, key, { actor }]: Parameters<ReturnType<typeof apiParts>['apiKeys']['create']>) {
      calls.push(['create', tenant, key, actor])
      return { ...KEY, ...key, secret: 'yzk_acme_k1_s' }
    },
    async revoke(...[tenant, id, { actor }]: Parameters<ReturnType<typeof apiParts>['apiKeys']['revoke']>) {
      calls.push(['revoke', tenant, id, actor])
      return { ...KEY, revokedAt: 1_000 }
    },
  }
  const api = await startApi({ ...apiParts(), apiKeys, log }, { host: '127.0.0.1', port: 0, token: 'token' })
  t.after(() => api.stop('test over'))
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${api.url}/v1/tenants/${path}`, {
      method,
      headers: { authorization: 'Bearer token', ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    return { status: response.status, body: (await response.json()) as unknown }
  }
  return { call, calls }
}

test('keys of nobody, without a name, or until no time are refused', async (t) => {
  const { call, calls } = await start(t)
  const cases: [string, string, unknown, number][] = [
    ['GET', 'nobody/api-keys', undefined, 404],
    ['POST', 'nobody/api-keys', { name: 'x' }, 404],
    ['POST', 'acme/api-keys', {}, 400],
    ['POST', 'acme/api-keys', { name: 'x', secret: 'mine' }, 400],
    ['POST', 'acme/api-keys', { name: 'x', expiresAt: 'tomorrow' }, 400],
    ['POST', 'nobody/api-keys/k1/revoke', undefined, 404],
    ['POST', 'acme/api-keys/K%2F1/revoke', undefined, 400],
  ]
  for (const [method, path, body, status] of cases) {
    assert.equal((await call(method, path, body)).status, status, `${method} ${path}`)
  }
  assert.deepEqual(calls, [])
})

test('a key is made, listed and revoked; only the making tells its secret', async (t) => {
  const { call, calls } = await start(t)
  const body = { name: 'reports', user: 'erp', expiresAt: '2100-01-01T00:00:00Z' }
  const made = (await call('POST', 'acme/api-keys', body)).body
  const createdAt = '1970-01-01T00:00:00.000Z'
  assert.deepEqual(made, {
    ...KEY,
    createdAt,
    user: 'erp',
    expiresAt: '2100-01-01T00:00:00.000Z',
    secret: 'yzk_acme_k1_s',
  })
  const revoked = { ...KEY, createdAt, revokedAt: '1970-01-01T00:00:01.000Z' }
  assert.deepEqual((await call('GET', 'acme/api-keys')).body, [revoked])
  assert.deepEqual((await call('POST', 'acme/api-keys/k1/revoke')).body, revoked)
  assert.deepEqual(calls, [
    ['create', 'acme', { name: 'reports', user: 'erp', expiresAt: 4_102_444_800_000 }, 'api-token'],
    ['revoke', 'acme', 'k1', 'api-token'],
  ])
})
