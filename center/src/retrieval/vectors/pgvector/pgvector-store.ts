import { asTenantId, type Logger } from '@yizhan/kernel'
import {
  asOwner,
  clientConfig,
  type PostgresConfig,
  runRepeatable,
  SessionPool,
} from '../../../storage/postgres/index.js'
import { checkDimensions, type VectorModel, type VectorStore } from '../vector-store.js'
import { type Comparison, checkSetUp, setUp, TABLE } from './pgvector-schema.js'

const SESSIONS = 'yizhan-vectors'
const OF_TENANT = `FROM ${TABLE} WHERE tenant_id = $1`

interface Opened extends Comparison {
  readonly pool: SessionPool
}

/**
 * Vectors in PostgreSQL with pgvector, rows of a tenant under forced row-level security as its records are. Set up at
 * the first call that reaches the database, if there is an owner's role.
 */
export function createPgvectorStore(
  { log }: { readonly log: Logger },
  config: PostgresConfig,
  model: VectorModel,
): VectorStore {
  const { app, sweep, owner } = config.roles
  const { dimensions } = model
  const name = `${model.name}/${dimensions}`
  let opening: Promise<Opened> | undefined

  const connection = async (role: typeof app) => ({
    ...(await clientConfig(config, role, 'upkeep')),
    application_name: SESSIONS,
  })
  const open = async (): Promise<Opened> => {
    if (owner) {
      const roles = { owner: owner.user, app: app.user, sweep: sweep.user }
      await asOwner(await connection(owner), (client) => setUp(client, roles, model))
    }
    const comparison = await asOwner(await connection(app), (client) => checkSetUp(client, model))
    const lookups = await clientConfig(config, app, 'lookups')
    const pool = new SessionPool({ log }, { ...lookups, application_name: SESSIONS, max: config.poolMax })
    return { ...comparison, pool }
  }
  /** What failed is tried again by the next call. */
  const opened = () => {
    opening ??= open().catch((thrown: unknown) => {
      opening = undefined
      throw thrown
    })
    return opening
  }

  return {
    async prepare() {
      await opened()
    },
    async put(tenant, vectors) {
      checkDimensions(
        model,
        vectors.map(({ vector }) => vector),
      )
      const { pool, schema } = await opened()
      const last = new Map(vectors.map(({ id, vector }) => [id, asText(vector)]))
      const text = `INSERT INTO ${TABLE} (tenant_id, model, dimensions, id, embedding)
        SELECT $1, $2, $3, given.id, given.embedding::${schema}.vector
          FROM unnest($4::text[], $5::text[]) AS given (id, embedding)
        ON CONFLICT (tenant_id, model, id)
          DO UPDATE SET dimensions = EXCLUDED.dimensions, embedding = EXCLUDED.embedding`
      const values = [tenant, name, dimensions, [...last.keys()], [...last.values()]]
      await runRepeatable(pool, tenant, 'BEGIN', [{ name: 'put-vectors', text, values }])
    },
    async delete(tenant, ids) {
      const { pool } = await opened()
      const text = `DELETE ${OF_TENANT} AND model = $2 AND id = ANY($3::text[])`
      const values = [tenant, name, ids]
      await runRepeatable(pool, tenant, 'BEGIN', [{ name: 'delete-vectors', text, values }])
    },
    async ids(tenant) {
      const { pool } = await opened()
      const text = `SELECT id ${OF_TENANT} AND model = $2`
      const select = { name: 'vector-ids', text, values: [tenant, name] }
      const [rows = []] = await runRepeatable(pool, tenant, 'BEGIN READ ONLY', [select])
      return new Set(rows.map(({ id }) => String(id)))
    },
    async nearest(tenant, vector, count) {
      checkDimensions(model, [vector])
      const { pool, schema, type } = await opened()
      const distance = `embedding::${type} OPERATOR(${schema}.<=>) $3::${type}`
      // The dimension stands in it as a number: the index is one of such rows alone.
      const text = `SELECT id, 1 - (${distance}) AS similarity
        ${OF_TENANT} AND model = $2 AND dimensions = ${dimensions} ORDER BY ${distance} LIMIT ${count}`
      const [, rows = []] = await runRepeatable(pool, tenant, 'BEGIN READ ONLY', [
        FURTHER,
        { name: `nearest-${count}`, text, values: [tenant, name, asText(vector)] },
      ])
      return rows.map(({ id, similarity }) => ({ id: String(id), similarity: Number(similarity) }))
    },
    async tenants() {
      await opened()
      const { rows } = await asOwner(await connection(sweep), (client) =>
        client.query<{ tenant_id: string }>(`SELECT DISTINCT tenant_id FROM ${TABLE}`),
      )
      return rows.flatMap(({ tenant_id }) => asTenantId(tenant_id) ?? [])
    },
    async dropFormer(tenant) {
      const { pool } = await opened()
      const text = `DELETE ${OF_TENANT} AND model <> $2`
      await runRepeatable(pool, tenant, 'BEGIN', [{ name: 'drop-former', text, values: [tenant, name] }])
    },
    async clear(tenant) {
      const { pool } = await opened()
      const clear = { name: 'clear-vectors', text: `DELETE ${OF_TENANT}`, values: [tenant] }
      await runRepeatable(pool, tenant, 'BEGIN', [clear])
    },
    async close() {
      const { pool } = (await opening?.catch(() => undefined)) ?? {}
      await pool?.close()
    },
  }
}

// The graph is that of all tenants in a partition: it is walked until enough rows of this one are found.
const FURTHER = 'SET LOCAL hnsw.iterative_scan = strict_order'

/** As pgvector reads it. */
function asText(vector: Float32Array): string {
  return `[${vector.join(',')}]`
}
