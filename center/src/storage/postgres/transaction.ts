import { YizhanError } from '@yizhan/kernel'
import type { Scope } from '../engine.js'
import { isConnectionLost, postgresError } from './postgres-error.js'
import type { Answer, Prepared, Rows, Session, SessionPool, Statement } from './session-pool.js'

/** No tenant's name: those hold no `$`. */
export const SYSTEM_ROWS = '$system'
/** Where a restore marks the database; see restore-claim.ts. */
export const CLAIM_ROWS = '$restore'

/** The value of `tenant_id` in the rows of a scope. */
export function rowsOf(scope: Scope): string {
  return scope ?? SYSTEM_ROWS
}

// Local: it ends with the transaction, so that a reused connection belongs to nobody.
const ENTER = { name: 'enter', text: "SELECT set_config('yizhan.tenant', $1, true)" }
const ENTER_TO_WRITE = {
  name: 'enter-to-write',
  text: "SELECT set_config('yizhan.tenant', $1, true), pg_current_xact_id()::text AS xid",
}
const ATTEMPTS = 3

export const HEAD: Prepared = {
  name: 'head',
  text: 'SELECT bytes FROM yizhan.heads WHERE tenant_id = $1',
}

export const AUDIT_ENTRY: Prepared = {
  name: 'audit-entry',
  text: 'SELECT bytes FROM yizhan.audit WHERE tenant_id = $1 AND sequence = $2',
}

/** One statement in a transaction of its own, in one round trip. Once more on a connection that was dead already. */
export async function readRows(pool: SessionPool, scope: Scope, statement: Statement): Promise<Rows> {
  const [rows = []] = await runRepeatable(pool, scope, 'BEGIN READ ONLY', [statement])
  return rows
}

/** Statements that may run twice, in one transaction and one round trip; otherwise as `readRows`. The rows of each. */
export async function runRepeatable(
  pool: SessionPool,
  scope: Scope,
  begin: 'BEGIN' | 'BEGIN READ ONLY',
  statements: readonly Statement[],
): Promise<Rows[]> {
  const enter = { ...ENTER, values: [rowsOf(scope)] }
  for (let attempt = 1; ; attempt++) {
    try {
      const answers = await pool.use((session) => session.send([begin, enter, ...statements, 'COMMIT']))
      return answers.slice(2, -1).map(({ rows }) => rows)
    } catch (thrown) {
      if (attempt >= ATTEMPTS || !isConnectionLost(thrown)) {
        throw postgresError(thrown, begin === 'BEGIN' ? 'write' : 'read')
      }
    }
  }
}

export type Read = (statement: Statement) => Promise<Rows>

/** One view of everything of a scope while `work` runs. */
export async function readView<T>(
  pool: SessionPool,
  scope: Scope,
  work: (read: Read) => Promise<T>,
): Promise<T> {
  const view = await openView(pool, scope)
  try {
    return await work(view.read)
  } finally {
    await view.close()
  }
}

/** One view of everything of a scope, until it is closed; however long that takes. */
export async function openView(
  pool: SessionPool,
  scope: Scope,
): Promise<{ readonly read: Read; close(): Promise<void> }> {
  const named = (thrown: unknown) => {
    throw postgresError(thrown, 'read')
  }
  const lease = await pool.lease().catch(named)
  try {
    const enter = { ...ENTER, values: [rowsOf(scope)] }
    await lease.session.send(['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', enter])
  } catch (thrown) {
    await lease.end(false)
    return named(thrown)
  }
  return {
    read: async (statement) => (await lease.session.send([statement]).catch(named))[0]?.rows ?? [],
    close: () => lease.end(false),
  }
}

/** A commit that was sent and whose answer did not come. */
export interface LostCommit {
  /** By which the server knows later whether it happened. */
  readonly xid: string
  /** The server's process that had the transaction. */
  readonly processId: number | undefined
  readonly cause: unknown
  /** Whether what it wrote lies there; asked where the number says that it was committed. */
  isThere(): Promise<boolean>
}

const ALWAYS = async () => true

/** A transaction that writes: begun by `begin`, ended by `commit`; not ended, it is undone. */
export class WriteTransaction {
  readonly #session: Session
  readonly #scope: Scope
  readonly #wasCommitted: (lost: LostCommit) => Promise<boolean>
  #xid = ''

  /** `wasCommitted` finds out, or throws. */
  constructor(session: Session, scope: Scope, wasCommitted: (lost: LostCommit) => Promise<boolean>) {
    this.#session = session
    this.#scope = scope
    this.#wasCommitted = wasCommitted
  }

  /** Begins and reads; the answers are those of the statements. */
  async begin(statements: readonly Statement[]): Promise<Answer[]> {
    const enter = { ...ENTER_TO_WRITE, values: [rowsOf(this.#scope)] }
    const [, entered, ...answers] = await this.#session.send(['BEGIN', enter, ...statements])
    this.#xid = String(entered?.rows[0]?.xid ?? '')
    return answers
  }

  /**
   * Writes and commits in one round trip, and resolves once that is known to have happened; without answers if it had to
   * ask for that. Throws what pg threw if nothing was written. `isThere` looks for what it wrote; left out where it does no
   * harm to take the transaction for committed after a crash of the server.
   */
  async commit(statements: readonly Statement[], isThere: LostCommit['isThere'] = ALWAYS): Promise<Answer[]> {
    try {
      const answers = await this.#session.send([...statements, 'COMMIT'])
      if (answers.at(-1)?.command === 'COMMIT') return answers.slice(0, -1)
    } catch (thrown) {
      if (!isConnectionLost(thrown)) throw thrown
      const lost = { xid: this.#xid, processId: this.#session.processId, cause: thrown, isThere }
      if (await this.#wasCommitted(lost)) return []
      throw thrown
    }
    throw new YizhanError('internal', 'the database undid a transaction without a word')
  }

  rollBack(): Promise<void> {
    return this.#session.rollBack()
  }
}
