import { Command, CommanderError, Option } from 'commander'
import { addCompletion } from './completion.js'
import { localizeHelp } from './help-words.js'
import { type CliIo, type CliLanguage, type CliStream, createIo, pickLanguage } from './io.js'
import { reportError } from './report-error.js'
import { usageError } from './usage-error.js'

export interface CliOptions {
  readonly name: string
  readonly version: string
  /** What follows the script's name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: CliStream
  readonly stderr: CliStream
  /** Overrides `--lang` and the environment. */
  readonly lang?: CliLanguage
  /** What `version --json` says besides, such as the protocol integer. */
  readonly about?: Readonly<Record<string, unknown>>
}

/**
 * Runs one command line and resolves with its exit code; never exits the process and never rejects. `define` adds the
 * commands; `version`, `completion`, `--json` and `--lang` are there already and apply to every command.
 */
export async function runCli(
  options: CliOptions,
  define: (program: Command, io: CliIo) => void,
): Promise<number> {
  const program = new Command(options.name)
  let exitCode = 0
  let refusing = program
  let wantsJson = beforeDashes(options.argv).includes('--json')
  const io = createIo({
    env: options.env,
    lang: options.lang ?? pickLanguage(options.argv, options.env),
    stdout: options.stdout,
    stderr: options.stderr,
    wantsJson: () => wantsJson,
    setExitCode: (code) => {
      exitCode = code
    },
  })
  try {
    prepare(program, io, options)
    define(program, io)
    forEachCommand(program, (command) => {
      settle(command, io, options.stdout)
      command.exitOverride((thrown) => {
        refusing = command
        throw thrown
      })
    })
    program.hook('preAction', (_, action) => {
      wantsJson = program.opts().json === true || action.opts().json === true
      // A command that names --json itself would not see it: commander gives it to the program.
      if (wantsJson) action.setOptionValue('json', true)
    })
    await program.parseAsync([...options.argv], { from: 'user' })
    return exitCode
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) return reportError(io, thrown)
    // Help and version that were asked for end as CommanderErrors too.
    if (thrown.exitCode === 0) return 0
    if (thrown.code === 'commander.help') return 2
    return reportError(io, usageError(io, thrown, pathOf(refusing)))
  }
}

function prepare(program: Command, io: CliIo, options: CliOptions): void {
  const { name, version, about = {} } = options
  program
    .version(version, '-V, --version', io.say({ en: 'print the version', zh: '显示版本' }))
    .helpOption('-h, --help', io.say({ en: 'show help', zh: '显示帮助' }))
    .helpCommand('help [command]', io.say({ en: 'show help for a command', zh: '显示某个命令的帮助' }))
    .option(
      '--json',
      io.say({ en: 'machine-readable output, one JSON value a line', zh: '以 JSON 输出，每行一个值' }),
    )
    .addOption(
      new Option('--lang <lang>', io.say({ en: 'language of messages', zh: '消息语言' })).choices([
        'zh',
        'en',
      ]),
    )
  program
    .command('version')
    .description(io.say({ en: 'print the version (with --json: and what it speaks)', zh: '显示版本' }))
    .action(() => (io.wantsJson ? io.json({ name, version, ...about }) : io.out(`${name} ${version}`)))
  addCompletion(program, io)
}

function settle(command: Command, io: CliIo, stdout: CliStream): void {
  localizeHelp(command, io)
  command.configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: (text) => io.err(text.trimEnd()),
    // Usage errors are written by reportError, in the form of all others.
    outputError: () => undefined,
    getOutHasColors: () => io.colourOut,
    getErrHasColors: () => io.colour,
  })
}

/** Visits a command and all below it. */
export function forEachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command)
  for (const child of command.commands) forEachCommand(child, visit)
}

/** The words of a command, from the program's name. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  return end === -1 ? argv : argv.slice(0, end)
}
