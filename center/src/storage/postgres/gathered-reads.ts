import type { Commit } from '../commit-queue.js'
import type { Scope } from '../engine.js'
import { postgresError } from './postgres-error.js'
import { type RecordPlace, recordsAt } from './record-lookup.js'
import { ScopeLanes } from './scope-lanes.js'
import type { SessionPool } from './session-pool.js'

interface Reading extends Commit, RecordPlace {
  resolve(stored: Uint8Array | undefined): void
}

/** At once for each scope; a group that waits for the server's disk holds up no more than its own. */
const LANES = 4
/** So that a group has 16 records, of 1 MiB each at most. */
const READING_BYTES = 256 * 1024

/**
 * Reads of single records: one that comes alone goes at once, and those of a scope that come while others are under way go
 * together. A transaction costs more than the records in it.
 */
export class GatheredReads {
  readonly #lanes: readonly ScopeLanes<Reading>[]
  #turn = 0

  constructor(pool: SessionPool) {
    this.#lanes = Array.from(
      { length: LANES },
      () => new ScopeLanes<Reading>((scope, group) => readGroup(pool, scope, group)),
    )
  }

  /** The stored bytes. Throws `overloaded`, `unavailable`. */
  read(scope: Scope, collection: string, key: string): Promise<Uint8Array | undefined> {
    this.#turn = (this.#turn + 1) % LANES
    return new Promise((resolve, reject) => {
      this.#lanes[this.#turn]?.push(scope, { collection, key, bytes: READING_BYTES, resolve, reject })
    })
  }
}

async function readGroup(pool: SessionPool, scope: Scope, group: readonly Reading[]): Promise<void> {
  try {
    const stored = await recordsAt(pool, scope, group)
    for (const [i, reading] of group.entries()) reading.resolve(stored[i])
  } catch (thrown) {
    for (const reading of group) reading.reject(postgresError(thrown, 'read'))
  }
}
