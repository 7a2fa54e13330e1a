import type { TenantId } from '@yizhan/kernel'
import type { AuditRecord } from '../storage/index.js'
import { type Snapshot, snapshotOf } from './snapshot.js'

/** An entry for people and programs. */
export interface ShownEntry {
  readonly tenant: TenantId
  readonly sequence: number
  /** ISO 8601. */
  readonly time: string
  readonly actor: string
  readonly action: AuditRecord['action']
  /** Collection and key. */
  readonly object: string
  readonly requestId?: string
  /** Whose data the snapshots are. */
  readonly subject?: string
  readonly before?: Snapshot
  readonly after?: Snapshot
  /** The snapshots were emptied by an erasure. */
  readonly erased?: true
  /** Hex SM3: the chain. */
  readonly hash: string
  /** Of an apply: what of the tenant's directory it changed, cut to the first `MAX_CHANGES`. */
  readonly changes?: readonly Readonly<Record<string, unknown>>[]
  /** How many there are altogether, as far as the entry kept them. */
  readonly changeCount?: number
}

export const MAX_CHANGES = 20
// As the catalog writes it.
const APPLIED = 'tenants/current'

export function shownEntry(
  tenant: TenantId,
  entry: AuditRecord,
  options: { readonly snapshots: boolean },
): ShownEntry {
  const { sequence, time, actor, action, object, requestId, subject, erased, hash } = entry
  const before = entry.before && snapshotOf(entry.before)
  const after = entry.after && snapshotOf(entry.after)
  const applied = object === APPLIED ? changesIn(after) : undefined
  return {
    tenant,
    sequence,
    time: new Date(time).toISOString(),
    actor,
    action,
    object,
    ...(requestId === undefined ? {} : { requestId }),
    ...(subject === undefined ? {} : { subject }),
    ...(options.snapshots && before ? { before } : {}),
    ...(options.snapshots && after ? { after } : {}),
    ...(erased ? { erased } : {}),
    hash,
    ...(applied ? { changes: applied.slice(0, MAX_CHANGES), changeCount: applied.length } : {}),
  }
}

/** Names of intents, cards and the like: what the author of a directory wrote, no person's data. */
function changesIn(after: Snapshot | undefined): Record<string, unknown>[] | undefined {
  if (!after || !('json' in after) || !isMap(after.json)) return undefined
  const { diff } = after.json
  return Array.isArray(diff) ? diff.filter(isMap) : undefined
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
