import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { META, MIGRATIONS, type RoleNames, TABLES, TENANT_ROWS } from './schema.js'

const roles: RoleNames = { owner: 'yizhan_owner', app: 'yizhan_app', sweep: 'yizhan_sweep' }
const VECTORS = `
CREATE TABLE yizhan.vectors (
  tenant_id text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, embedding vector(3) NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ON yizhan.vectors USING hnsw (embedding vector_cosine_ops);
ALTER TABLE yizhan.vectors ENABLE ROW LEVEL SECURITY;
ALTER TABLE yizhan.vectors FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_rows ON yizhan.vectors FOR ALL TO yizhan_app USING (${TENANT_ROWS}) WITH CHECK (${TENANT_ROWS});
GRANT SELECT, INSERT, UPDATE, DELETE ON yizhan.vectors TO yizhan_app;`

/** A newer PostgreSQL than Debian's, in this process, migrated and with pgvector. */
async function migrated(t: TestContext): Promise<PGlite> {
  const db = await PGlite.create({ extensions: { vector } })
  t.after(() => db.close())
  await db.exec('CREATE EXTENSION vector')
  await db.exec(
    Object.values(roles)
      .map((role) => `CREATE ROLE ${role} NOBYPASSRLS;`)
      .join('\n'),
  )
  await db.exec(`GRANT CREATE ON DATABASE postgres TO ${roles.owner}; SET ROLE ${roles.owner};`)
  await db.exec(META)
  for (const { sql } of MIGRATIONS) await db.exec(sql(roles))
  return db
}

/** A transaction of a tenant, or of nobody. */
function as<T>(
  db: PGlite,
  tenant: string | undefined,
  work: (query: PGlite['query']) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.query('SET LOCAL ROLE yizhan_app')
    if (tenant !== undefined) await tx.query("SELECT set_config('yizhan.tenant', $1, true)", [tenant])
    return work((sql, values) => tx.query(sql, values))
  })
}

test('the tables are made by PGlite too, and without a tenant they give and take no row', async (t) => {
  const db = await migrated(t)
  await as(db, 'acme', (query) =>
    query("INSERT INTO yizhan.records (tenant_id, collection, key, bytes) VALUES ('acme', 'c', 'k', '')"),
  )
  for (const tenant of [undefined, '', 'other']) {
    for (const table of TABLES) {
      const { rows } = await as(db, tenant, (query) => query(`SELECT * FROM yizhan.${table}`))
      assert.deepEqual(rows, [], `${tenant} ${table}`)
    }
    const insert = as(db, tenant, (query) => query("INSERT INTO yizhan.heads VALUES ('acme', '')"))
    await assert.rejects(insert, /row-level security/)
  }
  const { rows } = await as(db, 'acme', (query) => query('SELECT key FROM yizhan.records'))
  assert.deepEqual(rows, [{ key: 'k' }])
})

test('the nearest vectors of a tenant are its own, however near those of others are', async (t) => {
  const db = await migrated(t)
  await db.exec(VECTORS)
  for (const [tenant, x] of [
    ['acme', 1],
    ['other', 0],
  ] as const) {
    await as(db, tenant, async (query) => {
      for (let i = 0; i < 20; i++) {
        await query('INSERT INTO yizhan.vectors VALUES ($1, $2, $3)', [tenant, `v${i}`, `[${x},${i / 20},1]`])
      }
    })
  }
  const near = 'SELECT tenant_id, id FROM yizhan.vectors ORDER BY embedding <=> $1 LIMIT 3'
  const of = async (tenant: string | undefined) =>
    (await as(db, tenant, (query) => query(near, ['[0,0,1]']))).rows
  assert.deepEqual(await of('acme'), [
    { tenant_id: 'acme', id: 'v0' },
    { tenant_id: 'acme', id: 'v1' },
    { tenant_id: 'acme', id: 'v2' },
  ])
  assert.deepEqual(
    (await of('other')).map((row) => (row as { readonly tenant_id: string }).tenant_id),
    ['other', 'other', 'other'],
  )
  assert.deepEqual(await of(undefined), [])
})
