export { type PostgresConfig, postgresConfigSchema } from './config.js'
export {
  endRestore,
  type OpenedPostgres,
  openForRestore,
  openPostgresEngine,
  type PostgresDeps,
  type RestorePostgres,
} from './open.js'
export { type ProvisionOptions, provisionSql } from './provision.js'
export type { RoleNames } from './schema.js'
