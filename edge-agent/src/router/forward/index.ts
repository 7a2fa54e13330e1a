export type { ForwardPlan } from './forwarded-turn.js'
export { Forwarder, type ForwarderConfig, type ForwarderDeps } from './forwarder.js'
