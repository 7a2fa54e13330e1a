export { BundleStore } from './bundle-store.js'
export {
  type ApplyOutcome,
  type ApplyReport,
  openTenantCatalog,
  type TenantCatalog,
  type TenantSummary,
} from './catalog.js'
export { readTenantDirectory } from './directory.js'
export { type Problem, problemPlace, tenantInvalid } from './problem.js'
export { type JsonSchema, type SchemaName, tenantSchemas } from './schema/index.js'
export { type ReadTenant, readTenant, type TenantSource } from './source.js'
export { type QuestionsTable, questionsCsv, questionsTable, questionsXlsx } from './spreadsheet/index.js'
export { MAX_TENANT_BYTES, MAX_TENANT_FILES, type TenantFiles } from './tenant-files.js'
