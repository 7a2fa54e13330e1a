export { BundleStore } from './bundle-store.js'
export { type ApplyReport, openTenantCatalog, type TenantCatalog, type TenantSummary } from './catalog.js'
export { readTenantDirectory } from './directory.js'
export { type Problem, problemPlace, tenantInvalid } from './problem.js'
export {
  MAX_TENANT_BYTES,
  MAX_TENANT_FILES,
  readTenant,
  type TenantFiles,
  type TenantSource,
} from './source.js'
