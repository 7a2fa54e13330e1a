export { BundleStore } from './bundle-store.js'
export {
  type ApplyOptions,
  type ApplyOutcome,
  type ApplyReport,
  type DiffReport,
  openTenantCatalog,
  type SwitchBy,
  type TenantCatalog,
  type TenantInForce,
  type TenantSummary,
} from './catalog.js'
export type { ObjectChange, ObjectKind, ObjectName } from './difference.js'
export { readTenantDirectory } from './directory.js'
export { INIT_LANGUAGES, type InitLanguage, newDirectory } from './init/index.js'
export { type Lesson, type Lessons, type LessonsOf, NO_LESSONS } from './lessons.js'
export { perVersion } from './per-version.js'
export {
  type Problem,
  problemDetail,
  problemLine,
  problemPlace,
  tenantInvalid,
  testsFailed,
} from './problem.js'
export { type QuestionsTable, questionsCsv, questionsTable, questionsXlsx } from './question-export.js'
export { DEFAULT_SAMPLING, type Sampling } from './sampling.js'
export { type JsonSchema, type SchemaName, tenantSchemas } from './schema/index.js'
export { type ReadTenant, readTenant, type TenantSource } from './source.js'
export { filesDigest, MAX_TENANT_BYTES, MAX_TENANT_FILES, type TenantFiles } from './tenant-files.js'
export { runTests, type Way, wayOf } from './test-run.js'
export { trainedLately } from './trained-lately.js'
export { type OpenModel, openAsEdge, type Train, type TriedOut, tryOut } from './try-out.js'
export { learnt, learntFrom, type Version, VersionBook } from './versions.js'
