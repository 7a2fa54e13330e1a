export { type ConfigCommandsOptions, configCommands } from './config-commands.js'
export { type CliIo, type CliLanguage, type CliStream, type CliText, pickLanguage } from './io.js'
export { type CliOptions, runCli } from './run.js'
