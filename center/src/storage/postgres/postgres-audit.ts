import { type Logger, type Sealer, type TenantId, YizhanError } from '@yizhan/kernel'
import { AUDIT_COLLECTION, readAudit, type SealedAudit } from '../audit-codec.js'
import { openAudit } from '../audit-open.js'
import type { CursorPlace } from '../cursor.js'
import { STORE_LIMITS } from '../limits.js'
import type { AuditOptions, AuditRecord, ScopeHead } from '../port.js'
import { openHead } from '../scope-head.js'
import { readSequence, sequenceText } from '../sequence.js'
import type { ScanDeps } from './postgres-scan.js'
import { numberOf, storedBytes } from './row-value.js'
import { HEAD, type Read, readView, rowsOf } from './transaction.js'

export interface AuditDeps extends ScanDeps {
  readonly sealer: Sealer
  readonly log: Logger
}

const page = (direction: 'ASC' | 'DESC') => ({
  name: `audit ${direction}`,
  text: `SELECT sequence, bytes, before FROM (
    SELECT sequence, bytes, coalesce(sum(octet_length(bytes)) OVER (ORDER BY sequence ${direction}
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::int8 AS before
    FROM (SELECT sequence, bytes FROM yizhan.audit WHERE tenant_id = $1 AND sequence BETWEEN $2 AND $3
      ORDER BY sequence ${direction} LIMIT $4) p) q
    WHERE before <= ${STORE_LIMITS.pageBytes} ORDER BY sequence ${direction}`,
})
const FORWARD = page('ASC')
const BACKWARD = page('DESC')

/** Entries are numbered without gaps, so that a lost one shows: `data_corrupt` with the cursor behind the gap. */
export async function postgresAudit(
  deps: AuditDeps,
  tenant: TenantId,
  options: AuditOptions,
): Promise<{ readonly entries: readonly AuditRecord[]; readonly cursor?: string }> {
  const place = placeOf(tenant, options)
  const after = options.cursor === undefined ? undefined : deps.cursors.read(place, options.cursor)
  // Head and entries of one moment: a pruning between the two would look like a gap.
  return readView(deps.pool, tenant, async (read) => {
    const [row] = await read({ ...HEAD, values: [rowsOf(tenant)] })
    if (!row) return { entries: [] }
    const head = await openHead(deps.sealer, tenant, storedBytes(row))
    const from = after === undefined ? options.from : readSequence(after)
    return entriesOf(deps, tenant, head, { ...options, from }, read)
  })
}

function placeOf(tenant: TenantId, { reverse = false }: AuditOptions): CursorPlace {
  return { scope: tenant, collection: AUDIT_COLLECTION, query: reverse ? 'reverse' : '' }
}

async function entriesOf(
  { cursors, sealer, log }: AuditDeps,
  tenant: TenantId,
  head: ScopeHead,
  options: Omit<AuditOptions, 'from'> & { readonly from: number | undefined },
  read: Read,
): Promise<{ readonly entries: readonly AuditRecord[]; readonly cursor?: string }> {
  const { from, limit = STORE_LIMITS.scanDefault, reverse = false } = options
  const place = placeOf(tenant, { reverse })
  const asked = reverse ? Math.min(from ?? head.auditSequence, head.auditSequence) : (from ?? head.auditFirst)
  const first = reverse ? Math.max(head.auditFirst, asked - limit + 1) : Math.max(head.auditFirst, asked)
  const last = reverse ? asked : Number.MAX_SAFE_INTEGER
  const rows = await read({
    ...(reverse ? BACKWARD : FORWARD),
    values: [rowsOf(tenant), first, last, limit],
  })
  const start = reverse ? asked : first
  const step = reverse ? -1 : 1
  const gap = (expected: number, found: number, behind?: string) => {
    const error = missingEntries(tenant, expected, found, behind)
    log.error({ tenant, ...error.details, cursor: undefined }, 'audit entries are missing')
    return error
  }
  const sealed: SealedAudit[] = rows.map((row, i) => {
    const sequence = numberOf(row, 'sequence')
    if (sequence !== start + step * i) {
      throw gap(start + step * i, sequence, cursors.make(place, sequenceText(sequence)))
    }
    return readAudit(sequence, storedBytes(row))
  })
  const reached = start + step * sealed.length
  const ended = reverse ? reached < head.auditFirst : reached > head.auditSequence
  const lastRow = rows.at(-1)
  const bytes = lastRow ? numberOf(lastRow, 'before') + storedBytes(lastRow).length : 0
  if (!ended && sealed.length < limit && bytes <= STORE_LIMITS.pageBytes) {
    // What the head counts must be there: the tail was cut.
    throw gap(reached, (reverse ? head.auditFirst : head.auditSequence) + step)
  }
  const entries = await openAudit(tenant, sealed, sealer)
  return ended ? { entries } : { entries, cursor: cursors.make(place, sequenceText(reached)) }
}

function missingEntries(tenant: TenantId, expected: number, found: number, cursor?: string): YizhanError {
  const missing = Math.abs(found - expected)
  const firstMissing = Math.min(expected, found + (found < expected ? 1 : 0))
  return new YizhanError('data_corrupt', `${missing} audit entries of ${tenant} are missing`, {
    details: { tenant, firstMissing, missing, ...(cursor === undefined ? {} : { cursor }) },
  })
}
