export { attachmentsSource } from './attachments-source.js'
export { contentMark, conversationMark, identityDigest, memoryMark, questionMark } from './blind-index.js'
export { type CaseClosing, type PrivacyCase, PrivacyCases } from './cases.js'
export {
  type Certificate,
  type CertificateCheck,
  certify,
  checkCertificate,
  type SignedCertificate,
} from './certificate.js'
export { type PrivacyConfig, privacyConfigSchema } from './config.js'
export { type Consent, Consents, type PurposeUse } from './consents.js'
export { AUDIT_FLOOR_MS, classOfCollection, DATA_CLASSES, type DataClass } from './data-classes.js'
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
export { type PrivacyPolicies, policiesOf, retentionOf } from './policy.js'
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
export { createPrivacy, type Privacy, type PrivacyDeps } from './privacy.js'
export { resumeBuffersSource } from './resume-buffers-source.js'
export { SubjectCopies } from './subject-copy.js'
export { type Correction, type Seen, SubjectDirectory } from './subject-directory.js'
export { isSubjectId, type Subject } from './subject-record.js'
export { recordsOf } from './subject-records.js'
export { SubjectReportBook } from './subject-reports.js'
export { Sweeper, type SweepReport, type Swept } from './sweeper.js'
