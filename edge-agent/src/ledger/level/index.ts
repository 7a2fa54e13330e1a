export { type Engine, levelHost, type Op, openOrQuarantine } from './level-engine.js'
export { takeOverLevel } from './take-over.js'
