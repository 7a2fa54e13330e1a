import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { type Clock, ManualClock, plainSealer, type Sealer, silentLogger } from '@yizhan/kernel'
import pg from 'pg'
import type { StoragePlace } from '../../contract-place.js'
import { Cursors } from '../../cursor.js'
import type { Scope } from '../../engine.js'
import type { EnginePlace, RowPlace, Tamper } from '../../engine-place.js'
import { readSequence } from '../../sequence.js'
import { openStorage } from '../../storage.js'
import type { PostgresConfig } from '../config.js'
import { type OpenedPostgres, openPostgresEngine } from '../open.js'
import { rowsOf } from '../transaction.js'
import { postgresBin, removeServer, startServer, type TestServer } from './server.js'

let started: Promise<TestServer> | undefined

/**
 * The server of this test file, started once. Without PostgreSQL the test is skipped and says so, or fails under
 * YIZHAN_TEST_REQUIRE=all. Use: `const server = await postgres(t); if (!server) return`.
 */
export async function postgres(t: TestContext): Promise<TestServer | undefined> {
  if (!postgresHere()) {
    t.skip('SKIPPED: PostgreSQL is not here')
    return undefined
  }
  started ??= startServer(silentLogger())
  return started
}

/** Whether the suites can run at all. Throws under YIZHAN_TEST_REQUIRE=all. */
export function postgresHere(): boolean {
  if (postgresBin() !== undefined) return true
  if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw new Error('PostgreSQL is required and not here')
  return false
}

after(async () => {
  const server = await started?.catch(() => undefined)
  if (server) await removeServer(server)
})

export interface EngineGiven {
  readonly clock?: Clock
  readonly sealer?: Sealer
  readonly config?: Partial<PostgresConfig>
}

/** One more center on a database. The caller closes it. */
export function openOn(
  server: TestServer,
  database: string,
  { clock = new ManualClock(), sealer = plainSealer, config = {} }: EngineGiven = {},
): Promise<OpenedPostgres> {
  const cursors = new Cursors(new Uint8Array(32))
  return openPostgresEngine({ clock, sealer, cursors, log: silentLogger() }, server.config(database, config))
}

/** For `storageContract`: everything in one database, the system's records too. */
export async function storagePlace(t: TestContext): Promise<StoragePlace> {
  const server = await serverOf(t)
  const database = await server.database()
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-pg-store-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return {
    open: (given) =>
      openStorage(
        {
          ...given,
          log: silentLogger(),
          openEngine: (more) => openPostgresEngine(more, server.config(database)),
        },
        { dir, shards: 0 },
      ),
  }
}

/** For `engineContract`. */
export async function enginePlace(t: TestContext): Promise<EnginePlace> {
  const server = await serverOf(t)
  const database = await server.database()
  return {
    async open(given) {
      const engine = await openOn(server, database, given)
      const admin = new pg.Client(server.connection('postgres', database))
      admin.on('error', () => undefined)
      await admin.connect()
      return {
        engine,
        tamper: tamperWith(admin),
        async close() {
          await engine.close()
          await admin.end()
        },
      }
    },
  }
}

async function serverOf(t: TestContext): Promise<TestServer> {
  const server = await postgres(t)
  if (!server) throw new Error('PostgreSQL is not here')
  return server
}

/** Past the engine and past row-level security, as a superuser. */
function tamperWith(admin: pg.Client): Tamper {
  const sql = (text: string, values: unknown[]) => admin.query(text, values)
  return {
    async read(scope, place) {
      const [where, values] = conditionOf(scope, place)
      const { rows } = await sql(`SELECT bytes FROM yizhan.${tableOf(place)} WHERE ${where}`, values)
      return rows[0] && new Uint8Array(rows[0].bytes)
    },
    async write(scope, place, bytes) {
      const [where, values] = conditionOf(scope, place)
      const table = tableOf(place)
      if (!bytes) {
        await sql(`DELETE FROM yizhan.${table} WHERE ${where}`, values)
        return
      }
      const set = `UPDATE yizhan.${table} SET bytes = $${values.length + 1} WHERE ${where}`
      if ((await sql(set, [...values, bytes])).rowCount) return
      const places = [...values, bytes].map((_, i) => `$${i + 1}`).join(', ')
      const columns = {
        record: 'tenant_id, collection, key',
        audit: 'tenant_id, sequence',
        head: 'tenant_id',
      }
      await sql(`INSERT INTO yizhan.${table} (${columns[place.kind]}, bytes) VALUES (${places})`, [
        ...values,
        bytes,
      ])
    },
    async term(scope, collection, key, { name, value }, there) {
      const values = [rowsOf(scope), collection, name, value, key]
      await sql(
        there
          ? 'INSERT INTO yizhan.terms (tenant_id, collection, name, value, key) VALUES ($1, $2, $3, $4, $5)'
          : `DELETE FROM yizhan.terms
              WHERE tenant_id = $1 AND collection = $2 AND name = $3 AND value = $4 AND key = $5`,
        values,
      )
    },
  }
}

function tableOf({ kind }: RowPlace): string {
  return { record: 'records', audit: 'audit', head: 'heads' }[kind]
}

function conditionOf(scope: Scope, { kind, collection, key }: RowPlace): [string, unknown[]] {
  if (kind === 'record')
    return ['tenant_id = $1 AND collection = $2 AND key = $3', [rowsOf(scope), collection, key]]
  if (kind === 'audit') return ['tenant_id = $1 AND sequence = $2', [rowsOf(scope), readSequence(key)]]
  return ['tenant_id = $1', [rowsOf(scope)]]
}
