import type { Sealer } from '@yizhan/kernel'
import type { Scope } from './engine.js'
import type { LevelCommitter } from './level-commit.js'
import type { LevelDatabase } from './level-database.js'
import { placeOfRecord, recordKey, recordsRange } from './level-key.js'
import { damagedWhileResealing, type Resealed, resealRows } from './reseal-plan.js'
import { resealedHead } from './scope-head.js'

const PAGE = { limit: 500, maxBytes: 1024 * 1024 }

export interface ResealDeps {
  readonly database: LevelDatabase
  readonly sealer: Sealer
  readonly committer: LevelCommitter
  /** Takes its turn among the commits. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
}

/**
 * See `RecordUpkeep.reseal`. A page is sealed beside the commits; in its turn only what nobody has changed meanwhile is
 * written. Throws `data_corrupt` at the end if some could not be opened.
 */
export async function levelReseal(
  deps: ResealDeps,
  scope: Scope,
  signal: AbortSignal,
): Promise<{ readonly resealed: number }> {
  let count = 0
  let damaged = 0
  let after: Buffer | undefined
  for (;;) {
    signal.throwIfAborted()
    const page = await deps.database.page(recordsRange(scope), { ...PAGE, ...(after ? { after } : {}) })
    const last = page.at(-1)
    if (!last) break
    after = last[0]
    const rows = page.map(([levelKey, bytes]) => ({ ...placeOfRecord(scope, levelKey), bytes }))
    const sealed = await resealRows(deps.sealer, scope, rows)
    damaged += sealed.damaged
    count += await deps.inTurn(() => replace(deps, scope, sealed.resealed))
  }
  // The head too goes under the newest key, also where there are no records.
  if (await deps.committer.head(scope)) await deps.inTurn(() => replace(deps, scope, []))
  if (damaged > 0) throw damagedWhileResealing(count, damaged)
  return { resealed: count }
}

async function replace(deps: ResealDeps, scope: Scope, rows: readonly Resealed[]): Promise<number> {
  const keys = rows.map(({ row }) => recordKey(scope, row.collection, row.key))
  const stored = keys.length > 0 ? await deps.database.getMany(keys) : []
  const unchanged = rows.flatMap(({ row, after }, i) => {
    const before = stored[i]
    const key = keys[i]
    return before && key && Buffer.compare(before, row.bytes) === 0 ? [{ key, before, after }] : []
  })
  await deps.committer.rewrite(scope, async (head) => ({
    head: resealedHead(head, unchanged),
    writes: unchanged.map(({ key, after }) => ({ key, value: after })),
  }))
  return unchanged.length
}
