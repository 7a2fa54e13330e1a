import { type Clock, type Logger, type Sealer, YizhanError } from '@yizhan/kernel'
import { type CommitPlan, type Current, planCommit, type ScopedBatch } from '../commit-plan.js'
import type { Commit } from '../commit-queue.js'
import type { Scope } from '../engine.js'
import { type HeadState, openHead, sealHead } from '../scope-head.js'
import { wasCommitted } from './commit-outcome.js'
import { headStatement, planStatements, type RecordChange, recordStatements } from './commit-statements.js'
import { isConnectionLost, postgresError, sqlState } from './postgres-error.js'
import { lookedUp, lookupStatement, type RecordPlace } from './record-lookup.js'
import { bytesOf } from './row-value.js'
import type { Prepared, SessionPool, Statement } from './session-pool.js'
import { AUDIT_ENTRY, HEAD, type LostCommit, readRows, rowsOf, WriteTransaction } from './transaction.js'

/** One batch on its way; it is settled once, by `resolve` with the new versions of its puts or by `reject`. */
export interface BatchCommit extends Commit, ScopedBatch {
  resolve(versions: readonly number[]): void
}

export interface CommitterDeps {
  readonly pool: SessionPool
  /** Other connections of the same role, to ask by what became of a commit. */
  readonly upkeepPool: SessionPool
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log: Logger
}

// Its lock makes the writers of a scope take turns, also those of another center: no record needs one of its own.
const LOCK_HEAD = {
  name: 'lock-head',
  text: 'SELECT bytes FROM yizhan.heads WHERE tenant_id = $1 FOR UPDATE',
}
// First heads of two centers, deadlocks, serialization: nothing was written, and the next try sees the other's.
const AGAIN: ReadonlySet<unknown> = new Set(['23505', '40001', '40P01'])
const ATTEMPTS = 10
/** A pooled connection may have died unseen, and its successor with the server. */
const CONNECTIONS = 3

/** Checks and writes groups of batches, a transaction for each group: each batch is all or none. */
export class PostgresCommitter {
  readonly #deps: CommitterDeps
  readonly #outcomeTimeoutMs: number
  readonly #closing = new AbortController()

  constructor(deps: CommitterDeps, outcomeTimeoutMs: number) {
    this.#deps = deps
    this.#outcomeTimeoutMs = outcomeTimeoutMs
  }

  /** Settles every batch of the group. */
  async commit(scope: Scope, group: readonly BatchCommit[]): Promise<void> {
    let plan: CommitPlan<BatchCommit>
    try {
      plan = await this.#again(scope, (transaction) => this.#commitOnce(transaction, scope, group))
    } catch (thrown) {
      if (thrown instanceof CannotPlan && group.length > 1) {
        // One of the group cannot be sealed (its person was erased): the others must not fall with it.
        for (const batch of group) await this.commit(scope, [batch])
        return
      }
      const error = thrown instanceof CannotPlan ? thrown.cause : postgresError(thrown, 'write')
      for (const batch of group) batch.reject(error)
      return
    }
    for (const { batch, error } of plan.rejected) batch.reject(error)
    for (const { batch, versions } of plan.ready) batch.resolve(versions)
  }

  /**
   * Writes with the head that comes of it. `change` gets the head and the bytes that lie at the places. Throws
   * `not_found` for a scope without a head.
   */
  rewrite<T>(
    scope: Scope,
    places: readonly RecordPlace[],
    change: (
      head: HeadState,
      stored: readonly (Uint8Array | undefined)[],
    ) => Promise<{
      readonly head: HeadState
      readonly records?: readonly RecordChange[]
      readonly answer: T
    }>,
  ): Promise<T> {
    const { sealer } = this.#deps
    return this.#named(scope, async (transaction) => {
      const [lock, found] = await transaction.begin([lockHead(scope), lookupStatement(scope, places)])
      const bytes = bytesOf(lock?.rows[0])
      if (!bytes) throw new YizhanError('not_found', 'nothing is stored of this scope')
      const { head, records, answer } = await change(
        await openHead(sealer, scope, bytes),
        lookedUp(places, found?.rows ?? []),
      )
      const sealed = await sealHead(sealer, scope, head)
      await transaction.commit(
        [headStatement(scope, sealed, true), ...recordStatements(scope, records ?? [])],
        () => this.#lies(scope, sealed, HEAD),
      )
      return answer
    })
  }

  /** These statements in a transaction of the scope; how many rows each wrote, if the answer did not get lost. */
  write(scope: Scope, statements: readonly Statement[]): Promise<number[]> {
    return this.#named(scope, async (transaction) => {
      await transaction.begin([])
      return (await transaction.commit(statements)).map(({ count }) => count)
    })
  }

  /** Asks no longer what became of a commit. */
  stop(): void {
    this.#closing.abort()
  }

  /** Throws `CannotPlan`, or what pg threw. */
  async #commitOnce(
    transaction: WriteTransaction,
    scope: Scope,
    group: readonly BatchCommit[],
  ): Promise<CommitPlan<BatchCommit>> {
    const { sealer, clock } = this.#deps
    const places = placesOf(group)
    const [lock, found] = await transaction.begin([
      lockHead(scope),
      ...(places.length > 0 ? [lookupStatement(scope, places)] : []),
    ])
    const bytes = lookedUp(places, found?.rows ?? [])
    const stored = new Map(places.map((place, i) => [placeId(place), bytes[i]]))
    const headBytes = bytesOf(lock?.rows[0])
    let plan: CommitPlan<BatchCommit>
    try {
      const head = headBytes && (await openHead(sealer, scope, headBytes))
      const current: Current = {
        record: (_, collection, key) => stored.get(placeId({ collection, key })),
        head: () => head,
      }
      plan = await planCommit(group, current, sealer, clock.wall())
    } catch (thrown) {
      throw new CannotPlan(thrown)
    }
    if (plan.ready.length === 0) await transaction.rollBack()
    else {
      const statements = planStatements(scope, plan, headBytes !== undefined)
      const entry = plan.ready.flatMap(({ audit }) => audit ?? []).at(-1)
      const head = plan.heads.get(scope)?.bytes
      await transaction.commit(statements, () =>
        entry ? this.#lies(scope, entry.bytes, AUDIT_ENTRY, entry.sequence) : this.#lies(scope, head, HEAD),
      )
    }
    return plan
  }

  async #named<T>(scope: Scope, work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    try {
      return await this.#again(scope, work)
    } catch (thrown) {
      throw postgresError(thrown, 'write')
    }
  }

  /** Again where nothing was written and another try may do it. */
  async #again<T>(scope: Scope, work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    const { pool } = this.#deps
    for (let attempt = 1; ; attempt++) {
      try {
        return await pool.use((session) =>
          work(new WriteTransaction(session, scope, (lost) => this.#wasCommitted(scope, lost))),
        )
      } catch (thrown) {
        const again =
          (AGAIN.has(sqlState(thrown)) && attempt < ATTEMPTS) ||
          (isConnectionLost(thrown) && attempt < CONNECTIONS)
        if (!again) throw thrown
      }
    }
  }

  /** Whether these bytes lie there; all that is written is sealed with a nonce of its own. */
  async #lies(scope: Scope, written: Uint8Array | undefined, at: Prepared, ...place: number[]) {
    const asked = { ...at, values: [rowsOf(scope), ...place] }
    const [row] = await readRows(this.#deps.upkeepPool, scope, asked)
    const found = bytesOf(row)
    return written !== undefined && found !== undefined && Buffer.compare(written, found) === 0
  }

  async #wasCommitted(scope: Scope, lost: LostCommit): Promise<boolean> {
    const { upkeepPool, clock, log } = this.#deps
    const fields = { scope: rowsOf(scope), xid: lost.xid }
    log.warn(fields, 'the connection broke in a commit: asking what became of it')
    const committed = await wasCommitted(
      { pool: upkeepPool, clock },
      lost,
      this.#outcomeTimeoutMs,
      this.#closing.signal,
    )
    log.info({ ...fields, committed }, 'what became of the commit is known')
    return committed
  }
}

/** What the sealer or the planner threw. */
class CannotPlan extends Error {
  constructor(cause: unknown) {
    super('a group cannot be planned', { cause })
    this.name = 'CannotPlan'
  }
}

function lockHead(scope: Scope): Statement {
  return { ...LOCK_HEAD, values: [rowsOf(scope)] }
}

function placesOf(group: readonly BatchCommit[]): RecordPlace[] {
  const places = new Map<string, RecordPlace>()
  for (const { changes } of group) {
    for (const { collection, key } of changes) places.set(placeId({ collection, key }), { collection, key })
  }
  return [...places.values()]
}

/** No part holds a NUL. */
function placeId({ collection, key }: RecordPlace): string {
  return `${collection}\0${key}`
}
