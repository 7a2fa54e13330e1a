import { YizhanError } from '@yizhan/kernel'
import pg from 'pg'
import {
  checkIsolation,
  checkRole,
  isolation,
  partitions,
  type RoleNames,
  type TenantTables,
} from '../../../storage/postgres/index.js'
import type { VectorModel } from '../vector-store.js'

const SCHEMA = 'yizhan_vectors'
export const TABLE = `${SCHEMA}.passages`
const TABLES: TenantTables = { schema: SCHEMA, tables: ['passages'], partitioned: ['passages'] }

/** The oldest that goes on along its graph until enough rows of a tenant are found. */
const OLDEST = [0, 8] as const
/** 'yizh' and 2: beside the lock of the records' tables. */
const LOCK = '(2037999976, 2)'
/** Up to so many numbers pgvector indexes vectors as they are, and up to `MAX_HALF` in half the precision. */
const MAX_WHOLE = 2_000
const MAX_HALF = 4_000

/** How vectors of a model are compared, in SQL; the index has the same words. */
export interface Comparison {
  /** The extension's schema, ready for SQL. */
  readonly schema: string
  /** Type with its dimensions. */
  readonly type: string
  readonly operators: string
}

// Any dimension in one table; an index is made for each. No text, no name: a digest and numbers.
const table = (schema: string) => `
CREATE TABLE ${TABLE} (
  tenant_id text COLLATE "C" NOT NULL,
  model text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  dimensions int4 NOT NULL,
  embedding ${schema}.vector NOT NULL CHECK (${schema}.vector_dims(embedding) = dimensions),
  PRIMARY KEY (tenant_id, model, id)
) PARTITION BY HASH (tenant_id);`

/**
 * Makes the table and the index of the model's dimension, as the owner of the database. Vectors are derived data: the
 * table can be dropped at any time, and is filled again. The extension is a superuser's to make.
 */
export async function setUp(client: pg.ClientBase, roles: RoleNames, model: VectorModel): Promise<void> {
  await client.query(`SELECT pg_advisory_lock${LOCK}`)
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`)
  const comparison = await comparisonOf(client, model)
  if (!(await isMade(client))) {
    const names = [roles.app, roles.sweep].map(pg.escapeIdentifier).join(', ')
    const access = `GRANT USAGE ON SCHEMA ${SCHEMA} TO ${names};`
    // One message of several statements is one transaction.
    await client.query(
      [table(comparison.schema), partitions(TABLES), access, isolation(TABLES, roles)].join('\n'),
    )
  }
  const { dimensions } = model
  await client.query(`CREATE INDEX IF NOT EXISTS passages_nearest_${dimensions} ON ${TABLE}
    USING hnsw ((embedding::${comparison.type}) ${comparison.operators}) WHERE dimensions = ${dimensions}`)
}

/** Throws `failed_precondition` where the role could pass the isolation by, or something is not set up. */
export async function checkSetUp(client: pg.ClientBase, model: VectorModel): Promise<Comparison> {
  await checkRole(client)
  if (!(await isMade(client))) {
    throw new YizhanError('failed_precondition', 'the database has no table of vectors', {
      hint: 'start one center with storage.postgres.roles.owner set',
    })
  }
  await checkIsolation(client, TABLES)
  return await comparisonOf(client, model)
}

/** Also for a role that may not look into the schema. */
async function isMade(client: pg.ClientBase): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = '${SCHEMA}' AND c.relname = 'passages'`,
  )
  return rowCount === 1
}

async function comparisonOf(client: pg.ClientBase, { dimensions }: VectorModel): Promise<Comparison> {
  if (dimensions > MAX_HALF) {
    throw new YizhanError('config_invalid', `pgvector indexes ${MAX_HALF} dimensions at most`, {
      details: { dimensions },
      hint: 'choose another embedder, or another knowledge.vectors.store',
    })
  }
  const found = await extension(client)
  if (!found) throw missing('the database has no pgvector')
  const [major = 0, minor = 0] = found.version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw missing(`the database has pgvector ${found.version}`)
  }
  const kind = dimensions > MAX_WHOLE ? 'halfvec' : 'vector'
  const schema = pg.escapeIdentifier(found.schema)
  return { schema, type: `${schema}.${kind}(${dimensions})`, operators: `${schema}.${kind}_cosine_ops` }
}

async function extension(client: pg.ClientBase) {
  const { rows } = await client.query<{ readonly version: string; readonly schema: string }>(
    `SELECT e.extversion AS version, n.nspname AS schema
       FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'`,
  )
  return rows[0]
}

function missing(what: string): YizhanError {
  return new YizhanError('failed_precondition', `the database is not fit for vectors: ${what}`, {
    hint: `a superuser runs CREATE EXTENSION vector SCHEMA ${SCHEMA}, of pgvector ${OLDEST.join('.')} or newer`,
  })
}
