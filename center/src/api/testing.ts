import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { asTenantId, createMetrics, type ErrorCode, silentLogger } from '@yizhan/kernel'
import type { ApplyReport, TenantCatalog } from '../tenants/index.js'
import type { ApiParts } from './routes.js'
import { startApi } from './server.js'

export const log = silentLogger()
/** A warning of a reader. */
export const WARNING = {
  file: 'intents/it.yaml',
  path: 'it.vpn',
  line: 3,
  column: 1,
  message: { en: 'has few questions', zh: '问句太少' },
}
const acme = asTenantId('acme')
assert.ok(acme)

export const REPORT: ApplyReport = {
  tenant: acme,
  version: 1,
  digest: '0'.repeat(64),
  appliedAt: 1_700_000_000_000,
  intents: 1,
  documents: 0,
  changed: true,
  dryRun: false,
  diff: [{ kind: 'setting', name: 'name', change: 'added' }],
  kept: [],
  examples: 1,
  tests: 0,
  warnings: [WARNING],
  trainMs: 5,
}

/** What the routes stand on, for tests of the routes: it notes each call and answers something fixed. */
export interface FakeParts extends ApiParts {
  readonly calls: unknown[][]
  apply: TenantCatalog['apply']
  revoke: (edge: string, actor: string) => Promise<void>
  broken: string | undefined
}

export function apiParts(): FakeParts {
  const calls: unknown[][] = []
  const metrics = createMetrics()
  metrics.counter('yizhan_test_total', 'For the tests').inc()
  const refuse = () => assert.fail('no route asks for this')
  const parts: FakeParts = {
    calls,
    broken: undefined,
    async apply(files, options) {
      const { requestId, ...rest } = options
      assert.ok(requestId)
      calls.push(['apply', [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]), rest])
      return { report: REPORT }
    },
    async revoke(edge, actor) {
      calls.push(['revoke', edge, actor])
    },
    metrics,
    notReady: () => parts.broken,
    status: () => ({ version: '0.0.0' }),
    catalog: {
      current: (tenant) => (tenant === acme ? { digest: REPORT.digest, sizeBytes: 1 } : undefined),
      onChange: refuse,
      list: () => [REPORT],
      apply: (files, options, signal) => parts.apply(files, options, signal),
      inOrder: (work) => work(),
      switchTo: refuse,
      async diff(files, options) {
        calls.push(['diff', [...files.keys()], options])
        const { tenant, diff, kept } = REPORT
        return { report: { tenant, diff, kept, warnings: [WARNING] } }
      },
      async inForce(tenant) {
        calls.push(['in force', tenant])
        const files = new Map([['tenant.yaml', Buffer.from('a: b')]])
        return { summary: REPORT, appliedBy: 'user_1', files, source: undefined, kept: [] }
      },
    },
    async progress(tenant) {
      calls.push(['progress', tenant])
      return []
    },
    registry: {
      get: refuse,
      list: () => [],
      keyCounts: refuse,
      openLink: refuse,
      noteApplied: refuse,
      noteRejected: refuse,
      noteSeen: refuse,
      onRevoked: refuse,
      async setTenants(edge, tenants) {
        calls.push(['tenants', edge, tenants])
      },
      revoke: (edge, actor) => parts.revoke(edge, actor),
    },
    async explain(tenant, query, options) {
      calls.push(['search', tenant, query, options])
      return { found: false, passages: [] }
    },
    library: { import: refuse, list: () => [], delete: refuse, reindex: refuse },
    ask: refuse,
    pages: { fetch: refuse, close: refuse },
    auditLog: {
      entry: refuse,
      verify: refuse,
      export: refuse,
      keys: refuse,
      async query(tenant, query, reader) {
        const { requestId, ...by } = reader
        assert.ok(requestId)
        calls.push(['audit', tenant, query, by])
        const entry = {
          tenant,
          time: '2023-11-14T22:13:20.000Z',
          actor: 'api-token',
          action: 'CREATE',
          object: 'tenants/current',
          sequence: 1,
          hash: '0'.repeat(64),
        } as const
        return { entries: [entry], cursor: '2' }
      },
    },
    files: {
      put: refuse,
      stat: refuse,
      withContent: refuse,
      read: refuse,
      list: refuse,
      delete: refuse,
      check: refuse,
      sweep: refuse,
    },
    pool: unused(),
    quotas: unused(),
    privacy: unused(),
    models: unused(),
    proposer: unused(),
    samples: unused(),
    turns: unused(),
    apiKeys: unused(),
    upkeep: unused(),
    audit: async () => undefined,
    tokens: {
      async create(request) {
        calls.push(['token', request])
        return 'yz-token'
      },
    },
  }
  return parts
}

/** A part that these tests only register: whoever calls anything of it fails. */
function unused<T extends object>(): T {
  return new Proxy((): never => assert.fail('no route asks for this'), {
    get: () => unused(),
  }) as unknown as T
}

/** A promise that a test settles by hand. */
export function held<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** For tests: what opens the API of `startTestApi`. */
export const TOKEN = 'the-right-token'

/** For tests: what a call got. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: unknown
}

/** For tests: the API on a free port over made-up parts, and a client with its token. */
export async function startTestApi(t: TestContext, parts: FakeParts = apiParts()) {
  const api = await startApi({ ...parts, log }, { host: '127.0.0.1', port: 0, token: TOKEN })
  t.after(() => api.stop('test over'))
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    init: RequestInit = {},
  ): Promise<Answer> => {
    const response = await fetch(api.url + path, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...init,
    })
    const type = response.headers.get('content-type') ?? ''
    const text = await response.text()
    return {
      status: response.status,
      type,
      body: type.startsWith('application/json') ? JSON.parse(text) : text,
    }
  }
  return { api, call, parts }
}

/** For tests: the error of an answer, which must have the error form and this status. */
export function errorOf({ status, body }: Answer, wanted: number) {
  assert.equal(status, wanted, JSON.stringify(body))
  const { error } = body as { error: { code: ErrorCode; message: string; details?: { problems: unknown } } }
  return { code: error.code, message: error.message, problems: error.details?.problems }
}
