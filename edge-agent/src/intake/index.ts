export { createIntake, type Intake, type IntakeConfig, type IntakeDeps, type TurnEntry } from './intake.js'
export { type LaneHold, type LaneLoad, Lanes, type LanesConfig, laneKey, type RunTurn } from './lanes.js'
