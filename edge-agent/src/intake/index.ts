export { createIntake, type Intake, type IntakeConfig, type IntakeDeps, type TurnEntry } from './intake.js'
export { type LaneHold, type LaneLoad, Lanes, type LanesConfig, laneKey, type RunTurn } from './lanes.js'
export { messageBytes } from './message-size.js'
export { boundFor, classOf, compareQueued } from './priority.js'
