export { type ConfigCheck, type ConfigCompiler, compileConfig } from './compile.js'
export { findConfigFile } from './find-file.js'
export { type LastKnownGood, lastKnownGood } from './last-known-good.js'
export {
  type ConfigChange,
  type ConfigEntry,
  type ConfigSources,
  type LoadedConfig,
  loadConfig,
} from './load.js'
export { type ConfigOrigin, type ConfigProblem, configInvalid } from './problem.js'
export { type Reload, reloadConfig } from './reload.js'
export type { ConfigField } from './schema.js'
