export { STORE_LIMITS } from './limits.js'
export type {
  AuditEntry,
  Change,
  Page,
  ScanOptions,
  Store,
  StoredRecord,
  SystemStore,
} from './port.js'
export { openStorage, type Storage, type StorageConfig, type StorageDeps } from './storage.js'
