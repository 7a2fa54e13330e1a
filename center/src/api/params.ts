import { Type } from '@sinclair/typebox'
import { asEdgeId, asTenantId, type EdgeId, type TenantId, YizhanError } from '@yizhan/kernel'
import type { TenantCatalog } from '../tenants/index.js'

export const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' })
export const TenantParams = Type.Object({ tenant: Name })
export const EdgeParams = Type.Object({ edge: Name })

/** Throws `invalid_argument`. */
export function tenantOf(text: string): TenantId {
  const tenant = asTenantId(text)
  if (!tenant) throw new YizhanError('invalid_argument', 'this is no tenant id')
  return tenant
}

/** Throws `invalid_argument`. */
export function edgeOf(text: string): EdgeId {
  const edge = asEdgeId(text)
  if (!edge) throw new YizhanError('invalid_argument', 'this is no edge id')
  return edge
}

/** Throws `invalid_argument`, and `not_found` before the tenant's first apply. */
export function knownTenant(catalog: Pick<TenantCatalog, 'current'>, text: string): TenantId {
  const tenant = tenantOf(text)
  if (catalog.current(tenant)) return tenant
  throw new YizhanError('not_found', 'no tenant of this name has been applied', { hint: 'tenant list' })
}
