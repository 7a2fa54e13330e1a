export {
  type Certificate,
  type CertificateCheck,
  certify,
  checkCertificate,
  type SignedCertificate,
} from './certificate.js'
export { EdgeErasures } from './edge-erasures.js'
export {
  type ErasureLogFiles,
  type ErasureLogReading,
  openErasureLog,
  readErasureLog,
} from './erasure-log.js'
export type { Erasure, ErasureEdge, ErasurePlace, ErasureState } from './erasure-record.js'
export { type ErasureOutcome, Erasures, type ErasuresConfig, type ErasuresDeps } from './erasures.js'
export { type HeldNow, type Hold, LegalHolds, type NewHold } from './holds.js'
export type {
  Account,
  By,
  ErasedCount,
  ErasureLog,
  ErasureLogEntry,
  ExportItem,
  FleetEdge,
  FleetView,
  PrivacySource,
  StoreUpkeep,
  SubjectKeys,
} from './port.js'
export { type Correction, type Seen, SubjectDirectory } from './subject-directory.js'
export { isSubjectId, type Subject } from './subject-record.js'
