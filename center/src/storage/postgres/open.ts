import { type Clock, type Logger, type Sealer, YizhanError } from '@yizhan/kernel'
import pg, { type ClientConfig } from 'pg'
import type { Cursors } from '../cursor.js'
import type { RecordEngine } from '../engine.js'
import type { PostgresConfig } from './config.js'
import { clientConfig } from './connection.js'
import { checkSchemaVersion, migrate } from './migrate.js'
import { PostgresCommitter } from './postgres-commit.js'
import { PostgresEngine } from './postgres-engine.js'
import { postgresError } from './postgres-error.js'
import { isEmpty } from './postgres-rows.js'
import {
  checkClaim,
  endClaim,
  findClaim,
  makeClaim,
  RESTORE_SESSIONS,
  waitForOthers,
} from './restore-claim.js'
import type { RoleNames } from './schema.js'
import { checkIsolation, checkServer } from './server-check.js'
import { SessionPool } from './session-pool.js'
import { readRows } from './transaction.js'

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

const CENTER_SESSIONS = 'yizhan-center'
/** At once, beside the pool: readings of whole scopes, outcomes of broken commits. */
const UPKEEP_CONNECTIONS = 4

/**
 * Migrates, if it has the owner's role, and checks that the database keeps tenants apart and writes safe. Later losses
 * of the connection are `unavailable` and mend themselves. `restored`: the id in the state directory, if a restore made
 * it. Throws `config_invalid`, `failed_precondition` (not fit, not migrated, or left half full by a restore),
 * `version_skew`, `unauthenticated`, `unavailable`.
 */
export async function openPostgresEngine(
  deps: PostgresDeps,
  config: PostgresConfig,
  { restored }: { readonly restored?: string | undefined } = {},
): Promise<OpenedPostgres> {
  const { engine, pool } = await openEngine(deps, config, CENTER_SESSIONS)
  try {
    await checkClaim(pool, restored)
    return engine
  } catch (thrown) {
    await engine.close()
    throw postgresError(thrown, 'use the database')
  }
}

export interface RestorePostgres extends OpenedPostgres {
  /** Deletes what was restored, and gives the database back as it was. */
  undo(): Promise<void>
}

/**
 * Opens a database for the restore `id`, which must be empty, or hold what a restore left that was killed; that is
 * deleted. No center opens it before `endRestore`. Throws `already_exists`, and as `openPostgresEngine` does.
 */
export async function openForRestore(
  deps: PostgresDeps,
  config: PostgresConfig,
  { id, signal }: { readonly id: string; readonly signal: AbortSignal },
): Promise<RestorePostgres> {
  const { engine, pool } = await openEngine(deps, config, RESTORE_SESSIONS)
  const dropAll = async (until: AbortSignal) => {
    for (const scope of [null, ...(await engine.tenants())]) await engine.drop(scope, until)
  }
  try {
    const claimed = await pool.use(async (session) => {
      await waitForOthers(session)
      return findClaim(session)
    })
    if (claimed !== undefined) await dropAll(signal)
    else if (!(await isUnused(engine, pool))) {
      throw new YizhanError('already_exists', 'the database holds data already', {
        hint: 'restore into an empty database',
      })
    }
    await pool.use((session) => makeClaim(session, id))
  } catch (thrown) {
    await engine.close()
    throw postgresError(thrown, 'restore into the database')
  }
  return Object.assign(engine, {
    async undo() {
      await dropAll(new AbortController().signal)
      await pool.use((session) => endClaim(session, id))
    },
  })
}

/** The restore is whole: centers may open the database. */
export async function endRestore(
  deps: { readonly log: Logger },
  config: PostgresConfig,
  id: string,
): Promise<void> {
  const connection = await clientConfig(config, config.roles.app, 'lookups')
  const pool = new SessionPool(deps, { ...connection, application_name: RESTORE_SESSIONS, max: 1 })
  try {
    await pool.use((session) => endClaim(session, id))
  } catch (thrown) {
    throw postgresError(thrown, 'end the restore')
  } finally {
    await pool.close()
  }
}

async function isUnused(engine: RecordEngine, pool: SessionPool): Promise<boolean> {
  if ((await engine.tenants()).length > 0) return false
  return isEmpty((statement) => readRows(pool, null, statement), null)
}

async function openEngine(
  deps: PostgresDeps,
  config: PostgresConfig,
  application_name: string,
): Promise<{ readonly engine: OpenedPostgres; readonly pool: SessionPool }> {
  const { app, sweep, owner } = config.roles
  const [lookups, upkeep, sweeping] = await Promise.all([
    clientConfig(config, app, 'lookups'),
    clientConfig(config, app, 'upkeep'),
    clientConfig(config, sweep, 'upkeep'),
  ])
  const ownerConnection = owner && (await clientConfig(config, owner, 'upkeep'))
  if (owner && ownerConnection) {
    const roles: RoleNames = { owner: owner.user, app: app.user, sweep: sweep.user }
    await migrate(deps.log, { ...ownerConnection, application_name: CENTER_SESSIONS }, roles)
  }
  await checkDatabase({ ...lookups, application_name: CENTER_SESSIONS })

  const pool = new SessionPool(deps, { ...lookups, application_name, max: config.poolMax })
  const upkeepPool = new SessionPool(deps, { ...upkeep, application_name, max: UPKEEP_CONNECTIONS })
  const sweepPool = new SessionPool(deps, { ...sweeping, application_name: CENTER_SESSIONS, max: 1 })
  const committer = new PostgresCommitter({ ...deps, pool, upkeepPool }, config.outcomeTimeoutMs)
  const compacting = { log: deps.log, owner: ownerConnection, rewriteMaxBytes: config.rewriteMaxBytes }
  const engine = new PostgresEngine({ ...deps, pool, upkeepPool, sweepPool, compacting }, committer)

  let closed: Promise<void> | undefined
  const close = async () => {
    await engine.drain()
    committer.stop()
    await Promise.all([pool, upkeepPool, sweepPool].map((one) => one.close()))
  }
  const opened = Object.assign(engine, {
    close() {
      closed ??= close()
      return closed
    },
  })
  return { engine: opened, pool }
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
