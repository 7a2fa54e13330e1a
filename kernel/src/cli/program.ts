import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { type ConfigSources, findConfigFile, type LoadedConfig } from '../config/index.js'
import type { Running } from '../lifecycle.js'
import { createLogger, type Logger, type LogLevelName } from '../log.js'
import { type FlagPaths, flagSettings } from './flags.js'
import type { CliIo } from './io.js'
import { runCli } from './run.js'
import { type ProcessPort, serveUntilStopped } from './serve.js'

/** The process as a command may see it. */
export interface ProgramHost extends ProcessPort {
  readonly version: string
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
}

export interface ProgramOptions {
  readonly name: string
  /** Of the package whose version is the program's. */
  readonly packageJson: URL
  /** What `version --json` says besides. */
  readonly about: Readonly<Record<string, unknown>>
}

/** Variables of ours that are no settings of either program. */
const NO_SETTINGS = [
  'YIZHAN_CONFIG',
  'YIZHAN_DATA',
  'YIZHAN_TEST_*',
  'YIZHAN_LLM_*',
  'YIZHAN_LANG',
  'YIZHAN_CHAT_PASSWORD',
]

/** Runs one command line of the process and sets its exit code; the process ends when nothing is left to do. */
export async function runProgram(
  own: NodeJS.Process,
  options: ProgramOptions,
  define: (program: Command, io: CliIo, host: ProgramHost) => void,
): Promise<void> {
  const { version } = JSON.parse(readFileSync(options.packageJson, 'utf8')) as { version: string }
  const { stdin, stdout, stderr, env } = own
  const onSignal = (signal: NodeJS.Signals, fn: () => void) => void own.on(signal, fn)
  const about = { node: own.versions.node, ...options.about }
  own.exitCode = await runCli(
    { name: options.name, version, argv: own.argv.slice(2), env, stdout, stderr, about },
    (program, io) => define(program, io, { version, stdin, stdout, stderr, onSignal }),
  )
}

/** Where a program's settings come from on this command line: its flags, the environment, the file that applies. */
export function programSources(
  name: 'center' | 'edge',
  flags: FlagPaths,
  io: Pick<CliIo, 'env'>,
  command: Command,
): ConfigSources {
  const given = command.optsWithGlobals() as Record<string, unknown>
  const found = findConfigFile(name, given.config as string | undefined, io.env)
  return { ...found, env: io.env, flags: flagSettings(given, flags), ignoreEnv: NO_SETTINGS }
}

/** What every program's settings have. */
interface ProgramConfig {
  readonly stateDir: string
  readonly log: { readonly level: LogLevelName }
}

export interface Served<T> {
  readonly name: string
  /** Reads the settings: now, and again on SIGHUP. */
  load(): LoadedConfig<T>
  readonly withParent: boolean
  /** `ready` is what the ready line says of the started whole. */
  start(log: Logger, config: T): Promise<Running & { readonly ready: Readonly<Record<string, unknown>> }>
}

/** The `serve` of a program: starts it, prints one ready line, resolves when it has stopped, rejects if it failed. */
export async function serveProgram<T extends ProgramConfig>(
  io: CliIo,
  host: ProgramHost,
  served: Served<T>,
): Promise<void> {
  const { load } = served
  const loaded = load()
  const log = createLogger({ name: served.name, level: loaded.value.log.level })
  const running = await served.start(log, loaded.value)
  const config = {
    loaded,
    load,
    apply: (value: T) => {
      log.level = value.log.level
    },
    lastGoodPath: join(loaded.value.stateDir, 'config.last-good.yaml'),
  }
  const { withParent } = served
  await serveUntilStopped(io, host, running, { ready: running.ready, withParent, log, config })
}
