import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { apiParts, errorOf, held, REPORT, startTestApi, WARNING } from './testing.js'

test('the problems of a tenant come with their places, in the language that was asked for', async (t) => {
  const parts = apiParts()
  parts.apply = async () => ({
    problems: [
      { file: 'tenant.yaml', path: 'tenant', line: 2, column: 1, message: { en: 'is wrong', zh: '有误' } },
    ],
    warnings: [],
  })
  const { call } = await startTestApi(t, parts)
  for (const [query, message] of [
    ['', 'tenant: is wrong'],
    ['?lang=zh', 'tenant: 有误'],
  ]) {
    const { code, problems } = errorOf(await call('POST', `/v1/tenants/apply${query}`, { files: {} }), 422)
    assert.equal(code, 'tenant_invalid')
    assert.deepEqual(problems, [{ path: 'tenant.yaml:2:1', line: 2, column: 1, message }])
  }
})

test('a diff, a dry run and what is in force are asked for with their options', async (t) => {
  const parts = apiParts()
  const { call } = await startTestApi(t, parts)
  const files = { 'tenant.yaml': btoa('a: b') }
  const diff = await call('POST', '/v1/tenants/diff?lang=zh', { files, prune: true })
  assert.deepEqual(diff.body, {
    tenant: 'acme',
    diff: REPORT.diff,
    kept: [],
    warnings: ['intents/it.yaml:3:1: it.vpn: 问句太少'],
  })
  await call('POST', '/v1/tenants/apply', { files, prune: true, dryRun: true })
  assert.deepEqual((await call('GET', '/v1/tenants/acme/files')).body, { tenant: 'acme', version: 1, files })
  assert.deepEqual((await call('GET', '/v1/tenants/acme/edges')).body, {
    tenant: 'acme',
    digest: REPORT.digest,
    edges: [],
  })
  assert.equal(errorOf(await call('GET', '/v1/tenants/acme'), 412).code, 'failed_precondition')
  assert.deepEqual(parts.calls, [
    ['diff', ['tenant.yaml'], { prune: true }],
    ['apply', [['tenant.yaml', 'a: b']], { prune: true, dryRun: true, actor: 'api-token' }],
    ['in force', 'acme'],
    ['progress', 'acme'],
    ['in force', 'acme'],
  ])
})

test('tests that do not hold are told with how many did', async (t) => {
  const parts = apiParts()
  parts.apply = async () => ({ failed: [WARNING], passed: 3, warnings: [] })
  const { call } = await startTestApi(t, parts)
  const { code, message, problems } = errorOf(await call('POST', '/v1/tenants/apply', { files: {} }), 422)
  assert.deepEqual([code, message], ['tests_failed', '1 of 4 tests failed; nothing was changed'])
  assert.deepEqual(problems, [
    { path: 'intents/it.yaml:3:1', line: 3, column: 1, message: 'it.vpn: has few questions' },
  ])
})

test('an apply is aborted when its client goes away, and not before', async (t) => {
  const parts = apiParts()
  const arrived = held<AbortSignal>()
  const ended = held<unknown>()
  parts.apply = (_files, _actor, signal) => {
    signal.addEventListener('abort', () => ended.resolve(signal.reason))
    arrived.resolve(signal)
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const { call } = await startTestApi(t, parts)
  const client = new AbortController()
  const gone = call('POST', '/v1/tenants/apply', { files: {} }, { signal: client.signal })
  const signal = await arrived.promise
  // The body has been read to its end by now: that must not count as the client's going.
  await call('GET', '/v1/status')
  assert.equal(signal.aborted, false)
  client.abort()
  await assert.rejects(gone)
  const reason = await ended.promise
  assert.ok(reason instanceof YizhanError && reason.code === 'cancelled')
  assert.equal((await call('GET', '/v1/status')).status, 200)
})

test('an apply that was answered is not aborted afterwards', async (t) => {
  const parts = apiParts()
  const arrived = held<AbortSignal>()
  parts.apply = async (_files, _actor, signal) => {
    arrived.resolve(signal)
    return { report: REPORT }
  }
  const { call } = await startTestApi(t, parts)
  assert.equal((await call('POST', '/v1/tenants/apply', { files: {} })).status, 200)
  const signal = await arrived.promise
  assert.equal((await call('GET', '/v1/status')).status, 200)
  assert.equal(signal.aborted, false)
})
