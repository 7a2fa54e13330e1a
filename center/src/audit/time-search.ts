import type { TenantId } from '@yizhan/kernel'
import type { ScopeHead, Store } from '../storage/index.js'

/**
 * How far the clock may have gone back between two entries. Entries are in the order of their writing, so that their
 * times nearly are too; a search by time trusts an entry only when it is this much away from the time that is looked for.
 */
export const CLOCK_SLACK_MS = 21 * 86_400_000

type AuditReader = Pick<Store, 'audit' | 'head'>

/**
 * The first entry that may be as young as `time` (milliseconds since the Unix epoch): every one before it is older, as
 * long as the clock never went back by more than `CLOCK_SLACK_MS`. One behind the last if all are older; 1 without any.
 */
export async function firstSequenceAfter(
  store: AuditReader,
  tenant: TenantId,
  time: number,
): Promise<number> {
  const head = await store.head(tenant)
  if (!head) return 1
  return firstWhere(store, tenant, head, (at) => at >= time - CLOCK_SLACK_MS)
}

/** The last entry that may be as old as `time`: every one behind it is younger, by the same rule. */
export async function lastSequenceBefore(
  store: AuditReader,
  tenant: TenantId,
  time: number,
): Promise<number> {
  const head = await store.head(tenant)
  if (!head) return 0
  return (await firstWhere(store, tenant, head, (at) => at > time + CLOCK_SLACK_MS)) - 1
}

/** By halves: at most 53 entries are read. */
async function firstWhere(
  store: AuditReader,
  tenant: TenantId,
  { auditFirst, auditSequence }: ScopeHead,
  holds: (time: number) => boolean,
): Promise<number> {
  let low = auditFirst
  let high = auditSequence + 1
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2)
    const [entry] = (await store.audit(tenant, { from: middle, limit: 1 })).entries
    if (entry && !holds(entry.time)) low = middle + 1
    else high = middle
  }
  return low
}
