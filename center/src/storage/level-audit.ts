import { type Logger, type Sealer, type TenantId, YizhanError } from '@yizhan/kernel'
import { AUDIT_COLLECTION, readAudit, type SealedAudit } from './audit-codec.js'
import { openAudit } from './audit-open.js'
import type { Cursors } from './cursor.js'
import type { LevelDatabase } from './level-database.js'
import { auditKey, auditRange, sequenceOfAuditKey } from './level-key.js'
import { STORE_LIMITS } from './limits.js'
import type { AuditOptions, AuditRecord, ScopeHead } from './port.js'
import { readSequence, sequenceText } from './sequence.js'

interface AuditDeps {
  readonly database: LevelDatabase
  readonly sealer: Sealer
  readonly cursors: Cursors
  readonly log: Logger
  head(): Promise<ScopeHead | undefined>
}

/** Entries that should be there and are not: `missing` of them from `firstMissing` on. */
interface Gap {
  readonly s: 'gap'
  readonly firstMissing: number
  readonly missing: number
  /** Goes on behind the gap; undefined if nothing is behind it. */
  readonly next: number | undefined
}

interface Found {
  readonly s: 'found'
  readonly sealed: readonly SealedAudit[]
  /** Sequence that the next page begins at. */
  readonly next: number | undefined
}

/** Entries are numbered without gaps, so that a lost one shows: `data_corrupt` with the cursor behind the gap. */
export async function levelAudit(
  deps: AuditDeps,
  tenant: TenantId,
  options: AuditOptions,
): Promise<{ readonly entries: readonly AuditRecord[]; readonly cursor?: string }> {
  const { cursors, sealer, log } = deps
  const place = { scope: tenant, collection: AUDIT_COLLECTION, query: options.reverse ? 'reverse' : '' }
  const { cursor } = options
  const after = cursor === undefined ? undefined : readSequence(cursors.read(place, cursor))
  const cursorAt = (next: number | undefined) =>
    next === undefined ? {} : { cursor: cursors.make(place, sequenceText(next)) }
  let head = await deps.head()
  for (;;) {
    if (!head) return { entries: [] }
    const page = await readPage(deps.database, tenant, head, options, after)
    if (page.s === 'found') {
      return { entries: await openAudit(tenant, page.sealed, sealer), ...cursorAt(page.next) }
    }
    // Pruned between the reading of the head and that of the entries: no loss.
    const now = await deps.head()
    if (now && now.auditFirst > head.auditFirst) {
      head = now
      continue
    }
    const { firstMissing, missing, next } = page
    log.error({ tenant, missing, firstMissing }, 'audit entries are missing')
    throw new YizhanError('data_corrupt', `${missing} audit entries of ${tenant} are missing`, {
      details: { tenant, firstMissing, missing, ...cursorAt(next) },
    })
  }
}

async function readPage(
  database: LevelDatabase,
  tenant: TenantId,
  head: ScopeHead,
  { limit = STORE_LIMITS.scanDefault, reverse = false, from }: AuditOptions,
  after: number | undefined,
): Promise<Found | Gap> {
  const asked = after ?? from ?? (reverse ? head.auditSequence : head.auditFirst)
  const start = reverse ? Math.min(asked, head.auditSequence) : Math.max(asked, head.auditFirst)
  const step = reverse ? -1 : 1
  const last = reverse ? head.auditFirst : head.auditSequence
  const range = reverse
    ? { gte: auditKey(tenant, Math.max(head.auditFirst, start - limit + 1)), lt: auditKey(tenant, start + 1) }
    : { gte: auditKey(tenant, start), lt: auditRange(tenant).lt }
  const pairs = await database.page(range, { limit, maxBytes: STORE_LIMITS.pageBytes, reverse })
  const sealed: SealedAudit[] = []
  for (const [levelKey, bytes] of pairs) {
    const sequence = sequenceOfAuditKey(tenant, levelKey)
    const expected = start + step * sealed.length
    if (sequence !== expected) return gap(expected, sequence - step, sequence)
    sealed.push(readAudit(sequence, bytes))
  }
  const next = start + step * sealed.length
  const ended = reverse ? next < last : next > last
  const full = sealed.length === limit || sizeOf(pairs) > STORE_LIMITS.pageBytes
  // What the head counts must be there: otherwise the tail, or the beginning, was cut.
  if (!ended && !full) return gap(next, last, undefined)
  return { s: 'found', sealed, next: ended ? undefined : next }
}

/** Both ends are missing themselves; in the order of the reading. */
function gap(from: number, to: number, next: number | undefined): Gap {
  return { s: 'gap', firstMissing: Math.min(from, to), missing: Math.abs(to - from) + 1, next }
}

function sizeOf(pairs: readonly (readonly [Buffer, Uint8Array])[]): number {
  return pairs.reduce((sum, [, value]) => sum + value.length, 0)
}
