import { type Logger, YizhanError } from '@yizhan/kernel'
import pg, { type ClientConfig } from 'pg'
import { isConnectionLost, postgresError, sqlState } from './postgres-error.js'
import { META, MIGRATIONS, type Migration, type RoleNames, SCHEMA_VERSION } from './schema.js'

/** 'yizh' and 1: of all advisory locks of the database this one is ours. */
const LOCK = '(2037999976, 1)'
const MISSING: ReadonlySet<unknown> = new Set(['42P01', '3F000'])

/**
 * Brings the tables to this version, as their owner; whoever comes meanwhile waits. Each migration is a transaction of
 * its own, so that a crash leaves a version between. Throws `version_skew` if they are newer.
 */
export async function migrate(
  log: Logger,
  connection: ClientConfig,
  roles: RoleNames,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  await asOwner(connection, async (client) => {
    await client.query(`SELECT pg_advisory_lock${LOCK}`)
    if ((await schemaVersion(client)) === undefined) await client.query(META)
    const found = (await schemaVersion(client)) ?? 0
    refuseNewer(found, migrations.at(-1)?.version ?? 0)
    for (const { version, sql } of migrations) {
      if (version <= found) continue
      // One message of several statements is one transaction.
      await client.query(`${sql(roles)}
        INSERT INTO yizhan.meta (name, value) VALUES ('schema_version', '${version}')
        ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;`)
      log.info({ version }, 'the tables were migrated')
    }
  })
}

/** Throws `version_skew` if the tables are newer, `failed_precondition` if they are older or not there. */
export async function checkSchemaVersion(client: pg.ClientBase): Promise<void> {
  const found = await schemaVersion(client)
  refuseNewer(found ?? 0, SCHEMA_VERSION)
  if (found === SCHEMA_VERSION) return
  throw new YizhanError('failed_precondition', 'the database was not migrated to this version', {
    details: { found: found ?? 0, expected: SCHEMA_VERSION },
    hint: 'start one center with storage.postgres.roles.owner set',
  })
}

/** Runs `work` on a connection of its own. Throws in this project's terms. */
export async function asOwner<T>(
  connection: ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ ...connection, pipeline: false })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } catch (thrown) {
    throw postgresError(thrown, isConnectionLost(thrown) ? 'reach the database' : 'set up the database')
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Undefined where there are no tables. */
async function schemaVersion(client: pg.ClientBase): Promise<number | undefined> {
  try {
    const { rows } = await client.query<{ value: string }>(
      "SELECT value FROM yizhan.meta WHERE name = 'schema_version'",
    )
    return rows[0] ? Number(rows[0].value) : 0
  } catch (thrown) {
    if (MISSING.has(sqlState(thrown))) return undefined
    throw thrown
  }
}

function refuseNewer(found: number, known: number): void {
  if (found <= known) return
  throw new YizhanError('version_skew', 'the tables of the database are of a newer version', {
    details: { found, known },
    hint: 'upgrade this center',
  })
}
