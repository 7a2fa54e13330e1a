import { pino } from 'pino'
import { redactKeys } from './log-redaction.js'

export type Logger = pino.Logger
export type LogLevelName = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

export interface LoggerOptions {
  readonly name: string
  readonly level: LogLevelName
  /** Gets one JSON line per call; default: stderr, written at once so that a crash loses nothing. */
  readonly destination?: pino.DestinationStream
}

/** JSON lines with ISO times and level names; values of secret-looking keys are `[redacted]` down to the fourth level. */
export function createLogger(options: LoggerOptions): Logger {
  const error = (thrown: Error) => redactKeys(pino.stdSerializers.err(thrown))
  const logger = pino(
    {
      name: options.name,
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: error, error },
      formatters: { level: (label) => ({ level: label }), log: redactKeys },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  )
  // pino passes a child's bindings through no formatter; children inherit this method, and so do their children.
  const child: Logger['child'] = logger.child
  logger.child = function redactingChild(this: Logger, bindings, childOptions) {
    return child.call(this, redactKeys(bindings), childOptions)
  } as Logger['child']
  return logger
}

/** A logger that writes nothing, for tests. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' })
}
