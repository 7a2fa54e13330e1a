import type { Privacy } from '@yizhan/intent'
import type { TenantId } from '@yizhan/kernel'
import type { TenantCatalog } from '../tenants/index.js'
import { AUDIT_FLOOR_MS, dataClassOf } from './data-classes.js'

/** What each tenant says of its people's data. */
export interface PrivacyPolicies {
  /** The section in force; undefined if the tenant has none. */
  of(tenant: TenantId): Promise<Privacy | undefined>
}

/** From the tenants' directories, read again only when another bundle is in force. */
export function policiesOf(catalog: Pick<TenantCatalog, 'current' | 'inForce'>): PrivacyPolicies {
  const known = new Map<TenantId, { readonly digest: string; readonly privacy: Privacy | undefined }>()
  // Reading what is in force waits for nothing outside this process.
  const { signal } = new AbortController()
  return {
    async of(tenant) {
      const digest = catalog.current(tenant)?.digest
      if (digest === undefined) return undefined
      const held = known.get(tenant)
      if (held?.digest === digest) return held.privacy
      const privacy = (await catalog.inForce(tenant, signal))?.source?.file.privacy
      known.set(tenant, { digest, privacy })
      return privacy
    },
  }
}

/** For how long a class of data is kept; null = until it is erased. The audit is kept 180 days at least. */
export function retentionOf(privacy: Privacy | undefined, dataClass: string): number | null {
  const own =
    privacy && Object.hasOwn(privacy.retentionMs, dataClass) ? privacy.retentionMs[dataClass] : undefined
  const wanted = own ?? dataClassOf(dataClass)?.retentionMs ?? null
  return dataClass === 'audit' && wanted !== null ? Math.max(wanted, AUDIT_FLOOR_MS) : wanted
}
