export {
  type AnchorCheck,
  AnchorSchema,
  anchorInLine,
  anchorKeys,
  checkAnchor,
  type SignedAnchor,
} from './anchor.js'
export { type AnchorConfig, type AuditConfig, auditConfigSchema } from './anchor-config.js'
export { type Anchoring, type AnchoringDeps, startAnchoring } from './anchoring.js'
export type { AuditFilter } from './audit-filter.js'
export {
  type AuditKey,
  type AuditLog,
  type AuditLogDeps,
  type AuditReader,
  createAuditLog,
  type ShownInFull,
} from './audit-log.js'
export {
  type CenterAudit,
  type CenterDeed,
  centerDeeds,
  createCenterAudit,
  type ToldDeed,
} from './center-audit.js'
export type { AuditBreach, AuditVerdict, AuditWhole } from './chain-walk.js'
export { checkExport, type ExportVerdict, type FileBreach } from './check-export.js'
export type { PathChange } from './difference-by-path.js'
export { linesOf, readAnchors } from './file-target.js'
export { type AuditPage, type AuditQuery, queryAudit } from './query.js'
export type { ShownEntry } from './shown-entry.js'
export { CLOCK_SLACK_MS, firstSequenceAfter, lastSequenceBefore } from './time-search.js'
export { type AuditSource, verifyAudit } from './verify.js'
