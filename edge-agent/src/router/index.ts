export { Chain, type Handle, type Handler, type Place } from './chain.js'
export { type Decision, decide, type Situation } from './decide.js'
export type {
  Classification,
  Classifier,
  Replies as RouterReplies,
  RouterPolicy,
  ScoredIntent,
} from './port.js'
export { supersededLine } from './superseded-line.js'
export type { TurnOrder } from './turn-commands.js'
export { startTurns, type Turns, type TurnsConfig, type TurnsDeps } from './turns.js'
export type { Preview } from './understanding.js'
export type { RouterHandler, Visit } from './visit.js'
