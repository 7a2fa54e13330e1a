import type { TenantId } from '@yizhan/kernel'
import { stringify } from 'csv-stringify/sync'
import type { AuditRecord, Store } from '../storage/index.js'
import { matches } from './audit-filter.js'
import type { ExportRange } from './export-jsonl.js'
import { shownEntry } from './shown-entry.js'
import { snapshotText } from './snapshot.js'

const COLUMNS = [
  'time',
  'actor',
  'action',
  'object',
  'before',
  'after',
  'requestId',
  'subject',
  'tenant',
  'sequence',
  'hash',
] as const
/** Spreadsheet programs run a cell that starts so. */
const FORMULA = /^'*[=+\-@\t\r]/
const PAGE = 1_000

/** A table in UTF-8 with a byte order mark, a page at a time. It has no signature: for people, not for proof. */
export async function* exportCsv(
  store: Pick<Store, 'audit'>,
  { tenant, filter, first, last }: ExportRange,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield stringify([COLUMNS], { bom: true, record_delimiter: '\r\n' })
  for (let next = first; next <= last; ) {
    signal.throwIfAborted()
    const { entries } = await store.audit(tenant, { from: next, limit: PAGE })
    const rows = entries.filter((entry) => entry.sequence <= last && matches(entry, filter))
    if (rows.length > 0) yield tableOf(rows.map((entry) => cellsOf(tenant, entry)))
    const end = entries.at(-1)
    if (!end) return
    next = end.sequence + 1
  }
}

function cellsOf(tenant: TenantId, entry: AuditRecord): string[] {
  const shown = shownEntry(tenant, entry, { snapshots: true })
  const { before, after } = shown
  const erased = shown.erased ? 'erased' : ''
  const cells: Record<(typeof COLUMNS)[number], string> = {
    time: shown.time,
    actor: shown.actor,
    action: shown.action,
    object: shown.object,
    before: before ? snapshotText(before) : erased,
    after: after ? snapshotText(after) : erased,
    requestId: shown.requestId ?? '',
    subject: shown.subject ?? '',
    tenant,
    sequence: String(shown.sequence),
    hash: shown.hash,
  }
  return COLUMNS.map((column) => cells[column])
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const guarded = rows.map((row) => row.map((cell) => (FORMULA.test(cell) ? `'${cell}` : cell)))
  return stringify(guarded, { record_delimiter: '\r\n', quoted_match: /[\r\n]/ })
}
