import type { Clock, Logger, Sealer } from '@yizhan/kernel'
import pg, { type ClientConfig } from 'pg'
import type { Cursors } from '../cursor.js'
import type { RecordEngine } from '../engine.js'
import type { PostgresConfig } from './config.js'
import { clientConfig } from './connection.js'
import { checkSchemaVersion, migrate } from './migrate.js'
import { PostgresCommitter } from './postgres-commit.js'
import { PostgresEngine } from './postgres-engine.js'
import { postgresError } from './postgres-error.js'
import type { RoleNames } from './schema.js'
import { checkIsolation, checkServer } from './server-check.js'
import { SessionPool } from './session-pool.js'

export interface PostgresDeps {
  readonly log: Logger
  readonly clock: Clock
  readonly sealer: Sealer
  readonly cursors: Cursors
}

export interface OpenedPostgres extends RecordEngine {
  /** Writes what waits, then gives every connection back. Idempotent. */
  close(): Promise<void>
}

/** At once, beside the pool: readings of whole scopes, outcomes of broken commits. */
const UPKEEP_CONNECTIONS = 4

/**
 * Migrates, if it has the owner's role, and checks that the database keeps tenants apart and writes safe. Later losses
 * of the connection are `unavailable` and mend themselves. Throws `config_invalid`, `failed_precondition` (not fit or
 * not migrated), `version_skew`, `unauthenticated`, `unavailable`.
 */
export async function openPostgresEngine(
  deps: PostgresDeps,
  config: PostgresConfig,
): Promise<OpenedPostgres> {
  const { app, sweep, owner } = config.roles
  const [lookups, upkeep, sweeping] = await Promise.all([
    clientConfig(config, app, 'lookups'),
    clientConfig(config, app, 'upkeep'),
    clientConfig(config, sweep, 'upkeep'),
  ])
  const ownerConnection = owner && (await clientConfig(config, owner, 'upkeep'))
  if (owner && ownerConnection) {
    const roles: RoleNames = { owner: owner.user, app: app.user, sweep: sweep.user }
    await migrate(deps.log, ownerConnection, roles)
  }
  await checkDatabase(lookups)

  const pool = new SessionPool(deps, { ...lookups, max: config.poolMax })
  const upkeepPool = new SessionPool(deps, { ...upkeep, max: UPKEEP_CONNECTIONS })
  const sweepPool = new SessionPool(deps, { ...sweeping, max: 1 })
  const committer = new PostgresCommitter({ ...deps, pool, upkeepPool }, config.outcomeTimeoutMs)
  const compacting = { log: deps.log, owner: ownerConnection, rewriteMaxBytes: config.rewriteMaxBytes }
  const engine = new PostgresEngine({ ...deps, pool, upkeepPool, sweepPool, compacting }, committer)

  let closed: Promise<void> | undefined
  const close = async () => {
    await engine.drain()
    committer.stop()
    await Promise.all([pool, upkeepPool, sweepPool].map((one) => one.close()))
  }
  return Object.assign(engine, {
    close() {
      closed ??= close()
      return closed
    },
  })
}

async function checkDatabase(connection: ClientConfig): Promise<void> {
  const client = new pg.Client({ ...connection, pipeline: false })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await checkServer(client)
    await checkSchemaVersion(client)
    await checkIsolation(client)
  } catch (thrown) {
    throw postgresError(thrown, 'use the database')
  } finally {
    await client.end().catch(() => undefined)
  }
}
