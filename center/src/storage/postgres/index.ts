export { type PostgresConfig, postgresConfigSchema } from './config.js'
export { clientConfig } from './connection.js'
export { asOwner } from './migrate.js'
export {
  endRestore,
  type OpenedPostgres,
  openForRestore,
  openPostgresEngine,
  type PostgresDeps,
  type RestorePostgres,
} from './open.js'
export { postgresError } from './postgres-error.js'
export { type ProvisionOptions, provisionSql } from './provision.js'
export { isolation, partitions, type RoleNames, type TenantTables } from './schema.js'
export { checkIsolation, checkRole } from './server-check.js'
export { type Prepared, SessionPool } from './session-pool.js'
export { runRepeatable } from './transaction.js'
