import { oneLine } from './one-line.js'
import { formatTable } from './table.js'

export type CliLanguage = 'zh' | 'en'
export type CliText = Readonly<Record<CliLanguage, string>>

/** The part of a stream that a command line needs. */
export interface CliStream {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  on?(event: 'error', listener: (error: Error) => void): unknown
}

/** What commands write to and know about where they run. stdout is data, stderr is the rest. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly lang: CliLanguage
  /** stdout is a terminal. */
  readonly isTty: boolean
  /** stderr is a terminal and nobody set NO_COLOR. */
  readonly colour: boolean
  /** stdout is a terminal and nobody set NO_COLOR. */
  readonly colourOut: boolean
  /** stderr is a terminal, so that `progress` is seen. */
  readonly showsProgress: boolean
  /** `--json` stands somewhere on the line. */
  readonly wantsJson: boolean
  /** A line (or several) of data to stdout. */
  out(text: string): void
  /** One value as one line of stdout. */
  json(value: unknown): void
  /** Rows as aligned columns (of the first row's keys, if not named); with `--json` one object a line. */
  table(rows: readonly Readonly<Record<string, unknown>>[], columns?: readonly string[]): void
  /** One object, a line a field; with `--json` as it is. */
  record(value: Readonly<Record<string, unknown>>): void
  /** A line to stderr. */
  err(text: string): void
  /** What is being done, on the last line of a terminal; the next output, or undefined, takes it away. */
  progress(text: string | undefined): void
  /** The sentence in the reader's language. */
  say(text: CliText): string
  /** The exit code of a command that ends without an error; default 0. */
  setExitCode(code: 0 | 1 | 3): void
}

/** The sinks and facts that do not change while a command runs. */
export interface IoOptions {
  readonly env: CliIo['env']
  readonly lang: CliLanguage
  readonly stdout: CliStream
  readonly stderr: CliStream
  readonly wantsJson: () => boolean
  readonly setExitCode: (code: 0 | 1 | 3) => void
}

export function createIo(options: IoOptions): CliIo {
  const { env, lang, stdout, stderr } = options
  // `yizhan … | head` closes our stdout; that is the reader's right and no failure.
  for (const stream of [stdout, stderr]) stream.on?.('error', () => undefined)
  const showsProgress = stderr.isTTY === true && env.TERM !== 'dumb'
  let inProgress = false
  const progress = (text: string | undefined) => {
    if (!showsProgress || (text === undefined && !inProgress)) return
    inProgress = text !== undefined
    stderr.write(`\r\u001b[K${text ?? ''}`)
  }
  const out = (text: string) => {
    progress(undefined)
    stdout.write(`${text}\n`)
  }
  const json = (value: unknown) => out(JSON.stringify(value))
  return {
    env,
    lang,
    isTty: stdout.isTTY === true,
    // no-color.org: set and not empty.
    colour: stderr.isTTY === true && !env.NO_COLOR,
    colourOut: stdout.isTTY === true && !env.NO_COLOR,
    showsProgress,
    get wantsJson() {
      return options.wantsJson()
    },
    out,
    json,
    table(rows, columns) {
      if (options.wantsJson()) for (const row of rows) json(row)
      else if (rows.length > 0) out(formatTable(rows, columns ?? Object.keys(rows[0] ?? {})))
    },
    record(value) {
      if (options.wantsJson()) return json(value)
      for (const [key, entry] of Object.entries(value)) {
        out(`${key}: ${typeof entry === 'object' ? JSON.stringify(entry) : oneLine(String(entry))}`)
      }
    },
    err(text) {
      progress(undefined)
      stderr.write(`${text}\n`)
    },
    progress,
    say: (text) => text[lang],
    setExitCode: options.setExitCode,
  }
}

/** The reader's language: `--lang`, then YIZHAN_LANG, then the locale; English if none says Chinese. */
export function pickLanguage(argv: readonly string[], env: CliIo['env']): CliLanguage {
  const end = argv.indexOf('--')
  const options = end === -1 ? argv : argv.slice(0, end)
  const at = options.lastIndexOf('--lang')
  const joined = options.findLast((word) => word.startsWith('--lang='))?.slice('--lang='.length)
  const asked = joined ?? (at === -1 ? undefined : options[at + 1]) ?? env.YIZHAN_LANG
  const locale = asked || env.LC_ALL || env.LC_MESSAGES || env.LANG || ''
  return /^zh\b|^zh_/i.test(locale) ? 'zh' : 'en'
}
