import { type Clock, type Metrics, silentLogger } from '@yizhan/kernel'
import {
  type AdmissionConfig,
  admissionMeters,
  createAdmission,
  type MonthlyUse,
  type QuotaRules,
  Quotas,
} from '../../admission/index.js'
import { type MemberConfig, Pool, type PoolConfig } from '../pool/index.js'
import type { Backend } from '../port.js'

export interface AdmissionOptions {
  /** With settings that differ from `member`. */
  readonly backends: readonly (Backend & { readonly config?: Partial<MemberConfig> })[]
  /** Of every backend. */
  readonly member?: Partial<MemberConfig>
  readonly pool?: Partial<PoolConfig>
  readonly queue?: Partial<AdmissionConfig>
  readonly quotas?: Partial<QuotaRules>
  readonly month?: MonthlyUse
  readonly random?: () => number
}

/** Real admission on a real pool of the test's backends. */
export function testAdmission(
  deps: { readonly clock: Clock; readonly metrics: Metrics },
  options: AdmissionOptions,
) {
  const { clock, metrics } = deps
  const pool = new Pool(
    {
      backends: options.backends.map((backend) => ({
        backend,
        config: { ...options.member, ...backend.config },
      })),
      clock,
      log: silentLogger(),
      metrics,
      random: options.random ?? (() => 0.5),
    },
    options.pool,
  )
  const quotas = new Quotas({
    clock,
    rulesOf: () => ({ tenant: {}, user: {}, ...options.quotas }),
    month: options.month ?? { used: () => 0, add: () => undefined, leftMs: () => 0 },
  })
  const admission = createAdmission(
    { capacity: pool, quotas, clock, meters: admissionMeters(metrics) },
    {
      weightOf: () => 1,
      agedMs: 30_000,
      maxQueued: 10,
      maxQueuedPerTenant: 10,
      queueTtlMs: 60_000,
      ...options.queue,
    },
  )
  return { pool, quotas, admission }
}
