import type { AuditEntry, AuditRecord } from '../storage/index.js'

/** Which entries; all that is said must hold. */
export interface AuditFilter {
  /** Milliseconds since the Unix epoch, inclusive. */
  readonly from?: number
  /** Exclusive. */
  readonly to?: number
  readonly actor?: string
  readonly action?: AuditEntry['action']
  /** Collection and key; one that ends with `/` is the beginning of them. */
  readonly object?: string
  readonly requestId?: string
  /** Whose data the snapshots are. */
  readonly subject?: string
}

export function matches(entry: AuditRecord, filter: AuditFilter): boolean {
  const { from, to, object, ...exact } = filter
  if (from !== undefined && entry.time < from) return false
  if (to !== undefined && entry.time >= to) return false
  if (object !== undefined && !matchesObject(entry.object, object)) return false
  return (['actor', 'action', 'requestId', 'subject'] as const).every(
    (name) => exact[name] === undefined || exact[name] === entry[name],
  )
}

/** Every entry matches. */
export function isOpen(filter: AuditFilter): boolean {
  return Object.values(filter).every((value) => value === undefined)
}

function matchesObject(object: string, wanted: string): boolean {
  return wanted.endsWith('/') ? object.startsWith(wanted) : object === wanted
}
