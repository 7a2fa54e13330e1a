import type { Clock, Logger, Metrics, Running, TenantId } from '@yizhan/kernel'
import type { Admission, Capacity } from '../inference/port.js'
import type { SystemStore } from '../storage/index.js'
import { createAdmission } from './admission.js'
import { admissionMeters } from './admission-meters.js'
import { openMonthLedger } from './month-ledger.js'
import { type QuotaRules, stricter } from './quota-config.js'
import { Quotas } from './quotas.js'

export interface AdmissionSettings {
  readonly maxQueued: number
  readonly queue: { readonly order: 'fair' | 'fifo'; readonly ttlMs: number; readonly agedMs: number }
  readonly quotas: QuotaRules & {
    readonly tenants: Readonly<Record<string, QuotaRules & { readonly weight: number }>>
  }
}

/** Admission of the center's settings, with the months of the system's store. `stop` writes what was used. */
export async function openAdmission(
  deps: {
    readonly capacity: Capacity
    readonly system: SystemStore
    /** What `tenant.yaml` says; it only lowers the settings' limits. */
    readonly ownRules: (tenant: TenantId) => QuotaRules | undefined
    readonly clock: Clock
    readonly log: Logger
    readonly metrics: Metrics
  },
  settings: AdmissionSettings,
): Promise<{ readonly admission: Admission; readonly quotas: Quotas; readonly months: Running }> {
  const { capacity, clock, metrics } = deps
  const months = await openMonthLedger(deps)
  const rulesOf = (tenant: TenantId): QuotaRules => {
    const { tenants } = settings.quotas
    const special = Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined
    const own = deps.ownRules(tenant)
    return {
      tenant: stricter({ ...settings.quotas.tenant, ...special?.tenant }, own?.tenant ?? {}),
      user: stricter({ ...settings.quotas.user, ...special?.user }, own?.user ?? {}),
    }
  }
  const quotas = new Quotas({ clock, rulesOf, month: months })
  const { queue, maxQueued } = settings
  const admission = createAdmission(
    { capacity, quotas, clock, meters: admissionMeters(metrics) },
    {
      fifo: queue.order === 'fifo',
      weightOf: (tenant) => settings.quotas.tenants[tenant]?.weight ?? 1,
      agedMs: queue.agedMs,
      maxQueued,
      maxQueuedPerTenant: Math.ceil(maxQueued / 2),
      queueTtlMs: queue.ttlMs,
    },
  )
  return { admission, quotas, months }
}
