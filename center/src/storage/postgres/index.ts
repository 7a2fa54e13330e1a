export { type PostgresConfig, postgresConfigSchema } from './config.js'
export { type OpenedPostgres, openPostgresEngine, type PostgresDeps } from './open.js'
export { type ProvisionOptions, provisionSql } from './provision.js'
export type { RoleNames } from './schema.js'
