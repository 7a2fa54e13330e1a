export { type CenterAudit, type CenterDeed, createCenterAudit } from './center-audit.js'
