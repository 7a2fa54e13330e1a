import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { silentLogger, YizhanError } from '@yizhan/kernel'
import { compilePostgresConfig } from '../../../storage/postgres/testing/made-config.js'
import { PgliteServer } from '../../../storage/postgres/testing/pglite-server.js'
import { acme, tenantId } from '../../../tenants/testing/catalog.js'
import { outsideStoreContract } from '../testing/store-contract.js'
import { unit } from '../testing/subject-embedder.js'
import type { VectorModel } from '../vector-store.js'
import { createPgvectorStore } from './pgvector-store.js'

const MODEL: VectorModel = { name: 'm', dimensions: 3 }
let db: PGlite
let server: PgliteServer

// It takes seconds to make; each test empties it.
before(async () => {
  db = await PGlite.create({ extensions: { vector } })
  await db.exec(
    ['owner', 'app', 'sweep'].map((role) => `CREATE ROLE yizhan_${role} LOGIN NOBYPASSRLS;`).join('\n'),
  )
  await db.exec('GRANT CREATE ON DATABASE postgres TO yizhan_owner; REVOKE ALL ON SCHEMA public FROM PUBLIC')
  server = new PgliteServer(db)
  await server.start()
})
after(async () => {
  await server.stop()
  await db.close()
})

const asSuperuser = (sql: string) => db.exec(`SET SESSION AUTHORIZATION postgres; ${sql}`)
const config = (more = {}) =>
  compilePostgresConfig({
    ...{ host: '127.0.0.1', port: server.port, database: 'postgres', tls: { mode: 'off' }, poolMax: 1 },
    ...{ roles: { owner: {} }, ...more },
  })
const open = (model = MODEL, more = {}) => createPgvectorStore({ log: silentLogger() }, config(more), model)

async function place(t: TestContext) {
  await asSuperuser(`DROP SCHEMA IF EXISTS yizhan_vectors CASCADE;
    CREATE SCHEMA yizhan_vectors AUTHORIZATION yizhan_owner; CREATE EXTENSION vector SCHEMA yizhan_vectors`)
  t.after(async () => {
    await server.stop()
    await server.start()
  })
  return {
    open: (model: VectorModel) => open(model),
    outside: {
      down: () => server.stop(),
      up: () => server.start(),
      async lose() {
        await asSuperuser('TRUNCATE yizhan_vectors.passages')
      },
    },
  }
}

outsideStoreContract('pgvector', place)

test('a database that is not set up is refused with what to do', async (t) => {
  await place(t)
  const refused = async (why: RegExp, model = MODEL, more = {}) => {
    const store = open(model, more)
    await assert.rejects(store.prepare(), (thrown: unknown) => {
      assert.ok(thrown instanceof YizhanError)
      assert.match(`${thrown.code}: ${thrown.message}`, why)
      return !thrown.retryable
    })
    await store.close()
  }
  const ownerless = { roles: {} }
  await asSuperuser('DROP EXTENSION vector')
  await refused(/^failed_precondition: .* has no pgvector/)
  await asSuperuser('CREATE EXTENSION vector SCHEMA yizhan_vectors')
  await refused(/^failed_precondition: the database has no table of vectors/, MODEL, ownerless)
  await refused(/^config_invalid: pgvector indexes 4000 dimensions/, { name: 'm', dimensions: 4_001 })
  const store = open()
  await store.prepare()
  await store.close()
  await refused(/^failed_precondition: .* the role owns the tables/, MODEL, {
    roles: { app: { user: 'yizhan_owner' } },
  })
  await refused(/^failed_precondition: .* superuser/, MODEL, { roles: { app: { user: 'postgres' } } })
  await asSuperuser('ALTER TABLE yizhan_vectors.passages_3 NO FORCE ROW LEVEL SECURITY')
  await refused(/^failed_precondition: .* lacks forced row-level security/, MODEL, ownerless)
})

test('rows are of their tenant alone, whatever a statement asks for; nobody has none', async (t) => {
  await place(t)
  const store = open()
  for (const tenant of [acme, tenantId('other')]) {
    await store.put(tenant, [{ id: 'a'.repeat(64), vector: unit(1, 0, 0) }])
  }
  await store.close()
  await asSuperuser('SET SESSION AUTHORIZATION yizhan_app')
  for (const [tenant, seen] of [
    ['acme', ['acme']],
    ['other', ['other']],
    ['', []],
  ] as const) {
    const rows = await db.transaction(async (tx) => {
      await tx.query("SELECT set_config('yizhan.tenant', $1, true)", [tenant])
      await tx.query("UPDATE yizhan_vectors.passages SET model = model WHERE tenant_id IN ('acme', 'other')")
      return (await tx.query<{ tenant_id: string }>('SELECT tenant_id FROM yizhan_vectors.passages')).rows
    })
    assert.deepEqual(
      rows.map(({ tenant_id }) => tenant_id),
      seen,
    )
  }
})

test('the nearest of a tenant are found through the graph, however many of others lie before them', async (t) => {
  await place(t)
  const store = open()
  await store.prepare()
  const { rows } = await db.query<{ name: string }>(
    `SELECT 't' || n AS name FROM generate_series(1, 999) n, generate_series(0, 15) part
      WHERE satisfies_hash_partition('yizhan_vectors.passages'::regclass, 16, part, 'acme'::text)
        AND satisfies_hash_partition('yizhan_vectors.passages'::regclass, 16, part, 't' || n) LIMIT 1`,
  )
  const rows60 = (letter: string, vectorOf: (n: number) => Float32Array) =>
    Array.from({ length: 60 }, (_, n) => ({ id: `${n}`.padStart(64, letter), vector: vectorOf(n) }))
  await store.put(
    tenantId(rows[0]?.name ?? ''),
    rows60('b', (n) => unit(1, n / 1e4, 0)),
  )
  await store.put(
    acme,
    rows60('a', (n) => unit(0.2, 1, n / 100)),
  )
  // So few rows would be sorted one by one.
  await asSuperuser('SET enable_sort = off')
  t.after(() => asSuperuser('RESET enable_sort'))
  const near = await store.nearest(acme, unit(1, 0, 0), 30)
  assert.deepEqual(
    near.map(({ id }) => Number(id.replace(/^a+/, ''))),
    Array.from({ length: 30 }, (_, n) => n),
  )
  await store.close()
})
