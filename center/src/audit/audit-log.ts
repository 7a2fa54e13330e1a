import { type Clock, type TenantId, YizhanError } from '@yizhan/kernel'
import type { Signer } from '../fleet/index.js'
import type { Row, Store } from '../storage/index.js'
import { anchorKeys, checkAnchor, type SignedAnchor } from './anchor.js'
import type { AuditFilter } from './audit-filter.js'
import type { AuditVerdict } from './chain-walk.js'
import { differenceByPath, type PathChange } from './difference-by-path.js'
import { exportCsv } from './export-csv.js'
import { type ExportRange, exportJsonl } from './export-jsonl.js'
import { type AuditPage, type AuditQuery, boundsOf, queryAudit } from './query.js'
import { type ShownEntry, shownEntry } from './shown-entry.js'
import { verifyAudit } from './verify.js'

/** Who reads; stands in the audit itself once snapshots are shown. */
export interface AuditReader {
  readonly actor: string
  readonly requestId?: string
}

export interface ShownInFull extends ShownEntry {
  /** What differs between the snapshots; missing once they are erased. */
  readonly difference?: readonly PathChange[]
}

export interface AuditKey {
  readonly keyId: string
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string
}

/**
 * The audits of the tenants, for people. Whoever sees snapshots leaves an entry READ `audit/<range>` first, one a call;
 * if that cannot be written, nothing is shown.
 */
export interface AuditLog {
  query(tenant: TenantId, query: AuditQuery, reader: AuditReader): Promise<AuditPage>
  /** With snapshots. Undefined if there is no such entry, or not any more. */
  entry(tenant: TenantId, sequence: number, reader: AuditReader): Promise<ShownInFull | undefined>
  /** Against the store's head, the anchors that are known here, and these; `data_corrupt` if one of these is not genuine. */
  verify(tenant: TenantId, anchors: readonly SignedAnchor[], signal: AbortSignal): Promise<AuditVerdict>
  /** Nothing is read before the READ entry is durable; the text is made while it is read. */
  export(
    tenant: TenantId,
    options: { readonly format: 'jsonl' | 'csv'; readonly filter: AuditFilter },
    reader: AuditReader,
    signal: AbortSignal,
  ): Promise<AsyncIterable<string>>
  /** What anchors and exports are verified with. */
  keys(): readonly AuditKey[]
}

export interface AuditLogDeps {
  readonly store: Store
  /** See `StorageUpkeep.rows`. */
  readonly rows: (tenant: TenantId, signal: AbortSignal) => AsyncIterable<readonly Row[]>
  readonly signer: Signer
  /** Anchors that are known here, checked. */
  readonly anchors: (tenant: TenantId) => Promise<readonly SignedAnchor[]>
  readonly clock: Clock
}

export function createAuditLog(deps: AuditLogDeps): AuditLog {
  const { store, signer, clock } = deps

  const noteReading = async (tenant: TenantId, range: string, { actor, requestId }: AuditReader) => {
    await store.batch(tenant, [], {
      time: clock.wall(),
      actor,
      action: 'READ',
      object: `audit/${range}`,
      ...(requestId === undefined ? {} : { requestId }),
    })
  }

  return {
    async query(tenant, query, reader) {
      const page = await queryAudit(store, tenant, query)
      const shown = page.entries.filter(({ before, after }) => before !== undefined || after !== undefined)
      const [first, last] = [shown[0]?.sequence, shown.at(-1)?.sequence]
      if (first !== undefined && last !== undefined) {
        await noteReading(tenant, rangeText(Math.min(first, last), Math.max(first, last)), reader)
      }
      return page
    },

    async entry(tenant, sequence, reader) {
      const [found] = (await store.audit(tenant, { from: sequence, limit: 1 })).entries
      if (found?.sequence !== sequence) return undefined
      const entry = shownEntry(tenant, found, { snapshots: true })
      const { before, after, erased } = entry
      if (before ?? after) await noteReading(tenant, String(sequence), reader)
      return erased ? entry : { ...entry, difference: differenceByPath(before, after) }
    },

    async verify(tenant, given, signal) {
      const known = await deps.anchors(tenant)
      return verifyAudit(
        {
          rows: deps.rows(tenant, signal),
          head: () => store.head(tenant),
          anchors: [...known, ...genuine(given, tenant, signer)],
          opens: (sequence) => opens(store, tenant, sequence),
        },
        signal,
      )
    },

    async export(tenant, { format, filter }, reader, signal) {
      const time = clock.wall()
      const head = await store.head(tenant)
      const bounds = head ? await boundsOf(store, tenant, head, filter) : { first: 1, last: 0 }
      const range: ExportRange = { tenant, filter, time, head, ...bounds }
      if (bounds.first <= bounds.last) {
        await noteReading(tenant, rangeText(bounds.first, bounds.last), reader)
      }
      return format === 'csv' ? exportCsv(store, range, signal) : exportJsonl(deps, range, signal)
    },

    keys: () =>
      [...anchorKeys(signer.publicKeys)].map(([keyId, key]) => {
        return { keyId, publicKey: key.export({ type: 'spki', format: 'pem' }).toString() }
      }),
  }
}

function rangeText(first: number, last: number): string {
  return first === last ? String(first) : `${first}-${last}`
}

/** Those of the tenant. A forged one proves nothing, and whoever gave it must know. */
function genuine(given: readonly SignedAnchor[], tenant: TenantId, signer: Signer): SignedAnchor[] {
  const keys = anchorKeys(signer.publicKeys)
  const own = given.filter((anchor) => anchor.tenant === tenant)
  for (const anchor of own) {
    const check = checkAnchor(anchor, keys)
    if (check === 'valid') continue
    const why = check === 'altered' ? 'was altered' : 'is signed by another key'
    throw new YizhanError('data_corrupt', `the anchor of entry ${anchor.sequence} ${why}`, {
      details: { sequence: anchor.sequence, keyId: anchor.keyId },
    })
  }
  return own
}

async function opens(store: Store, tenant: TenantId, sequence: number): Promise<boolean> {
  try {
    return (await store.audit(tenant, { from: sequence, limit: 1 })).entries[0]?.sequence === sequence
  } catch (thrown) {
    if (thrown instanceof YizhanError && thrown.code === 'data_corrupt') return false
    throw thrown
  }
}
