import { type Clock, type TenantId, YizhanError } from '@yizhan/kernel'
import type { Change, RecordPlace, Store, StoredRecord } from '../storage/index.js'
import { privacyEntry } from './audit-entry.js'
import type { By } from './port.js'

/** How many records by collection. */
export type Counts = Readonly<Record<string, number>>

const PAGE = 200
const MAX_CONFLICTS = 10

/** Every record of a person, page by page; those that have expired or cannot be opened any more are left out. */
export async function* recordsOf(
  store: Store,
  tenant: TenantId,
  subject: string,
  signal: AbortSignal,
  wanted: (collection: string) => boolean = () => true,
): AsyncIterable<StoredRecord & { readonly collection: string }> {
  let cursor: string | undefined
  do {
    signal.throwIfAborted()
    const page = await store.places(tenant, { subject }, pageOf(cursor))
    for (const { collection, key } of page.places) {
      if (!wanted(collection)) continue
      const record = await store.get(tenant, collection, key)
      // Deleted, or made another person's, since the page was read.
      if (record?.subject === subject) yield { ...record, collection }
    }
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** Every record of a person that lies on disk, whether it can be opened or not. */
export async function countRecordsOf(
  store: Store,
  tenant: TenantId,
  subject: string,
  signal: AbortSignal,
): Promise<Counts> {
  const total: Record<string, number> = {}
  let cursor: string | undefined
  do {
    signal.throwIfAborted()
    const page = await store.places(tenant, { subject }, pageOf(cursor))
    for (const { collection } of page.places) total[collection] = (total[collection] ?? 0) + 1
    cursor = page.cursor
  } while (cursor !== undefined)
  return total
}

/** Deletes all that `countRecordsOf` counts, with an audit entry a page. Goes on where it was broken off. */
export async function deleteRecordsOf(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  tenant: TenantId,
  subject: string,
  by: By,
  signal: AbortSignal,
): Promise<void> {
  let conflicts = 0
  for (;;) {
    signal.throwIfAborted()
    // Always the first page: what it held is gone by the next.
    const { places } = await store.places(tenant, { subject }, pageOf(undefined))
    if (places.length === 0) return
    const after = { deleted: countsOf(places) }
    const entry = privacyEntry(clock, by, 'DELETE', `subjects/${subject}`, { after })
    try {
      await store.batch(tenant, deletions(places, clock.wall()), entry)
    } catch (thrown) {
      if (!(thrown instanceof YizhanError && thrown.code === 'conflict') || ++conflicts > MAX_CONFLICTS)
        throw thrown
    }
  }
}

/** Of exactly these versions: what was written meanwhile, perhaps for another person, stays. */
export function deletions(places: readonly RecordPlace[], now: number): Change[] {
  return places.map(({ collection, key, version, expiresAt }) => ({
    op: 'delete',
    collection,
    key,
    // One that has expired is as if it were not there.
    expectedVersion: expiresAt !== undefined && expiresAt <= now ? 0 : version,
  }))
}

export function countsOf(places: readonly RecordPlace[]): Counts {
  const counts: Record<string, number> = {}
  for (const { collection } of places) counts[collection] = (counts[collection] ?? 0) + 1
  return counts
}

function pageOf(cursor: string | undefined) {
  return { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }
}
