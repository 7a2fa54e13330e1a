import { type TenantId, YizhanError } from '@yizhan/kernel'
import type { Signer } from '../fleet/index.js'
import { type AuditRecord, type Row, readSequence, type ScopeHead, type Store } from '../storage/index.js'
import { signAnchor } from './anchor.js'
import { type AuditFilter, isOpen, matches } from './audit-filter.js'
import { lineDigest, signEnd } from './export-format.js'
import { shownEntry } from './shown-entry.js'

export interface ExportDeps {
  readonly store: Pick<Store, 'audit'>
  readonly rows: (tenant: TenantId, signal: AbortSignal) => AsyncIterable<readonly Row[]>
  readonly signer: Signer
}

/** What of a tenant's audit; `head` as it was when the export began: later entries are left out. */
export interface ExportRange {
  readonly tenant: TenantId
  readonly filter: AuditFilter
  /** Milliseconds since the Unix epoch, from before the head was read. */
  readonly time: number
  readonly head: ScopeHead | undefined
  /** Sequence numbers, both inclusive, that the filter can match. */
  readonly first: number
  readonly last: number
}

/**
 * A start, a line of JSON for each entry with what is sealed of it, and a signed end: what `checkExport` verifies on any
 * machine. Holds a page at a time. Throws `data_corrupt`, and `unavailable` if entries were pruned meanwhile.
 */
export async function* exportJsonl(
  deps: ExportDeps,
  range: ExportRange,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { signer } = deps
  const { tenant, filter, head } = range
  let digest = ''
  let entries = 0
  const line = (value: Record<string, unknown>) => {
    digest = lineDigest(digest, value)
    return `${JSON.stringify({ ...value, line: digest })}\n`
  }
  const time = new Date(range.time).toISOString()
  yield line({ export: { v: 1, tenant, filtered: !isOpen(filter), time } })
  for await (const { entry, sealed } of sealedEntries(deps, range, signal)) {
    if (!matches(entry, filter)) continue
    entries += 1
    const shown = shownEntry(tenant, entry, { snapshots: true })
    yield line({ ...shown, sealed: Buffer.from(sealed).toString('base64') })
  }
  const anchor =
    head && head.auditSequence > 0
      ? {
          head: signAnchor(
            signer,
            tenant,
            { sequence: head.auditSequence, hash: head.auditHash },
            range.time,
          ),
        }
      : {}
  yield `${JSON.stringify(signEnd(signer, { tenant, entries, digest, ...anchor, time }))}\n`
}

/** Entries as they lie beside what they say. */
async function* sealedEntries(
  { store, rows }: ExportDeps,
  { tenant, first, last }: ExportRange,
  signal: AbortSignal,
): AsyncGenerator<{ readonly entry: AuditRecord; readonly sealed: Uint8Array }> {
  for await (const page of rows(tenant, signal)) {
    const sealed = page.flatMap(({ kind, key, bytes }) => {
      const sequence = kind === 'audit' ? readSequence(key) : 0
      return sequence >= first && sequence <= last ? [{ sequence, bytes }] : []
    })
    for (let at = 0; at < sealed.length; ) {
      signal.throwIfAborted()
      const from = sealed[at]?.sequence ?? 0
      const limit = Math.min(sealed.length - at, 1_000)
      const { entries } = await store.audit(tenant, { from, limit })
      for (const entry of entries) {
        const row = sealed[at]
        if (row?.sequence !== entry.sequence) throw pruned()
        at += 1
        yield { entry, sealed: row.bytes }
      }
      if (entries.length === 0) throw pruned()
    }
  }
}

function pruned(): YizhanError {
  return new YizhanError('unavailable', 'entries were pruned while they were exported', {
    hint: 'export again',
  })
}
