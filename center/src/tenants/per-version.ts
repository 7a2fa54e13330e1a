import type { TenantId } from '@yizhan/kernel'
import type { TenantCatalog } from './catalog.js'
import type { TenantSource } from './source.js'

/** What is read from a tenant's directory in force, read again only when another bundle is. Undefined if none can be read. */
export function perVersion<T>(
  catalog: Pick<TenantCatalog, 'current' | 'inForce'>,
  read: (source: TenantSource) => T,
): (tenant: TenantId) => Promise<T | undefined> {
  const known = new Map<TenantId, { readonly digest: string; readonly value: T | undefined }>()
  // Reading what is in force waits for nothing outside this process.
  const { signal } = new AbortController()
  return async (tenant) => {
    const digest = catalog.current(tenant)?.digest
    if (digest === undefined) return undefined
    const held = known.get(tenant)
    if (held?.digest === digest) return held.value
    const source = (await catalog.inForce(tenant, signal))?.source
    const value = source && read(source)
    known.set(tenant, { digest, value })
    return value
  }
}
