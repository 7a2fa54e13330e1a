export { STORE_LIMITS } from './limits.js'
export type {
  AuditEntry,
  AuditOptions,
  AuditRecord,
  Change,
  IndexTerm,
  Page,
  PageOptions,
  PlaceQuery,
  RecordPlace,
  ScanOptions,
  ScopeHead,
  Store,
  StoredRecord,
  SystemStore,
} from './port.js'
export { openStorage, type Storage, type StorageConfig, type StorageDeps } from './storage.js'
