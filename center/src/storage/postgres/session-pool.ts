import { type Logger, YizhanError } from '@yizhan/kernel'
import pg, { type PoolClient, type PoolConfig, type QueryResult } from 'pg'
import { isConnectionLost, postgresError, sqlState } from './postgres-error.js'

/** A statement that every connection prepares once, under its name. */
export interface Prepared {
  readonly name: string
  readonly text: string
}

/** One statement of a transaction; as text only without values. */
export type Statement = string | (Prepared & { readonly values: readonly unknown[] })

export type Rows = readonly Readonly<Record<string, unknown>>[]

export interface Answer {
  readonly rows: Rows
  /** Rows that were written; 0 where none could be. */
  readonly count: number
  readonly command: string
}

export interface Lease {
  readonly session: Session
  /** Gives the connection back, once. Not `finished`: a transaction may be open, and is undone. */
  end(finished: boolean): Promise<void>
}

const MAX_WAITING = 4_096

/** A connection while somebody has it. */
export class Session {
  readonly #client: PoolClient
  #broken: unknown

  constructor(client: PoolClient) {
    this.#client = client
  }

  /** Why it must not be used again. */
  get broken(): unknown {
    return this.#broken
  }

  /** Of the server's process, to end it by. */
  get processId(): number | undefined {
    return 'processID' in this.#client && typeof this.#client.processID === 'number'
      ? this.#client.processID
      : undefined
  }

  /**
   * Sends all at once and waits for all. Throws what pg threw at the first that failed; inside a transaction the later
   * ones fail with it.
   */
  async send(statements: readonly Statement[]): Promise<Answer[]> {
    const results = await Promise.allSettled(statements.map((statement) => this.#query(statement)))
    for (const result of results) {
      if (result.status === 'rejected') {
        if (sqlState(result.reason) === undefined || isConnectionLost(result.reason)) {
          this.#broken ??= result.reason
        }
        throw result.reason
      }
    }
    return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  }

  /** Ends the transaction; a connection that cannot is not used again. */
  async rollBack(): Promise<void> {
    if (this.#broken !== undefined) return
    try {
      await this.send(['ROLLBACK'])
    } catch (thrown) {
      this.#broken ??= thrown
    }
  }

  async #query(statement: Statement): Promise<Answer> {
    const result: QueryResult<Record<string, unknown>> =
      typeof statement === 'string'
        ? await this.#client.query(statement)
        : await this.#client.query({
            name: statement.name,
            text: statement.text,
            values: [...statement.values],
          })
    return { rows: result.rows, count: result.rowCount ?? 0, command: result.command }
  }
}

/** Connections of one role: at most `max` at once, and 4,096 callers that wait for one. */
export class SessionPool {
  readonly #pool: pg.Pool
  readonly #log: Logger
  readonly #max: number
  readonly #waiting: (() => void)[] = []
  #used = 0
  #closed = false

  constructor(deps: { readonly log: Logger }, config: PoolConfig & { readonly max: number }) {
    this.#log = deps.log
    this.#max = config.max
    this.#pool = new pg.Pool({
      idleTimeoutMillis: 60_000,
      ...config,
      onConnect: (client) => keepDurable(client),
    })
    this.#pool.on('error', (thrown) => {
      this.#log.warn({ err: postgresError(thrown, 'keep a connection') }, 'an idle connection was lost')
    })
    // The pool listens only while a connection is idle; an event that nobody hears ends the process.
    this.#pool.on('connect', (client) => client.on('error', () => undefined))
  }

  /** Throws what pg threw, `overloaded`, or `unavailable` once it is closed. */
  async use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const lease = await this.lease()
    try {
      const answer = await work(lease.session)
      await lease.end(true)
      return answer
    } catch (thrown) {
      await lease.end(false)
      throw thrown
    }
  }

  /** A connection until `end`: for work that is no one call. Throws as `use` does. */
  async lease(): Promise<Lease> {
    await this.#enter()
    try {
      const client = await this.#pool.connect()
      const session = new Session(client)
      let ended = false
      return {
        session,
        end: async (finished) => {
          if (ended) return
          ended = true
          if (!finished) await session.rollBack()
          client.release(session.broken !== undefined)
          this.#leave()
        },
      }
    } catch (thrown) {
      this.#leave()
      throw thrown
    }
  }

  /** Waits for those who have a connection. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const enter of this.#waiting.splice(0)) enter()
    await this.#pool.end()
  }

  async #enter(): Promise<void> {
    if (this.#closed) throw closed()
    if (this.#used < this.#max) {
      this.#used += 1
      return
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new YizhanError('overloaded', 'too many calls wait for a connection to the database')
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#closed) throw closed()
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#used -= 1
  }
}

/** A commit that was answered must be on disk, whatever the role or the database have set. */
async function keepDurable(client: pg.ClientBase): Promise<void> {
  await client.query(
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
  )
}

function closed(): YizhanError {
  return new YizhanError('unavailable', 'the store is closed')
}
