import type { Sealer } from '@yizhan/kernel'
import type { Scope, ScopeCheck } from './engine.js'
import { ScopeIntegrity } from './integrity.js'
import { entryKeys } from './level-commit.js'
import type { LevelDatabase } from './level-database.js'
import {
  auditRange,
  entryRanges,
  headKey,
  placeOfAnyEntry,
  placeOfRecord,
  recordKey,
  recordsRange,
  sequencePart,
} from './level-key.js'
import { snapshotPages } from './level-rows.js'
import type { LevelSnapshot } from './level-snapshot.js'
import { readRecord } from './record-codec.js'

/** See `RecordUpkeep.check`: everything in one view, beside writes that go on. */
export async function levelCheck(
  deps: { readonly database: LevelDatabase; readonly sealer: Sealer },
  scope: Scope,
  signal: AbortSignal,
): Promise<ScopeCheck> {
  signal.throwIfAborted()
  const snapshot = await deps.database.snapshot()
  try {
    const integrity = new ScopeIntegrity(scope, deps.sealer)
    await integrity.head(await snapshot.get(headKey(scope)))
    const expected = await checkRecords(snapshot, scope, integrity, signal)
    await checkEntries(snapshot, scope, expected, integrity, signal)
    for await (const page of snapshotPages(snapshot, auditRange(scope), signal)) {
      await integrity.audit(page.map(([key, bytes]) => ({ key: sequencePart(scope, key), bytes })))
    }
    return integrity.finish()
  } finally {
    await snapshot.close()
  }
}

/** Looks for the entries that every record must have; how many those are. */
async function checkRecords(
  snapshot: LevelSnapshot,
  scope: Scope,
  integrity: ScopeIntegrity,
  signal: AbortSignal,
): Promise<number> {
  let expected = 0
  for await (const page of snapshotPages(snapshot, recordsRange(scope), signal)) {
    const rows = page.map(([levelKey, bytes]) => ({ ...placeOfRecord(scope, levelKey), bytes }))
    const headers = await integrity.records(rows)
    for (const [i, { collection, key }] of rows.entries()) {
      const header = headers[i]
      const entries = header ? entryKeys(scope, collection, key, header) : []
      if (entries.length === 0) continue
      expected += entries.length
      const missing = (await snapshot.hasMany(entries)).filter((there) => !there).length
      if (missing > 0) {
        expected -= missing
        integrity.problem({
          what: 'index_differs',
          collection,
          key,
          detail: `${missing} index entries are missing`,
        })
      }
    }
  }
  return expected
}

/** Counts the entries, and looks for what each stands for only if there are too many. */
async function checkEntries(
  snapshot: LevelSnapshot,
  scope: Scope,
  expected: number,
  integrity: ScopeIntegrity,
  signal: AbortSignal,
): Promise<void> {
  let found = 0
  for (const range of entryRanges(scope)) {
    for await (const page of snapshotPages(snapshot, range, signal)) found += page.length
  }
  if (found === expected) return
  for (const range of entryRanges(scope)) {
    for await (const page of snapshotPages(snapshot, range, signal)) {
      for (const [levelKey] of page) {
        const { collection, key } = placeOfAnyEntry(levelKey)
        if (!(await belongs(snapshot, scope, collection, key, levelKey))) {
          integrity.problem({
            what: 'index_differs',
            collection,
            key,
            detail: 'an index entry stands for no record',
          })
        }
      }
    }
  }
}

async function belongs(
  snapshot: LevelSnapshot,
  scope: Scope,
  collection: string,
  key: string,
  levelKey: Buffer,
): Promise<boolean> {
  const bytes = await snapshot.get(recordKey(scope, collection, key))
  if (!bytes) return false
  try {
    return entryKeys(scope, collection, key, readRecord(bytes).header).some((entry) => entry.equals(levelKey))
  } catch {
    // A damaged record was told already.
    return true
  }
}
