export { CAGE_DEFAULTS, type Cage, type CageConfig, type CagedRun, openCage } from './cage.js'
export { type CageLimits, limitedCommand } from './limited-command.js'
