import { asTenantId, type Logger, type Sealer, type TenantId, YizhanError } from '@yizhan/kernel'
import { readAudit } from '../audit-codec.js'
import type { EngineSize, RecordUpkeep, Row, Scope, ScopeCheck } from '../engine.js'
import { openHead, prunedHead } from '../scope-head.js'
import { postgresCheck } from './postgres-check.js'
import type { PostgresCommitter } from './postgres-commit.js'
import { type CompactDeps, postgresCompact } from './postgres-compact.js'
import { postgresError } from './postgres-error.js'
import { postgresLoad } from './postgres-load.js'
import { postgresReseal } from './postgres-reseal.js'
import { postgresRows } from './postgres-rows.js'
import { numberOf, storedBytes, textOf } from './row-value.js'
import type { SessionPool, Statement } from './session-pool.js'
import { AUDIT_ENTRY, CLAIM_ROWS, HEAD, readRows, rowsOf, SYSTEM_ROWS } from './transaction.js'

const DELETES = 2_000

const NAMES = ['heads', 'records', 'audit', 'terms']
  .map(
    (table) => `SELECT name FROM (WITH RECURSIVE t AS (
      SELECT min(tenant_id) AS name FROM yizhan.${table}
      UNION ALL SELECT (SELECT min(tenant_id) FROM yizhan.${table} WHERE tenant_id > t.name) FROM t
      WHERE t.name IS NOT NULL) SELECT name FROM t WHERE name IS NOT NULL) ${table}_names`,
  )
  .join(' UNION ')
const DELETE_HEAD = { name: 'delete-head', text: 'DELETE FROM yizhan.heads WHERE tenant_id = $1' }
/** By which columns a table's rows of a scope are deleted, some thousands at a time. */
interface Deletion {
  readonly table: string
  readonly columns: readonly string[]
}

const RECORDS: Deletion = { table: 'records', columns: ['collection', 'key'] }
const TERMS: Deletion = { table: 'terms', columns: ['collection', 'name', 'value', 'key'] }
const AUDIT: Deletion = { table: 'audit', columns: ['sequence'] }

const ENTRY_BYTES = {
  name: 'audit-entry-bytes',
  text: `SELECT coalesce(avg(octet_length(bytes)), 0)::int8 AS bytes FROM
    (SELECT bytes FROM yizhan.audit WHERE tenant_id = $1 ORDER BY sequence DESC LIMIT 100) e`,
}
const ALL_BYTES = {
  name: 'all-bytes',
  text: `SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class
    WHERE relnamespace = 'yizhan'::regnamespace AND relkind = 'r'`,
}

export interface UpkeepDeps {
  readonly pool: SessionPool
  readonly upkeepPool: SessionPool
  readonly sweepPool: SessionPool
  readonly sealer: Sealer
  readonly log: Logger
  readonly committer: PostgresCommitter
  readonly compacting: CompactDeps
  /** Runs between the commits of a scope, never beside one of this center. */
  inTurn<T>(scope: Scope, work: () => Promise<T>): Promise<T>
}

/** `load` and `drop` hold only against each other's pages: whoever calls them keeps batches of that scope away. */
export class PostgresUpkeep implements RecordUpkeep {
  readonly #deps: UpkeepDeps

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
  }

  async tenants(): Promise<readonly TenantId[]> {
    const [answer] = await this.#deps.sweepPool
      .use((session) => session.send([{ name: 'tenants', text: NAMES, values: [] }]))
      .catch((thrown: unknown) => {
        throw postgresError(thrown, 'list the tenants')
      })
    const names = (answer?.rows ?? [])
      .map((row) => textOf(row, 'name'))
      .filter((name) => name !== SYSTEM_ROWS && name !== CLAIM_ROWS)
    return names.map((name) => {
      const tenant = asTenantId(name)
      if (!tenant) throw new YizhanError('data_corrupt', 'a row belongs to no tenant')
      return tenant
    })
  }

  async check(scope: Scope, signal: AbortSignal): Promise<ScopeCheck> {
    signal.throwIfAborted()
    const { upkeepPool, sealer } = this.#deps
    return postgresCheck({ pool: upkeepPool, sealer }, scope, signal)
  }

  rows(scope: Scope, signal: AbortSignal): AsyncIterable<readonly Row[]> {
    return postgresRows(this.#deps.upkeepPool, scope, signal)
  }

  load(scope: Scope, rows: AsyncIterable<readonly Row[]>, signal: AbortSignal): Promise<void> {
    const { pool } = this.#deps
    const write = (of: Scope, statements: readonly Statement[]) => this.#write(of, statements)
    return postgresLoad({ pool, write }, scope, rows, signal)
  }

  async drop(scope: Scope, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#write(scope, [{ ...DELETE_HEAD, values: [rowsOf(scope)] }])
    for (const deletion of [AUDIT, TERMS, RECORDS]) await this.#deleteAll(scope, deletion, signal)
  }

  reseal(scope: Scope, signal: AbortSignal): Promise<{ readonly resealed: number }> {
    return postgresReseal(this.#deps, scope, signal)
  }

  async pruneAudit(tenant: TenantId, through: number): Promise<void> {
    if (!Number.isSafeInteger(through) || through < 0) {
      throw new YizhanError('invalid_argument', 'the last entry to prune is not a whole number from 0')
    }
    const { committer, inTurn, pool } = this.#deps
    const head = await this.#head(tenant)
    if (through > (head?.auditSequence ?? 0)) {
      throw new YizhanError('invalid_argument', 'the last entry to prune is not there yet')
    }
    if (head && through >= head.auditFirst) {
      const hash = await this.#hashOf(pool, tenant, through)
      await inTurn(tenant, () =>
        committer.rewrite(tenant, [], async (now) => ({
          // Another center may have pruned more meanwhile.
          head: through < now.auditFirst ? now : prunedHead(now, through, hash),
          answer: undefined,
        })),
      )
    }
    // Behind the head: a crash in between leaves entries that nobody counts, and the next pruning takes them too.
    await this.#deleteAll(tenant, AUDIT, new AbortController().signal, through)
  }

  compact(signal: AbortSignal, scope?: Scope): Promise<void> {
    return postgresCompact(this.#deps.compacting, signal, scope)
  }

  /** Autovacuum does it. */
  async reclaim(_scope: Scope, _collection: string, _through: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
  }

  async size(scope?: Scope): Promise<EngineSize> {
    const [all] = await readRows(this.#deps.pool, scope ?? null, { ...ALL_BYTES, values: [] })
    const bytes = numberOf(all, 'bytes')
    if (scope === undefined) return { bytes }
    const head = await this.#head(scope)
    if (!head) return { bytes, scopeBytes: 0 }
    const [entry] = await readRows(this.#deps.pool, scope, { ...ENTRY_BYTES, values: [rowsOf(scope)] })
    const entries = head.auditSequence - head.auditFirst + 1
    return { bytes, scopeBytes: head.bytes + entries * numberOf(entry, 'bytes') }
  }

  async #head(scope: Scope) {
    const [row] = await readRows(this.#deps.pool, scope, { ...HEAD, values: [rowsOf(scope)] })
    return row && openHead(this.#deps.sealer, scope, storedBytes(row))
  }

  async #hashOf(pool: SessionPool, tenant: TenantId, sequence: number): Promise<string> {
    const [row] = await readRows(pool, tenant, { ...AUDIT_ENTRY, values: [rowsOf(tenant), sequence] })
    if (row) return readAudit(sequence, storedBytes(row)).hash
    throw new YizhanError('data_corrupt', 'an audit entry is missing', { details: { tenant, sequence } })
  }

  #write(scope: Scope, statements: readonly Statement[]): Promise<number[]> {
    return this.#deps.inTurn(scope, () => this.#deps.committer.write(scope, statements))
  }

  /** `through`: the last value of the one column; default all. */
  async #deleteAll(scope: Scope, deletion: Deletion, signal: AbortSignal, through?: number): Promise<void> {
    const { table, columns } = deletion
    const list = columns.join(', ')
    const [within, last] = through === undefined ? ['', []] : [`AND ${list} <= $2`, [through]]
    const bounds = columns.map((_, i) => `$${i + 2 + last.length}`).join(', ')
    const kind = through === undefined ? 'all' : 'some'
    for (;;) {
      signal.throwIfAborted()
      const [bound] = await readRows(this.#deps.pool, scope, {
        name: `bound-${kind}-${table}`,
        text: `SELECT ${list} FROM yizhan.${table} WHERE tenant_id = $1 ${within}
          ORDER BY ${list} LIMIT 1 OFFSET ${DELETES}`,
        values: [rowsOf(scope), ...last],
      })
      const upTo = bound ? columns.map((column) => bound[column]) : []
      await this.#write(scope, [
        {
          name: `delete-${kind}-${bound ? 'page' : 'rest'}-${table}`,
          text: `DELETE FROM yizhan.${table} WHERE tenant_id = $1 ${within}
            ${bound ? `AND (${list}) <= (${bounds})` : ''}`,
          values: [rowsOf(scope), ...last, ...upTo],
        },
      ])
      if (!bound) return
    }
  }
}
