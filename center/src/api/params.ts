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

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/

/** Milliseconds since the Unix epoch. Throws `invalid_argument`. */
export function timeIn(name: string, text: string): number {
  const time = ISO.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isSafeInteger(time)) return time
  throw new YizhanError(
    'invalid_argument',
    `${name} is no time of ISO 8601, such as 2026-03-01 or 2026-03-01T08:00:00Z`,
  )
}

/** Buffer.from skips what is not base64, and the rest would be taken for the whole. Throws `invalid_argument`. */
export function decodeBase64(path: string, text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') === text) return bytes
  const problems = [{ path, message: 'must be base64' }]
  throw new YizhanError('invalid_argument', 'the request is malformed: a file is not base64', {
    details: { problems },
  })
}
