import pg from 'pg'

/** Roles as they are named in the database. */
export interface RoleNames {
  readonly owner: string
  readonly app: string
  readonly sweep: string
}

export interface Migration {
  /** From 1, each one more. A released one is never changed. */
  readonly version: number
  readonly sql: (roles: RoleNames) => string
}

export const PARTITIONS = 16
export const TABLES = ['heads', 'records', 'terms', 'audit'] as const
const PARTITIONED = ['records', 'terms', 'audit'] as const

/** Without a tenant no row is of anybody: on a connection that was used before the setting is '' and not NULL. */
export const TENANT_ROWS = "tenant_id = NULLIF(current_setting('yizhan.tenant', true), '')"

// Collation "C" is the order of bytes, whatever the database sorts by. `subject` and `expires_at` stand in the record
// too; here they are its index. Sealed bytes do not compress: EXTERNAL does not try.
const BASE = `
CREATE TABLE yizhan.heads (
  tenant_id text COLLATE "C" PRIMARY KEY,
  bytes bytea NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE yizhan.records (
  tenant_id text COLLATE "C" NOT NULL,
  collection text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  subject text COLLATE "C",
  expires_at int8,
  bytes bytea NOT NULL,
  PRIMARY KEY (tenant_id, collection, key)
) PARTITION BY HASH (tenant_id);
CREATE INDEX records_subject ON yizhan.records (tenant_id, subject, collection, key) WHERE subject IS NOT NULL;
CREATE INDEX records_expiry ON yizhan.records (tenant_id, expires_at, collection, key) WHERE expires_at IS NOT NULL;
ALTER TABLE yizhan.records ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE yizhan.terms (
  tenant_id text COLLATE "C" NOT NULL,
  collection text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, collection, name, value, key)
) PARTITION BY HASH (tenant_id);

CREATE TABLE yizhan.audit (
  tenant_id text COLLATE "C" NOT NULL,
  sequence int8 NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (tenant_id, sequence)
) PARTITION BY HASH (tenant_id);
ALTER TABLE yizhan.audit ALTER COLUMN bytes SET STORAGE EXTERNAL;
`

/** Tables of one schema that tenants share. */
export interface TenantTables {
  readonly schema: string
  readonly tables: readonly string[]
  /** Those among them that are partitioned by a hash of `tenant_id`. */
  readonly partitioned: readonly string[]
}

/** Where records live. */
export const OURS: TenantTables = { schema: 'yizhan', tables: TABLES, partitioned: PARTITIONED }

export function partitions({ schema, partitioned }: TenantTables): string {
  return partitioned
    .flatMap((table) =>
      Array.from(
        { length: PARTITIONS },
        (_, i) =>
          `CREATE TABLE ${schema}.${table}_${i} PARTITION OF ${schema}.${table} FOR VALUES WITH (MODULUS ${PARTITIONS}, REMAINDER ${i});`,
      ),
    )
    .join('\n')
}

/** Also on every partition, which can be named like a table. */
export function isolation({ schema, tables, partitioned }: TenantTables, roles: RoleNames): string {
  const [app, sweep] = [pg.escapeIdentifier(roles.app), pg.escapeIdentifier(roles.sweep)]
  const parts = partitioned.flatMap((table) => Array.from({ length: PARTITIONS }, (_, i) => `${table}_${i}`))
  const locked = [...tables, ...parts].map(
    (table) =>
      `ALTER TABLE ${schema}.${table} ENABLE ROW LEVEL SECURITY;\nALTER TABLE ${schema}.${table} FORCE ROW LEVEL SECURITY;`,
  )
  const opened = tables.map(
    (table) => `
CREATE POLICY tenant_rows ON ${schema}.${table} FOR ALL TO ${app} USING (${TENANT_ROWS}) WITH CHECK (${TENANT_ROWS});
CREATE POLICY sweep_names ON ${schema}.${table} FOR SELECT TO ${sweep} USING (true);
REVOKE ALL ON ${schema}.${table} FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.${table} TO ${app};
GRANT SELECT (tenant_id) ON ${schema}.${table} TO ${sweep};`,
  )
  return [...locked, ...opened].join('\n')
}

function access(roles: RoleNames): string {
  const [app, sweep] = [pg.escapeIdentifier(roles.app), pg.escapeIdentifier(roles.sweep)]
  return `
REVOKE ALL ON SCHEMA yizhan FROM PUBLIC;
GRANT USAGE ON SCHEMA yizhan TO ${app}, ${sweep};
REVOKE ALL ON yizhan.meta FROM PUBLIC;
GRANT SELECT ON yizhan.meta TO ${app}, ${sweep};`
}

/** Made first, under the lock: what the database says about itself. */
export const META = `
CREATE SCHEMA IF NOT EXISTS yizhan;
CREATE TABLE IF NOT EXISTS yizhan.meta (name text PRIMARY KEY, value text NOT NULL);`

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, sql: (roles) => [BASE, partitions(OURS), access(roles), isolation(OURS, roles)].join('\n') },
]

export const SCHEMA_VERSION = MIGRATIONS.at(-1)?.version ?? 0
