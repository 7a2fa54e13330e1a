import type { TestContext } from 'node:test'
import { createMetrics, type Metrics, silentLogger, systemClock, type TenantId } from '@yizhan/kernel'
import type { QuotaRules } from '../../admission/index.js'
import type { Embedder, Passage } from '../../inference/port.js'
import { tenantId } from '../../inference/testing/book-harness.js'
import { HeldBackend } from '../../inference/testing/held-backend.js'
import { testAdmission } from '../../inference/testing/test-admission.js'
import type { ApiKeys, Caller } from '../api-keys.js'
import type { FrontConfig } from '../config.js'
import { type FrontTls, startFront } from '../server.js'

export const acme: TenantId = tenantId('acme')
export const KEY = 'the-key-of-acme'

const CALLER: Caller = { tenant: acme, keyId: 'k1', user: 'key:k1' }

export interface FrontOptions {
  readonly config?: Partial<FrontConfig>
  readonly keys?: Pick<ApiKeys, 'caller'>
  readonly quotas?: Partial<QuotaRules>
  readonly embedders?: readonly Embedder[]
  readonly passages?: readonly Passage[]
  readonly tls?: FrontTls
}

/** A front on free port, with an engine in the test's hands: each request becomes a run of `backend`. */
export async function startTestFront(t: TestContext, options: FrontOptions = {}) {
  const backend = new HeldBackend()
  const metrics: Metrics = createMetrics()
  const searches: { tenant: TenantId; query: string; knowledge: readonly string[] }[] = []
  const { admission, pool } = testAdmission(
    { clock: systemClock, metrics },
    {
      backends: [backend],
      pool: { maxRunning: 10, retries: 0 },
      ...(options.quotas ? { quotas: options.quotas } : {}),
    },
  )
  t.after(() => pool.stop())
  const front = await startFront(
    {
      keys: options.keys ?? { caller: (secret) => (secret === KEY ? CALLER : undefined) },
      backends: [backend],
      embedders: options.embedders ?? [],
      admission,
      retriever: {
        async search(tenant, query, { knowledge }) {
          searches.push({ tenant, query, knowledge })
          return [...(options.passages ?? [])]
        },
      },
      tls: options.tls ?? {
        current: () => ({ key: '', cert: '', ca: '' }),
        onChange: () => () => undefined,
      },
      clock: systemClock,
      log: silentLogger(),
      metrics,
    },
    {
      host: '127.0.0.1',
      tls: {},
      maxBodyBytes: 1024 * 1024,
      maxConnections: 100,
      requestTimeoutMs: 60_000,
      ...options.config,
      port: 0,
    },
  )
  t.after(() => front.stop('test over'))
  return { front, backend, admission, metrics, searches }
}
