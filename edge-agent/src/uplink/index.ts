export { bundleReader } from './bundle-cache.js'
export type { StateTarget } from './desired-state.js'
export { type EnrolConfig, enrol } from './enrol.js'
export type { HeldIdentity } from './held-identity.js'
export { ENROLMENT_KEY_FILE } from './identity-store.js'
export { parseJoinToken } from './join-token.js'
export type {
  InferenceHandle,
  InferenceRequest,
  InferenceResult,
  InferenceSink,
  LinkState,
  Uplink,
} from './port.js'
export { tracedUplink } from './traced-inference.js'
export { startUplink, type UplinkConfig, type UplinkDeps } from './uplink.js'
