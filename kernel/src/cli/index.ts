export { type ConfigCommandsOptions, configCommands } from './config-commands.js'
export { type Check, runChecks, stateDirChecks } from './doctor.js'
export { type FlagPaths, flagSettings } from './flags.js'
export { type CliIo, type CliLanguage, type CliStream, type CliText, pickLanguage } from './io.js'
export { oneLine } from './one-line.js'
export {
  type ProgramHost,
  type ProgramOptions,
  programSources,
  runProgram,
  type Served,
  serveProgram,
} from './program.js'
export { reportError } from './report-error.js'
export { type CliOptions, runCli } from './run.js'
export { type ProcessPort, type ServeOptions, serveUntilStopped } from './serve.js'
