import { YizhanError } from '@yizhan/kernel'
import type { Row, Scope } from './engine.js'
import type { LevelDatabase } from './level-database.js'
import {
  auditRange,
  headKey,
  type KeyRange,
  placeOfRecord,
  recordsRange,
  scopeRanges,
  sequenceOfAuditKey,
} from './level-key.js'
import type { LevelSnapshot } from './level-snapshot.js'
import { sequenceText } from './sequence.js'

export const ROW_PAGE_BYTES = 1024 * 1024
const READ = { limit: 1_000, maxBytes: ROW_PAGE_BYTES }

/** See `RecordUpkeep.rows`. Throws `data_corrupt` where records lie without a head. */
export async function* levelRows(
  database: LevelDatabase,
  scope: Scope,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  signal.throwIfAborted()
  const snapshot = await database.snapshot()
  try {
    const head = await snapshot.get(headKey(scope))
    if (!head) {
      if (!(await isEmpty(snapshot, scope))) {
        throw new YizhanError('data_corrupt', 'rows of a scope lie there without its head')
      }
      return
    }
    yield [{ kind: 'head', collection: '', key: '', bytes: head }]
    for await (const page of snapshotPages(snapshot, recordsRange(scope), signal)) {
      yield* cut(page.map(([key, bytes]) => ({ kind: 'record', ...placeOfRecord(scope, key), bytes })))
    }
    for await (const page of snapshotPages(snapshot, auditRange(scope), signal)) {
      yield* cut(
        page.map(([key, bytes]) => ({
          kind: 'audit',
          collection: '',
          key: sequenceText(sequenceOfAuditKey(scope, key)),
          bytes,
        })),
      )
    }
  } finally {
    await snapshot.close()
  }
}

/** Pairs of a range, about 1 MiB at a time. */
export async function* snapshotPages(
  snapshot: LevelSnapshot,
  range: KeyRange,
  signal: AbortSignal,
): AsyncGenerator<[Buffer, Uint8Array][]> {
  let after: Buffer | undefined
  for (;;) {
    signal.throwIfAborted()
    const page = await snapshot.page(range, { ...READ, ...(after ? { after } : {}) })
    if (page.length === 0) return
    yield page
    after = page.at(-1)?.[0]
  }
}

/** Whether a scope has nothing here, not even entries. */
export async function isEmpty(
  from: { keys(range: KeyRange, limit: number): Promise<Buffer[]> },
  scope: Scope,
): Promise<boolean> {
  for (const range of scopeRanges(scope)) if ((await from.keys(range, 1)).length > 0) return false
  return true
}

/** Pages of at most 1 MiB, or of one row. */
function* cut(rows: readonly Row[]): Generator<readonly Row[]> {
  let page: Row[] = []
  let bytes = 0
  for (const row of rows) {
    if (page.length > 0 && bytes + row.bytes.length > ROW_PAGE_BYTES) {
      yield page
      page = []
      bytes = 0
    }
    page.push(row)
    bytes += row.bytes.length
  }
  if (page.length > 0) yield page
}
