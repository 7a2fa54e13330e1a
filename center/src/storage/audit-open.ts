import type { Sealer, TenantId } from '@yizhan/kernel'
import {
  auditHeadItem,
  auditHeadOf,
  auditRecord,
  auditSnapshotItems,
  type SealedAudit,
} from './audit-codec.js'
import type { AuditRecord } from './port.js'

/** Opens entries in two passes: their heads, then their snapshots, whose person only the head names. */
export async function openAudit(
  tenant: TenantId,
  entries: readonly SealedAudit[],
  sealer: Sealer,
): Promise<AuditRecord[]> {
  const opened = await sealer.openAll(entries.map((entry) => auditHeadItem(tenant, entry)))
  const heads = entries.map(({ sequence }, i) => auditHeadOf(sequence, opened[i]))
  const items = entries.map((entry, i) => {
    const head = heads[i]
    return head ? auditSnapshotItems(tenant, entry, head) : []
  })
  const snapshots = await sealer.openAll(items.flat())
  let at = 0
  return entries.map((entry, i) => {
    const count = items[i]?.length ?? 0
    const own = snapshots.slice(at, at + count)
    at += count
    const head = heads[i] as (typeof heads)[number]
    return auditRecord(entry, head, own)
  })
}
