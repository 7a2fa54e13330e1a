import { type LoadedConfig, lastKnownGood, reloadConfig } from '../config/index.js'
import type { Running } from '../lifecycle.js'
import type { Logger } from '../log.js'
import type { CliIo } from './io.js'

/** What a long-running command needs of its process; `main.ts` alone touches it. */
export interface ProcessPort {
  readonly stdin: NodeJS.ReadableStream
  /** Calls `fn` each time the signal comes. */
  onSignal(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', fn: () => void): void
}

/** The settings of a running process. */
export interface ServedConfig<T> {
  readonly loaded: LoadedConfig<T>
  /** Reads them again; throws if they are broken. */
  load(): LoadedConfig<T>
  /** Puts in force what needs no restart. */
  apply(value: T): void
  /** Where a copy of what was last accepted is kept. */
  readonly lastGoodPath: string
}

export interface ServeOptions<T> {
  readonly config: ServedConfig<T>
  /** What the one line on stdout says besides `ready`. */
  readonly ready: Readonly<Record<string, unknown>>
  /** End when standard input closes, so that a supervisor that dies leaves nobody behind. */
  readonly withParent: boolean
  readonly log: Logger
}

/**
 * Prints the ready line and resolves when the whole has stopped, on SIGTERM, SIGINT or by itself; rejects if it failed.
 * On SIGHUP the settings are read again: broken ones are named in the log and what is in force stays.
 */
export async function serveUntilStopped<T>(
  io: CliIo,
  host: ProcessPort,
  running: Running,
  options: ServeOptions<T>,
): Promise<void> {
  const stop = (reason: string) => {
    options.log.info({ reason }, 'stopping')
    void running.stop(reason)
  }
  host.onSignal('SIGTERM', () => stop('SIGTERM'))
  host.onSignal('SIGINT', () => stop('SIGINT'))
  host.onSignal('SIGHUP', reloader(options))
  if (options.withParent) {
    const gone = () => stop('the parent is gone')
    host.stdin.once('end', gone).once('error', gone)
    host.stdin.resume()
  }
  io.json({ ready: true, ...options.ready })
  try {
    await running.done
  } finally {
    // An open pipe would keep the process alive.
    if (options.withParent) host.stdin.pause()
  }
}

function reloader<T>({ config, log }: ServeOptions<T>): () => void {
  const good = lastKnownGood({ path: config.lastGoodPath, log })
  let current = config.loaded
  void good.save(current.fileText)
  return () => {
    const reload = reloadConfig(current, () => config.load())
    if (reload.s === 'kept') {
      log.error({ err: reload.error }, 'the settings are broken; what is in force stays')
      return
    }
    if (reload.s === 'unchanged') {
      log.info('the settings have not changed')
      return
    }
    current = reload.config
    config.apply(current.value)
    void good.save(current.fileText)
    const paths = (waits: boolean) => reload.changes.filter((c) => c.restart === waits).map((c) => c.path)
    log.info({ inForce: paths(false), afterRestart: paths(true) }, 'the settings have changed')
  }
}
