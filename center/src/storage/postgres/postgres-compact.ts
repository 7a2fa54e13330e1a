import type { Logger } from '@yizhan/kernel'
import type { ClientConfig } from 'pg'
import type { Scope } from '../engine.js'
import { asOwner } from './migrate.js'
import { sqlState } from './postgres-error.js'
import { PARTITIONS } from './schema.js'
import { rowsOf } from './transaction.js'

/** Calls wait behind whoever waits for such a lock. */
const LOCK_TIMEOUT_MS = 1_000
// Which partitions a tenant's rows are in; those of all tables are cut alike.
const PLACES = `SELECT i, pg_total_relation_size(format('yizhan.%s_%s', name, i)::regclass) AS bytes, name
  FROM generate_series(0, ${PARTITIONS - 1}) i, unnest(ARRAY['records', 'terms', 'audit']) name
  WHERE $1::text IS NULL OR satisfies_hash_partition('yizhan.records'::regclass, ${PARTITIONS}, i, $1::text)
  ORDER BY i, name`

export interface CompactDeps {
  readonly log: Logger
  /** As the tables' owner; undefined: this center has no such role. */
  readonly owner: ClientConfig | undefined
  readonly rewriteMaxBytes: number
}

/**
 * Rewrites the tables that hold a scope's rows, one at a time, so that what was deleted is in none of their files; each is
 * locked meanwhile. One that is too large, or in use for too long, is only freed for reuse. The write-ahead log,
 * replicas and the server's own backups keep what they have.
 */
export async function postgresCompact(deps: CompactDeps, signal: AbortSignal, scope?: Scope): Promise<void> {
  signal.throwIfAborted()
  const { log, owner, rewriteMaxBytes } = deps
  if (!owner) {
    log.warn({ scope: scope && rowsOf(scope) }, 'nothing is compacted: this center has no role that may')
    return
  }
  await asOwner(owner, async (client) => {
    const { rows } = await client.query<{ name: string; i: number; bytes: string }>(PLACES, [
      scope === undefined ? null : rowsOf(scope),
    ])
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`)
    const tables = [...rows.map(({ name, i, bytes }) => ({ table: `${name}_${i}`, bytes: Number(bytes) }))]
    for (const { table, bytes } of [...tables, { table: 'heads', bytes: 0 }]) {
      signal.throwIfAborted()
      const rewritten =
        bytes <= rewriteMaxBytes &&
        (await client.query(`VACUUM (FULL, ANALYZE) yizhan.${table}`).then(
          () => true,
          (thrown: unknown) => {
            if (sqlState(thrown) === '55P03') return false
            throw thrown
          },
        ))
      if (rewritten) continue
      log.warn({ table, bytes }, 'a table is too large or in use: its space is freed, and not overwritten')
      await client.query(`VACUUM (ANALYZE) yizhan.${table}`)
    }
  })
}
