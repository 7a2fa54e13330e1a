import { type TenantId, YizhanError } from '@yizhan/kernel'
import { type AuditRecord, type ScopeHead, STORE_LIMITS, type Store } from '../storage/index.js'
import { type AuditFilter, isOpen, matches } from './audit-filter.js'
import { type ShownEntry, shownEntry } from './shown-entry.js'
import { firstSequenceAfter, lastSequenceBefore } from './time-search.js'

export interface AuditQuery extends AuditFilter {
  /** Default 100, at most 1,000. */
  readonly limit?: number
  /** Where a former page of the same query ended. */
  readonly cursor?: string
  /** Newest first. Default false. */
  readonly reverse?: boolean
  /** With what stood there before and after. Default false. */
  readonly snapshots?: boolean
}

export interface AuditPage {
  readonly entries: readonly ShownEntry[]
  /** Undefined once everything was looked at. A page may be short, or even empty, and still have one. */
  readonly cursor?: string
}

/** Entries that one call looks at before it gives back what it has. */
export const MAX_LOOKED_AT = 10_000

/**
 * The entries of a tenant that match. Throws `invalid_argument`, and `data_corrupt` where an entry is missing or
 * damaged (`verifyAudit` says which).
 */
export async function queryAudit(store: Store, tenant: TenantId, query: AuditQuery): Promise<AuditPage> {
  const { limit = STORE_LIMITS.scanDefault, reverse = false, snapshots = false, cursor, ...filter } = query
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > STORE_LIMITS.scanMax) {
    throw new YizhanError('invalid_argument', `the limit is not 1–${STORE_LIMITS.scanMax}`)
  }
  const start = cursor === undefined ? undefined : sequenceIn(cursor)
  const head = await store.head(tenant)
  if (!head) return { entries: [] }
  const { first, last } = await boundsOf(store, tenant, head, filter)
  const isWithin = (sequence: number) => sequence >= first && sequence <= last
  let next = start ?? (reverse ? last : first)
  // A cursor from before a pruning.
  if (!reverse) next = Math.max(next, first)
  const found: ShownEntry[] = []
  let bytes = 0
  let looked = 0
  while (isWithin(next) && found.length < limit && looked < MAX_LOOKED_AT && bytes < STORE_LIMITS.pageBytes) {
    const most = isOpen(filter) ? limit - found.length : STORE_LIMITS.scanMax
    const page = await store.audit(tenant, {
      from: next,
      reverse,
      limit: Math.min(most, MAX_LOOKED_AT - looked),
    })
    if (page.entries.length === 0) return { entries: found }
    for (const entry of page.entries) {
      if (!isWithin(entry.sequence) || found.length === limit) break
      looked += 1
      next = entry.sequence + (reverse ? -1 : 1)
      if (!matches(entry, filter)) continue
      found.push(shownEntry(tenant, entry, { snapshots }))
      if (snapshots) bytes += snapshotBytes(entry)
    }
  }
  return isWithin(next) ? { entries: found, cursor: String(next) } : { entries: found }
}

/** The entries that can match by their time. */
export async function boundsOf(
  store: Store,
  tenant: TenantId,
  head: ScopeHead,
  { from, to }: AuditFilter,
): Promise<{ readonly first: number; readonly last: number }> {
  const first = from === undefined ? head.auditFirst : await firstSequenceAfter(store, tenant, from)
  const last = to === undefined ? head.auditSequence : await lastSequenceBefore(store, tenant, to)
  // Entries that came meanwhile are for the next query.
  return { first: Math.max(first, head.auditFirst), last: Math.min(last, head.auditSequence) }
}

function sequenceIn(cursor: string): number {
  const sequence = /^[1-9]\d{0,15}$/.test(cursor) ? Number(cursor) : Number.NaN
  if (Number.isSafeInteger(sequence)) return sequence
  throw new YizhanError('invalid_argument', 'the cursor is not one that this list gave')
}

function snapshotBytes({ before, after }: AuditRecord): number {
  return (before?.length ?? 0) + (after?.length ?? 0)
}
