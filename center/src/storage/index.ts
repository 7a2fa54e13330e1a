export { readAudit, type SealedAudit } from './audit-codec.js'
export { type Collection, collectionOf, type TypedPage, type TypedRecord } from './collection.js'
export { type CollectionDef, defineCollection } from './collection-def.js'
export type { MigrationResult } from './collection-migration.js'
export type { EngineSize, RecordEngine, Row, Scope, ScopeCheck, ScopeProblem } from './engine.js'
export { STORE_LIMITS } from './limits.js'
export type { MoveProgress, MoveReport, TenantMove } from './move.js'
export type { Move, MoveStep } from './place-map.js'
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
export { readSequence, sequenceText } from './sequence.js'
export {
  type EngineGiven,
  type OpenedEngine,
  openStorage,
  type Storage,
  type StorageConfig,
  type StorageDeps,
} from './storage.js'
export type { PlaceSize, StorageUpkeep, TenantHome } from './upkeep.js'
