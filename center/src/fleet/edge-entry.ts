import { type Static, Type } from '@sinclair/typebox'
import { asEdgeId, asTenantId, type EdgeId, type TenantId, YizhanError } from '@yizhan/kernel'
import type { StoredRecord } from '../storage/index.js'
import type { EdgeEntry } from './port.js'
import { fromStored, toStored } from './stored-json.js'

const EdgeSchema = Type.Object({
  tenants: Type.Array(Type.String()),
  site: Type.String(),
  revoked: Type.Boolean(),
  revokedBy: Type.Optional(Type.String()),
  revokedAt: Type.Optional(Type.Number()),
  enrolledAt: Type.Number(),
  /** Ids of the last join tokens that were used for it. */
  joinedBy: Type.Array(Type.String()),
  keys: Type.Array(Type.Object({ spkiSha256: Type.String(), notAfter: Type.Number() })),
  journalEpoch: Type.Optional(Type.String()),
  linkGeneration: Type.Number(),
  appliedRevision: Type.Number(),
  rejected: Type.Optional(
    Type.Object({ revision: Type.Number(), code: Type.String(), message: Type.String() }),
  ),
  lastSeenAt: Type.Number(),
  agentVersion: Type.Optional(Type.String()),
})

/** An edge as it lies in the system's store, under its id. */
export type StoredEdge = Static<typeof EdgeSchema>

export const EDGES = 'edges'

export function edgeToStored(edge: StoredEdge): Uint8Array {
  return toStored(edge)
}

/** Throws `data_corrupt`. */
export function edgeFromStored(record: StoredRecord): { readonly edgeId: EdgeId; readonly edge: StoredEdge } {
  const edgeId = asEdgeId(record.key)
  if (!edgeId) throw new YizhanError('data_corrupt', 'the edge registry holds a name that is no edge’s')
  return { edgeId, edge: fromStored(EdgeSchema, record.value, `the registry entry of ${edgeId}`) }
}

/** What the port shows of it. Throws `data_corrupt` for a tenant that is none. */
export function entryOf(edgeId: EdgeId, edge: StoredEdge): EdgeEntry {
  const { tenants, keys: _keys, joinedBy: _joined, revokedBy: _by, revokedAt: _at, ...rest } = edge
  return { edgeId, tenants: tenants.map(tenantOf), ...rest }
}

function tenantOf(name: string): TenantId {
  const tenant = asTenantId(name)
  if (!tenant) throw new YizhanError('data_corrupt', 'the edge registry holds a tenant that is none')
  return tenant
}
