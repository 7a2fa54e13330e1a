import type { Privacy } from '@yizhan/intent'
import type { TenantId } from '@yizhan/kernel'
import type { TenantCatalog } from '../tenants/index.js'
// Past the folder's index, which asks for what stands here.
import { perVersion } from '../tenants/per-version.js'
import { AUDIT_FLOOR_MS, dataClassOf } from './data-classes.js'

/** What each tenant says of its people's data. */
export interface PrivacyPolicies {
  /** The section in force; undefined if the tenant has none. */
  of(tenant: TenantId): Promise<Privacy | undefined>
}

/** From the tenants' directories, read again only when another bundle is in force. */
export function policiesOf(catalog: Pick<TenantCatalog, 'current' | 'inForce'>): PrivacyPolicies {
  return { of: perVersion(catalog, ({ file }) => file.privacy) }
}

/** For how long a class of data is kept; null = until it is erased. The audit is kept 180 days at least. */
export function retentionOf(privacy: Privacy | undefined, dataClass: string): number | null {
  const own =
    privacy && Object.hasOwn(privacy.retentionMs, dataClass) ? privacy.retentionMs[dataClass] : undefined
  const wanted = own ?? dataClassOf(dataClass)?.retentionMs ?? null
  return dataClass === 'audit' && wanted !== null ? Math.max(wanted, AUDIT_FLOOR_MS) : wanted
}
