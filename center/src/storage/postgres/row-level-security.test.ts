import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type pg from 'pg'
import { acme, code, put, tenant } from '../contract-place.js'
import { write } from '../engine-place.js'
import { TABLES, TENANT_ROWS } from './schema.js'
import { openOn, postgres } from './testing/place.js'
import { ROLES, type TestServer } from './testing/server.js'

const other = tenant('other')

interface Scene {
  readonly server: TestServer
  readonly database: string
  /** A connection as the app role, with nothing set. */
  readonly app: pg.Client
}

/** Two tenants with data of every kind. */
async function scene(t: TestContext): Promise<Scene | undefined> {
  const server = await postgres(t)
  if (!server) return undefined
  const database = await server.database()
  const engine = await openOn(server, database)
  for (const scope of [acme, other, null]) {
    await write(engine, scope, [put('k', 'v', { subject: 's1', terms: [{ name: 'by', value: 'x' }] })])
  }
  await engine.close()
  return { server, database, app: await server.client(t, ROLES.app, database) }
}

const refused = (state: string) => (thrown: unknown) =>
  thrown instanceof Error && 'code' in thrown && thrown.code === state
const count = async (client: pg.Client, sql: string) => (await client.query(sql)).rowCount
const DENIED = '42501'

test('without a tenant the app role reads, changes and deletes no row, and inserts none', async (t) => {
  const s = await scene(t)
  if (!s) return
  for (const table of TABLES) {
    assert.equal(await count(s.app, `SELECT * FROM yizhan.${table}`), 0, table)
    assert.equal(await count(s.app, `DELETE FROM yizhan.${table}`), 0, table)
    assert.equal(await count(s.app, `UPDATE yizhan.${table} SET tenant_id = 'other'`), 0, table)
  }
  for (const insert of [
    "INSERT INTO yizhan.heads VALUES ('third', '')",
    "INSERT INTO yizhan.records (tenant_id, collection, key, bytes) VALUES ('acme', 'c', 'k', '')",
    "INSERT INTO yizhan.terms VALUES ('acme', 'c', 'n', 'v', 'k')",
    "INSERT INTO yizhan.audit VALUES ('acme', 9, '')",
  ]) {
    await assert.rejects(s.app.query(insert), refused(DENIED), insert)
  }
  const left = await s.server.admin('SELECT count(*)::int AS n FROM yizhan.records', s.database)
  assert.equal(left.rows[0].n, 3)
})

test('a connection that one tenant has used gives no rows to who sets none', async (t) => {
  const s = await scene(t)
  if (!s) return
  const records = 'SELECT * FROM yizhan.records'
  await s.app.query('BEGIN')
  await s.app.query("SELECT set_config('yizhan.tenant', 'acme', true)")
  assert.equal(await count(s.app, records), 1)
  await s.app.query('COMMIT')
  // Now the setting is there and empty: a plain cast or comparison would fail or fit the wrong rows.
  const left = await s.app.query("SELECT current_setting('yizhan.tenant', true) AS tenant")
  assert.equal(left.rows[0].tenant, '')
  for (const table of TABLES) assert.equal(await count(s.app, `SELECT * FROM yizhan.${table}`), 0, table)
  assert.equal(await count(s.app, 'DELETE FROM yizhan.records'), 0)
  await assert.rejects(s.app.query("INSERT INTO yizhan.heads VALUES ('third', '')"), refused(DENIED))
  await s.app.query('BEGIN')
  await s.app.query("SELECT set_config('yizhan.tenant', 'acme', true)")
  await s.app.query('ROLLBACK')
  assert.equal(await count(s.app, records), 0)
})

test("a tenant's session sees, changes and makes rows of no other, nor the system's", async (t) => {
  const s = await scene(t)
  if (!s) return
  await s.app.query("SELECT set_config('yizhan.tenant', 'acme', false)")
  for (const table of TABLES) {
    const { rows }: pg.QueryResult = await s.app.query(`SELECT DISTINCT tenant_id FROM yizhan.${table}`)
    assert.deepEqual(rows, [{ tenant_id: 'acme' }], table)
    assert.equal(await count(s.app, `DELETE FROM yizhan.${table} WHERE tenant_id <> 'acme'`), 0, table)
    const taken = s.app.query(`UPDATE yizhan.${table} SET tenant_id = 'other'`)
    await assert.rejects(taken, refused(DENIED), table)
  }
  const foreign = "INSERT INTO yizhan.audit VALUES ('other', 9, '')"
  await assert.rejects(s.app.query(foreign), refused(DENIED))
})

test('the app role cannot turn isolation off, take another role, or reach a partition by its name', async (t) => {
  const s = await scene(t)
  if (!s) return
  for (const attack of [
    `SET ROLE ${ROLES.owner}`,
    `SET ROLE ${ROLES.sweep}`,
    'SET ROLE postgres',
    `SET SESSION AUTHORIZATION ${ROLES.owner}`,
    'ALTER TABLE yizhan.records DISABLE ROW LEVEL SECURITY',
    'ALTER TABLE yizhan.records NO FORCE ROW LEVEL SECURITY',
    'DROP POLICY tenant_rows ON yizhan.records',
    `CREATE POLICY mine ON yizhan.records TO ${ROLES.app} USING (true)`,
    `ALTER ROLE ${ROLES.app} BYPASSRLS`,
    `GRANT ${ROLES.owner} TO ${ROLES.app}`,
    'TRUNCATE yizhan.records',
    'DROP TABLE yizhan.records',
    'SELECT * FROM yizhan.records_3',
    'CREATE TABLE yizhan.mine (a int)',
    'CREATE TABLE public.mine (a int)',
    'CREATE VIEW public.mine AS SELECT * FROM yizhan.records',
    'CREATE TRIGGER mine BEFORE INSERT ON yizhan.records EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    "COPY yizhan.records TO PROGRAM 'cat'",
    "COPY yizhan.records TO '/tmp/records'",
    "SELECT pg_read_file('PG_VERSION')",
    "UPDATE yizhan.meta SET value = '9'",
  ]) {
    await assert.rejects(s.app.query(attack), refused(DENIED), attack)
  }
  // Turning it off for a session makes a query fail where it would be filtered; it never shows more.
  await s.app.query('SET row_security = off')
  await assert.rejects(s.app.query('SELECT * FROM yizhan.records'), refused(DENIED))
  await s.app.query('SET row_security = on')
  assert.equal(await count(s.app, 'COPY (SELECT * FROM yizhan.records) TO STDOUT'), 0)
})

test('the sweep role lists names of tenants and sees or changes nothing else', async (t) => {
  const s = await scene(t)
  if (!s) return
  const sweep = await s.server.client(t, ROLES.sweep, s.database)
  const { rows } = await sweep.query('SELECT tenant_id FROM yizhan.heads ORDER BY tenant_id')
  assert.deepEqual(
    rows.map(({ tenant_id }) => tenant_id),
    ['$system', 'acme', 'other'],
  )
  for (const attack of [
    'SELECT bytes FROM yizhan.records',
    'SELECT key FROM yizhan.records',
    'SELECT * FROM yizhan.audit',
    'SELECT value FROM yizhan.terms',
    'DELETE FROM yizhan.heads',
    "UPDATE yizhan.heads SET tenant_id = 'x'",
    "INSERT INTO yizhan.heads VALUES ('third', '')",
    `SET ROLE ${ROLES.app}`,
  ]) {
    await assert.rejects(sweep.query(attack), refused(DENIED), attack)
  }
})

test("even the tables' owner sees no row of a tenant", async (t) => {
  const s = await scene(t)
  if (!s) return
  const owner = await s.server.client(t, ROLES.owner, s.database)
  await owner.query("SELECT set_config('yizhan.tenant', 'acme', false)")
  for (const table of TABLES) assert.equal(await count(owner, `SELECT * FROM yizhan.${table}`), 0, table)
})

test('a database where isolation is open, or whose role could open it, is refused at the start', async (t) => {
  const s = await scene(t)
  if (!s) return
  const { app, owner } = ROLES
  for (const [harm, mend] of [
    [
      'ALTER TABLE yizhan.records NO FORCE ROW LEVEL SECURITY',
      'ALTER TABLE yizhan.records FORCE ROW LEVEL SECURITY',
    ],
    [
      'ALTER TABLE yizhan.audit_7 DISABLE ROW LEVEL SECURITY',
      'ALTER TABLE yizhan.audit_7 ENABLE ROW LEVEL SECURITY',
    ],
    [`CREATE POLICY more ON yizhan.terms TO ${app} USING (true)`, 'DROP POLICY more ON yizhan.terms'],
    ['CREATE POLICY more ON yizhan.terms USING (true)', 'DROP POLICY more ON yizhan.terms'],
    [
      'ALTER POLICY tenant_rows ON yizhan.heads USING (true)',
      `ALTER POLICY tenant_rows ON yizhan.heads USING (${TENANT_ROWS})`,
    ],
    [
      'ALTER POLICY tenant_rows ON yizhan.heads WITH CHECK (true)',
      `ALTER POLICY tenant_rows ON yizhan.heads WITH CHECK (${TENANT_ROWS})`,
    ],
    [`GRANT ${owner} TO ${app}`, `REVOKE ${owner} FROM ${app}`],
    [`ALTER ROLE ${app} BYPASSRLS`, `ALTER ROLE ${app} NOBYPASSRLS`],
    [`ALTER ROLE ${app} SUPERUSER`, `ALTER ROLE ${app} NOSUPERUSER`],
    [`ALTER ROLE ${app} CREATEROLE`, `ALTER ROLE ${app} NOCREATEROLE`],
  ] as const) {
    await s.server.admin(harm, s.database)
    const opening = openOn(s.server, s.database).then((engine) => engine.close())
    await assert.rejects(opening, code('failed_precondition'), harm)
    await s.server.admin(mend, s.database)
  }
  await (await openOn(s.server, s.database)).close()
})

test('a wrong password, a missing database and a server that is not there are told apart', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const roles = server.config(database).roles
  const wrong = { ...roles, app: { ...roles.app, passwordFile: roles.sweep.passwordFile ?? '' } }
  await assert.rejects(openOn(server, database, { config: { roles: wrong } }), code('unauthenticated'))
  const none = { ...roles, app: { user: roles.app.user } }
  await assert.rejects(openOn(server, database, { config: { roles: none } }), code('unauthenticated'))
  await assert.rejects(openOn(server, 'nowhere'), code('config_invalid'))
  await assert.rejects(openOn(server, database, { config: { port: 1 } }), code('unavailable'))
  const remote = { host: 'db.example', tls: { mode: 'off' as const } }
  await assert.rejects(openOn(server, database, { config: remote }), code('config_invalid'))
})
