import { YizhanError } from '@yizhan/kernel'
import type pg from 'pg'
import { OURS, TENANT_ROWS, type TenantTables } from './schema.js'

const OLDEST_SERVER = 140_000

const SERVER = `SELECT current_setting('server_version_num')::int AS version,
  current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
  pg_is_in_recovery() AS standby, r.rolsuper AS super, r.rolbypassrls AS bypass, r.rolcreaterole AS creates
  FROM pg_roles r WHERE r.rolname = current_user`
const OPEN_TABLES = `SELECT c.relname AS name FROM pg_class c
  WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'meta'
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`
const OWNED = `SELECT count(*)::int AS count FROM pg_class c
  WHERE c.relnamespace = $1::regnamespace AND pg_has_role(current_user, c.relowner, 'MEMBER')`
const POLICIES = `SELECT tablename AS name, qual, with_check FROM pg_policies
  WHERE schemaname = $1 AND permissive = 'PERMISSIVE' AND EXISTS (SELECT FROM unnest(roles) role
    WHERE role = 'public' OR pg_has_role(current_user, role, 'MEMBER'))`

/**
 * Refuses a database on which tenants would not be kept apart or writes not be kept: `failed_precondition`, and
 * `unavailable` for a standby.
 */
export async function checkServer(client: pg.ClientBase): Promise<void> {
  const found = await checkRole(client)
  if (Number(found.version) < OLDEST_SERVER) throw refuse('the server is older than PostgreSQL 14')
  if (found.encoding !== 'UTF8') throw refuse('the database is not in UTF8')
  if (found.fsync !== 'on')
    throw refuse('the server runs with fsync off: it may lose what it has answered for')
  if (found.standby === true) throw new YizhanError('unavailable', 'the database is a standby')
}

/** Refuses a role for which tenants are not kept apart. What it learnt of the server on the way. */
export async function checkRole(client: pg.ClientBase): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await client.query(SERVER)
  const found: Readonly<Record<string, unknown>> = rows[0] ?? {}
  if (found.super === true || found.bypass === true || found.creates === true) {
    throw refuse('the role is a superuser, may make roles, or passes row-level security by')
  }
  return found
}

/** Refuses a role that could undo the isolation, or tables that lack it. */
export async function checkIsolation(
  client: pg.ClientBase,
  { schema, tables }: Pick<TenantTables, 'schema' | 'tables'> = OURS,
): Promise<void> {
  const owned = await client.query<{ count: number }>(OWNED, [schema])
  if (owned.rows[0]?.count !== 0)
    throw refuse('the role owns the tables, or is a member of the role that does')
  const open = await client.query<{ name: string }>(OPEN_TABLES, [schema])
  if (open.rows.length > 0) throw refuse('a table lacks forced row-level security', open.rows[0]?.name)
  const { rows } = await client.query<{ name: string; qual: string; with_check: string }>(POLICIES, [schema])
  for (const table of tables) {
    const [policy, ...more] = rows.filter(({ name }) => name === table)
    const ours = policy && isTenantRows(policy.qual) && isTenantRows(policy.with_check)
    if (!ours || more.length > 0)
      throw refuse('the policy of a table is not the one that it was made with', table)
  }
}

/** The server writes an expression in its own way: other blanks, parentheses and casts. */
function isTenantRows(expression: string | null): boolean {
  const bare = (text: string) => text.replace(/::text|[\s()]/g, '')
  return bare(expression ?? '') === bare(TENANT_ROWS)
}

function refuse(why: string, table?: string): YizhanError {
  return new YizhanError('failed_precondition', `the database is not fit: ${why}`, {
    ...(table === undefined ? {} : { details: { table } }),
    hint: 'set roles and database up as docs/how-to/use-postgresql.md says',
  })
}
