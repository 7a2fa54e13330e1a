import type { LevelDatabase, LevelWrite } from './level-database.js'
import type { KeyRange } from './level-key.js'

const ROUNDS = 2

/**
 * Rewrites every file that holds keys of the span, so that what was deleted or replaced is in none of them; what an
 * open snapshot (a backup that runs) still sees stays. The file system may keep the freed blocks until it reuses them.
 * `span`: its two ends are no keys that may be there.
 */
export async function levelCompact(
  deps: { readonly database: LevelDatabase; write(writes: readonly LevelWrite[]): Promise<void> },
  signal: AbortSignal,
  span: KeyRange,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    signal.throwIfAborted()
    // LevelDB merges a table only with one above it. Deletes of two keys that never are there make one that lies over
    // the whole span. The first round may leave a value and its own delete in one new table: hence the second.
    await deps.write([{ key: span.gte }, { key: span.lt }])
    await deps.database.compact(span)
  }
}
