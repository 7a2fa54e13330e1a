import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { acme, code, put, text } from '../contract-place.js'
import { write } from '../engine-place.js'
import { migrate } from './migrate.js'
import { MIGRATIONS, SCHEMA_VERSION } from './schema.js'
import { openOn, postgres } from './testing/place.js'
import { ROLES, type TestServer } from './testing/server.js'

const log = silentLogger()
const owner = (server: TestServer, database: string) => server.connection(ROLES.owner, database)
const version = async (server: TestServer, database: string) =>
  (await server.admin("SELECT value FROM yizhan.meta WHERE name = 'schema_version'", database)).rows[0]?.value
const more = {
  version: SCHEMA_VERSION + 1,
  sql: () => 'CREATE TABLE yizhan.later (a int); INSERT INTO yizhan.later VALUES (1);',
}
const broken = { version: SCHEMA_VERSION + 1, sql: () => 'CREATE TABLE yizhan.later (a int); SELECT 1 / 0;' }

const MIGRATE = `
import { migrate } from ${JSON.stringify(new URL('./migrate.js', import.meta.url).href)}
import { silentLogger } from ${JSON.stringify(import.meta.resolve('@yizhan/kernel'))}
const [connection, roles] = process.argv.slice(1).map((text) => JSON.parse(text))
await migrate(silentLogger(), connection, roles)
`

test('processes that migrate one empty database at once all succeed, and it is done once', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.emptyDatabase()
  const argument = [owner(server, database), ROLES].map((value) => JSON.stringify(value))
  const codes = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', MIGRATE, ...argument])
      let stderr = ''
      child.stderr.on('data', (data: Buffer) => {
        stderr += data.toString()
      })
      return new Promise((resolve) => child.once('close', (status) => resolve(status === 0 ? 'ok' : stderr)))
    }),
  )
  assert.deepEqual(codes, ['ok', 'ok', 'ok'])
  assert.equal(await version(server, database), String(SCHEMA_VERSION))
  const engine = await openOn(server, database)
  t.after(() => engine.close())
  assert.deepEqual(await write(engine, acme, [put('k', 'v')]), [1])
})

test('a migration that fails leaves the version before it, and nothing of itself', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const connection = owner(server, database)
  await assert.rejects(migrate(log, connection, ROLES, [...MIGRATIONS, broken]), code('internal'))
  assert.equal(await version(server, database), String(SCHEMA_VERSION))
  await migrate(log, connection, ROLES, [...MIGRATIONS, more])
  assert.equal(await version(server, database), String(SCHEMA_VERSION + 1))
  await migrate(log, connection, ROLES, [...MIGRATIONS, more])
  const { rows } = await server.admin('SELECT count(*)::int AS n FROM yizhan.later', database)
  assert.equal(rows[0].n, 1)
})

test('tables of a newer version are refused, by who may migrate and by who may not', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  await migrate(log, owner(server, database), ROLES, [...MIGRATIONS, more])
  const { app, sweep } = server.config(database).roles
  await assert.rejects(openOn(server, database), code('version_skew'))
  await assert.rejects(openOn(server, database, { config: { roles: { app, sweep } } }), code('version_skew'))
})

test('without the role of the owner an unmigrated database is refused, and a migrated one opens', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const empty = await server.emptyDatabase()
  const { app, sweep } = server.config(empty).roles
  const config = { roles: { app, sweep } }
  await assert.rejects(openOn(server, empty, { config }), code('failed_precondition'))
  const first = await openOn(server, empty)
  await write(first, acme, [put('k', 'v')])
  await first.close()
  const second = await openOn(server, empty, { config })
  t.after(() => second.close())
  assert.equal(text(await second.get(acme, 'things', 'k')), 'v')
  // Nothing that it may do: said in the log, and no error.
  await second.compact(new AbortController().signal, acme)
})
