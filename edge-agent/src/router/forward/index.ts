export type { ForwardPlan } from './forwarded-turn.js'
export { Forwarder, type ForwarderDeps } from './forwarder.js'
export type { ForwarderConfig } from './forwarder-config.js'
