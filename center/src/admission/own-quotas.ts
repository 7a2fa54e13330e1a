import type { TenantId } from '@yizhan/kernel'
import type { QuotaRules } from './quota-config.js'

/** What tenants limit themselves to, in memory: whoever reads the tenants' directories fills it. */
export interface OwnQuotas {
  of(tenant: TenantId): QuotaRules | undefined
  replace(tenant: TenantId, rules: QuotaRules | undefined): void
}

export function createOwnQuotas(): OwnQuotas {
  const known = new Map<TenantId, QuotaRules>()
  return {
    of: (tenant) => known.get(tenant),
    replace(tenant, rules) {
      if (rules) known.set(tenant, rules)
      else known.delete(tenant)
    },
  }
}
