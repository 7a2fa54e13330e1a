import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { startApi } from './server.js'
import { apiParts, errorOf, held, log, REPORT, startTestApi, TOKEN } from './testing.js'

test('without the right token every route but the probes is closed, also one that does not exist', async (t) => {
  const { call, api } = await startTestApi(t)
  const wrong = ['', `Bearer ${TOKEN}x`, 'Bearer ', `bearer ${TOKEN}`, `Basic ${btoa(TOKEN)}`, TOKEN]
  for (const path of ['/v1/status', '/v1/edges', '/v1/tenants', '/openapi.json']) {
    for (const authorization of wrong) {
      const { code } = errorOf(await call('GET', path, undefined, { headers: { authorization } }), 401)
      assert.equal(code, 'unauthenticated')
    }
    assert.equal((await fetch(api.url + path)).status, 401)
    assert.equal((await call('GET', path)).status, 200)
  }
  const revoke = await call('POST', '/v1/edges/north/revoke', undefined, { headers: {} })
  assert.equal(errorOf(revoke, 401).code, 'unauthenticated')
})

test('an unauthorised body is not read, and whoever never ends one does not hold up the stop', async (t) => {
  const api = await startApi({ ...apiParts(), log }, { host: '127.0.0.1', port: 0, token: TOKEN, drainMs: 1 })
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write(
    'POST /v1/tenants/apply HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9000000\r\n\r\n{',
  )
  const [data] = await once(socket, 'data')
  assert.match(String(data), /^HTTP\/1\.1 401 /)
  await api.stop('test over')
  await api.done
})

test('probes and metrics answer without a token, and say when a part does not work', async (t) => {
  const parts = apiParts()
  const { call } = await startTestApi(t, parts)
  const open = { headers: {} }
  assert.deepEqual((await call('GET', '/healthz', undefined, open)).body, { ok: true })
  assert.deepEqual(await call('GET', '/readyz', undefined, open), {
    status: 200,
    type: 'application/json; charset=utf-8',
    body: { ready: true },
  })
  parts.broken = 'storage'
  const answer = await call('GET', '/readyz', undefined, open)
  assert.deepEqual([answer.status, answer.body], [503, { ready: false, why: 'storage' }])
  const metrics = await call('GET', '/metrics', undefined, open)
  assert.match(metrics.type, /^text\/plain/)
  assert.match(String(metrics.body), /# TYPE yizhan_test_total counter/)
})

test('a host that others can reach is refused at the start', async () => {
  for (const host of [
    '0.0.0.0',
    '::',
    '192.0.2.1',
    '127.0.0.1.example.org',
    '127.999.0.1',
    '',
    'example.org',
  ]) {
    await assert.rejects(startApi({ ...apiParts(), log }, { host, port: 0, token: TOKEN }), (thrown) => {
      assert.ok(thrown instanceof YizhanError)
      assert.equal(thrown.code, 'config_invalid', host)
      return true
    })
  }
})

test('a taken port is refused with the setting that changes it', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  await assert.rejects(
    startApi({ ...apiParts(), log }, { host: '127.0.0.1', port, token: TOKEN }),
    (thrown) => {
      assert.ok(thrown instanceof YizhanError)
      assert.equal(thrown.code, 'port_taken')
      assert.match(`${thrown.message} ${thrown.hint}`, new RegExp(`${port}.*api\\.port.*--api-port`))
      return true
    },
  )
})

test('an unknown path or method is not found, in the error form', async (t) => {
  const { call } = await startTestApi(t)
  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/v1/nothing'],
    ['DELETE', '/v1/tenants'],
    ['GET', '/v1/tenants/acme/../../x'],
  ] as const) {
    assert.equal(errorOf(await call(method, path), 404).code, 'not_found')
  }
})

test('a malformed body is refused by path and never by value, and unknown keys are not dropped', async (t) => {
  const { call, parts } = await startTestApi(t)
  const secret = 'S3cret'
  const wrong: readonly (readonly [string, unknown, readonly string[]])[] = [
    ['/v1/edges/tokens', {}, ['body', 'body']],
    [
      '/v1/edges/tokens',
      { edge: secret, tenants: [secret], ttlMs: '5000' },
      ['body/edge', 'body/tenants/0', 'body/ttlMs'],
    ],
    ['/v1/edges/tokens', { edge: 'north', tenants: ['acme'], colour: secret }, ['body/colour']],
    ['/v1/edges/north/tenants', { tenants: 'acme' }, ['body/tenants']],
    ['/v1/tenants/apply', { files: { 'tenant.yaml': 5 } }, ['body/files/tenant.yaml']],
    ['/v1/tenants/apply', { files: { 'a/b.md': `${secret}!` } }, ['body/files/a/b.md']],
    ['/v1/tenants/apply?lang=fr', { files: {} }, ['querystring/lang']],
    ['/v1/edges/North/revoke', undefined, ['params/edge']],
  ]
  for (const [path, body, expected] of wrong) {
    const answer = await call('POST', path, body)
    const { code, problems } = errorOf(answer, 400)
    assert.equal(code, 'invalid_argument')
    assert.deepEqual(
      (problems as { path: string }[]).map((problem) => problem.path),
      expected,
    )
    assert.doesNotMatch(JSON.stringify(answer.body), new RegExp(secret))
  }
  assert.deepEqual(parts.calls, [])
})

test('what is not JSON, or reaches a prototype, is refused', async (t) => {
  const { call, parts } = await startTestApi(t)
  const wrong = [
    '{"files":{"__proto__":"eA=="}}',
    '{"__proto__":{"files":{}}}',
    '{"files":{"constructor":{"prototype":{}}}}',
    '{"files":',
    '',
    'null',
    '[]',
  ]
  for (const body of wrong)
    assert.equal(errorOf(await call('POST', '/v1/tenants/apply', body), 400).code, 'invalid_argument')
  const text = { headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'text/plain' }, body: 'x' }
  errorOf(await call('POST', '/v1/tenants/apply', 'x', text), 400)
  const xml = { ...text, headers: { ...text.headers, 'content-type': 'application/xml' } }
  assert.equal(errorOf(await call('POST', '/v1/tenants/apply', 'x', xml), 501).code, 'unsupported')
  assert.deepEqual(parts.calls, [])
})

test('a body over the limit is refused, also when it does not say its size', async (t) => {
  const { call, api } = await startTestApi(t)
  const large = { tenants: [], site: 'x'.repeat(1024 * 1024) }
  assert.equal(errorOf(await call('POST', '/v1/edges/tokens', large), 413).code, 'too_large')
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
    const request = httpRequest(`${api.url}/v1/edges/tokens`, { method: 'POST', headers }, (response) => {
      resolve(response.statusCode)
      request.destroy()
    })
    request.on('error', reject)
    for (let i = 0; i < 20; i++) request.write(' '.repeat(100_000))
  })
  assert.equal(status, 413)
})

test('the routes pass what they are given and answer what they get', async (t) => {
  const { call, parts } = await startTestApi(t)
  const token = await call('POST', '/v1/edges/tokens', { edge: 'north', tenants: ['acme'] })
  assert.deepEqual(token.body, { edge: 'north', token: 'yz-token' })
  await call('POST', '/v1/edges/north/tenants', { tenants: ['acme', 'clinic'] })
  assert.deepEqual((await call('POST', '/v1/edges/north/revoke')).body, { edge: 'north', revoked: true })
  await call('GET', '/v1/tenants/acme/knowledge?q=%E5%B9%B4%E5%81%87&limit=3')
  assert.deepEqual((await call('GET', '/v1/tenants/acme/audit')).body, {
    entries: [
      {
        tenant: 'acme',
        time: '2023-11-14T22:13:20.000Z',
        actor: 'api-token',
        action: 'CREATE',
        object: 'tenants/current',
        sequence: 1,
        hash: '0'.repeat(64),
      },
    ],
    cursor: '2',
  })
  const answered = { ...REPORT, warnings: ['intents/it.yaml:3:1: it.vpn: has few questions'] }
  assert.deepEqual(
    (await call('POST', '/v1/tenants/apply', { files: { 'tenant.yaml': btoa('a: b') } })).body,
    answered,
  )
  assert.deepEqual(parts.calls, [
    ['token', { edgeId: 'north', tenants: ['acme'], site: '', ttlMs: 600_000, actor: 'api-token' }],
    ['tenants', 'north', ['acme', 'clinic']],
    ['revoke', 'north', 'api-token'],
    ['search', 'acme', '年假', { knowledge: [], limit: 3 }],
    ['audit', 'acme', {}, { actor: 'api-token' }],
    ['apply', [['tenant.yaml', 'a: b']], { prune: false, dryRun: false, actor: 'api-token' }],
  ])
  for (const what of ['knowledge?q=x', 'audit']) {
    assert.equal(errorOf(await call('GET', `/v1/tenants/nobody/${what}`), 404).code, 'not_found')
  }
})

test('stop ends an apply, lets other requests finish, and takes no new ones', async (t) => {
  const parts = apiParts()
  const arrived = held<void>()
  parts.apply = (_files, _actor, signal) => {
    arrived.resolve()
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const asked = held<void>()
  const release = held<void>()
  parts.revoke = async () => {
    asked.resolve()
    await release.promise
  }
  const { api, call } = await startTestApi(t, parts)
  const apply = call('POST', '/v1/tenants/apply', { files: {} })
  const revoke = call('POST', '/v1/edges/north/revoke')
  await Promise.all([arrived.promise, asked.promise])
  const stopping = Promise.all([api.stop('one'), api.stop('two')])
  assert.equal(errorOf(await apply, 503).code, 'unavailable')
  await assert.rejects(fetch(`${api.url}/healthz`))
  release.resolve()
  assert.equal((await revoke).status, 200)
  await stopping
  await api.done
})

test('the description of the API is OpenAPI and names every route but the probes', async (t) => {
  const { call } = await startTestApi(t)
  const { body } = await call('GET', '/openapi.json')
  const described = body as {
    openapi: string
    info: { title: string; version: string }
    security: unknown
    components: { securitySchemes: unknown }
    paths: Record<
      string,
      Record<
        string,
        {
          summary?: string
          responses?: unknown
          parameters?: { name: string; in: string; required: boolean }[]
          requestBody?: unknown
        }
      >
    >
  }
  assert.match(described.openapi, /^3\./)
  assert.deepEqual(described.info, { title: 'Yizhan center', version: '1' })
  assert.deepEqual(described.security, [{ token: [] }])
  assert.deepEqual(described.components.securitySchemes, { token: { type: 'http', scheme: 'bearer' } })
  const routes = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((m) => `${m} ${path}`),
  )
  assert.deepEqual(routes.sort(), [
    'delete /v1/tenants/{tenant}/attachments/{file}',
    'delete /v1/tenants/{tenant}/knowledge/sources',
    'get /v1/audit/keys',
    'get /v1/backends',
    'get /v1/edges',
    'get /v1/quotas',
    'get /v1/status',
    'get /v1/storage/moves',
    'get /v1/storage/places',
    'get /v1/storage/tenants',
    'get /v1/storage/tenants/{tenant}',
    'get /v1/tenants',
    'get /v1/tenants/{tenant}',
    'get /v1/tenants/{tenant}/api-keys',
    'get /v1/tenants/{tenant}/attachments',
    'get /v1/tenants/{tenant}/attachments/{file}',
    'get /v1/tenants/{tenant}/audit',
    'get /v1/tenants/{tenant}/audit/export',
    'get /v1/tenants/{tenant}/audit/verify',
    'get /v1/tenants/{tenant}/audit/{sequence}',
    'get /v1/tenants/{tenant}/edges',
    'get /v1/tenants/{tenant}/files',
    'get /v1/tenants/{tenant}/knowledge',
    'get /v1/tenants/{tenant}/knowledge/sources',
    'get /v1/tenants/{tenant}/models',
    'get /v1/tenants/{tenant}/models/evaluation',
    'get /v1/tenants/{tenant}/privacy/cases',
    'get /v1/tenants/{tenant}/privacy/erasures',
    'get /v1/tenants/{tenant}/privacy/erasures/{erasure}/certificate',
    'get /v1/tenants/{tenant}/privacy/holds',
    'get /v1/tenants/{tenant}/privacy/subjects/{subject}',
    'get /v1/tenants/{tenant}/privacy/subjects/{subject}/consents',
    'get /v1/tenants/{tenant}/privacy/subjects/{subject}/copy',
    'get /v1/tenants/{tenant}/quota',
    'get /v1/tenants/{tenant}/samples',
    'get /v1/tenants/{tenant}/turn-commands/{command}',
    'get /v1/tenants/{tenant}/turns',
    'get /v1/tenants/{tenant}/turns/{turn}',
    'patch /v1/tenants/{tenant}/privacy/subjects/{subject}',
    'post /v1/backends/{backend}/drain',
    'post /v1/backends/{backend}/undrain',
    'post /v1/edges/tokens',
    'post /v1/edges/{edge}/revoke',
    'post /v1/edges/{edge}/takeover',
    'post /v1/edges/{edge}/tenants',
    'post /v1/privacy/certificates/check',
    'post /v1/storage/compact',
    'post /v1/storage/moves/settle',
    'post /v1/storage/system/check',
    'post /v1/storage/tenants/{tenant}/check',
    'post /v1/storage/tenants/{tenant}/move',
    'post /v1/storage/tenants/{tenant}/reseal',
    'post /v1/tenants/apply',
    'post /v1/tenants/diff',
    'post /v1/tenants/{tenant}/api-keys',
    'post /v1/tenants/{tenant}/api-keys/{key}/revoke',
    'post /v1/tenants/{tenant}/attachments',
    'post /v1/tenants/{tenant}/attachments/{file}/check',
    'post /v1/tenants/{tenant}/audit/verify',
    'post /v1/tenants/{tenant}/knowledge/ask',
    'post /v1/tenants/{tenant}/knowledge/fetch',
    'post /v1/tenants/{tenant}/knowledge/import',
    'post /v1/tenants/{tenant}/knowledge/reindex',
    'post /v1/tenants/{tenant}/models/publish',
    'post /v1/tenants/{tenant}/models/rollback',
    'post /v1/tenants/{tenant}/models/train',
    'post /v1/tenants/{tenant}/privacy/cases/{case}/close',
    'post /v1/tenants/{tenant}/privacy/holds',
    'post /v1/tenants/{tenant}/privacy/holds/{hold}/release',
    'post /v1/tenants/{tenant}/privacy/subjects/find',
    'post /v1/tenants/{tenant}/privacy/subjects/{subject}/erase',
    'post /v1/tenants/{tenant}/privacy/subjects/{subject}/link',
    'post /v1/tenants/{tenant}/privacy/sweep',
    'post /v1/tenants/{tenant}/samples/paraphrase',
    'post /v1/tenants/{tenant}/samples/propose',
    'post /v1/tenants/{tenant}/samples/{sample}/label',
    'post /v1/tenants/{tenant}/turns/{turn}/abandon',
    'post /v1/tenants/{tenant}/turns/{turn}/answer',
    'post /v1/tenants/{tenant}/turns/{turn}/edit',
    'post /v1/tenants/{tenant}/turns/{turn}/reroute',
    'post /v1/tenants/{tenant}/turns/{turn}/retry',
  ])
  for (const methods of Object.values(described.paths)) {
    for (const route of Object.values(methods)) assert.ok(route.summary && route.responses)
  }
  const search = described.paths['/v1/tenants/{tenant}/knowledge']?.get
  assert.deepEqual(
    search?.parameters?.map(({ name, in: place, required }) => [name, place, required]),
    [
      ['q', 'query', true],
      ['limit', 'query', false],
      ['all', 'query', false],
      ['tenant', 'path', true],
    ],
  )
  assert.ok(described.paths['/v1/edges/tokens']?.post?.requestBody)
  assert.equal(described.paths['/v1/edges/{edge}/revoke']?.post?.requestBody, undefined)
})
