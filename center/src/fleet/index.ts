export {
  type CaConfig,
  type CertificateAuthority,
  openCa,
  type ServerCertificate,
  type ServerNames,
} from './certificate-authority.js'
export { type CommandView, type EdgeCommands, type NewCommand, openEdgeCommands } from './commands.js'
export { createDesiredStates, DESIRED_STATE_CONTEXT, type DesiredStatesDeps } from './desired-states.js'
export { type CountedKey, type Enrolment, type FleetRegistry, openEdgeRegistry } from './edge-registry.js'
export {
  createEnrollment,
  type EnrollmentDeps,
  type EnrollmentEvent,
} from './enrollment.js'
export { type EpochFences, epochFenced, openEpochFences } from './epoch-fences.js'
export { formatJoinToken, type JoinToken, parseJoinToken } from './join-token-format.js'
export {
  createJoinTokens,
  type JoinGrant,
  type JoinTokens,
  type NewToken,
} from './join-tokens.js'
export type {
  BundleFiles,
  DesiredStates,
  EdgeEntry,
  EdgeRegistry,
  Signer,
  TenantBundles,
} from './port.js'
export {
  isRenewalDue,
  openServerCertificate,
  type ServerCertificates,
  type ServerTls,
} from './server-certificate.js'
export { keyIdOf, openSigner } from './signer.js'
export { MAX_CSR_BYTES } from './signing-request.js'
export { fromStored, toStored } from './stored-json.js'
