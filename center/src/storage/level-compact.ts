import type { Scope } from './engine.js'
import type { LevelDatabase, LevelWrite } from './level-database.js'
import { type KeyRange, scopeSpan } from './level-key.js'

const EVERYTHING: KeyRange = { gte: Buffer.from([0]), lt: Buffer.from([0xff]) }
const ROUNDS = 2

/**
 * Rewrites every file that holds keys of the scope, so that what was deleted or replaced is in none of them; what an
 * open snapshot (a backup that runs) still sees stays. The file system may keep the freed blocks until it reuses them.
 */
export async function levelCompact(
  deps: { readonly database: LevelDatabase; write(writes: readonly LevelWrite[]): Promise<void> },
  signal: AbortSignal,
  scope?: Scope,
): Promise<void> {
  const span = scope === undefined ? EVERYTHING : scopeSpan(scope)
  for (let round = 0; round < ROUNDS; round++) {
    signal.throwIfAborted()
    // LevelDB merges a table only with one above it. Deletes of two keys that never are there make one that lies over
    // the whole span. The first round may leave a value and its own delete in one new table: hence the second.
    await deps.write([{ key: span.gte }, { key: span.lt }])
    await deps.database.compact(span)
  }
}
