import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import { META, MIGRATIONS, type RoleNames, TABLES } from './schema.js'

const roles: RoleNames = { owner: 'yizhan_owner', app: 'yizhan_app', sweep: 'yizhan_sweep' }

/** A newer PostgreSQL than Debian's, in this process, migrated. */
async function migrated(t: TestContext): Promise<PGlite> {
  const db = await PGlite.create()
  t.after(() => db.close())
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
