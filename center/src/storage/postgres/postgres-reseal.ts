import type { Sealer } from '@yizhan/kernel'
import type { Scope } from '../engine.js'
import { readRecord } from '../record-codec.js'
import { damagedWhileResealing, type Resealed, resealRows } from '../reseal-plan.js'
import { resealedHead } from '../scope-head.js'
import type { PostgresCommitter } from './postgres-commit.js'
import { recordPages } from './postgres-rows.js'
import { storedBytes, textOf } from './row-value.js'
import type { SessionPool } from './session-pool.js'
import { HEAD, readRows, rowsOf } from './transaction.js'

export interface ResealDeps {
  readonly pool: SessionPool
  readonly sealer: Sealer
  readonly committer: PostgresCommitter
  /** Takes its turn among the commits of the scope. */
  inTurn<T>(scope: Scope, work: () => Promise<T>): Promise<T>
}

/**
 * See `RecordUpkeep.reseal`. A page is sealed beside the commits; in its turn only what nobody has changed meanwhile is
 * written. Throws `data_corrupt` at the end if some could not be opened.
 */
export async function postgresReseal(
  deps: ResealDeps,
  scope: Scope,
  signal: AbortSignal,
): Promise<{ readonly resealed: number }> {
  const { pool, sealer } = deps
  let count = 0
  let damaged = 0
  for await (const page of recordPages((statement) => readRows(pool, scope, statement), scope, signal)) {
    const rows = page.map((row) => ({
      collection: textOf(row, 'collection'),
      key: textOf(row, 'key'),
      bytes: storedBytes(row),
    }))
    const sealed = await resealRows(sealer, scope, rows)
    damaged += sealed.damaged
    count += await replace(deps, scope, sealed.resealed)
  }
  // The head too goes under the newest key, also where there are no records.
  const head = await readRows(pool, scope, { ...HEAD, values: [rowsOf(scope)] })
  if (head.length > 0) await replace(deps, scope, [])
  if (damaged > 0) throw damagedWhileResealing(count, damaged)
  return { resealed: count }
}

function replace(
  { committer, inTurn }: ResealDeps,
  scope: Scope,
  resealed: readonly Resealed[],
): Promise<number> {
  return inTurn(scope, () =>
    committer.rewrite(
      scope,
      resealed.map(({ row }) => row),
      async (head, stored) => {
        const unchanged = resealed.flatMap(({ row, after }, i) => {
          const before = stored[i]
          return before && Buffer.compare(before, row.bytes) === 0 ? [{ row, before, after }] : []
        })
        const records = unchanged.map(({ row, after }) => {
          const { header } = readRecord(after)
          return {
            collection: row.collection,
            key: row.key,
            before: header,
            after: { header, bytes: after },
          }
        })
        return { head: resealedHead(head, unchanged), records, answer: unchanged.length }
      },
    ),
  )
}
