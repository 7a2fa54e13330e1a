import type { Running } from '../lifecycle.js'
import type { Logger } from '../log.js'
import type { CliIo } from './io.js'

/** What a long-running command needs of its process; `main.ts` alone touches it. */
export interface ProcessPort {
  readonly stdin: NodeJS.ReadableStream
  onSignal(signal: 'SIGTERM' | 'SIGINT', fn: () => void): void
}

export interface ServeOptions {
  /** What the one line on stdout says besides `ready`. */
  readonly ready: Readonly<Record<string, unknown>>
  /** End when standard input closes, so that a supervisor that dies leaves nobody behind. */
  readonly withParent: boolean
  readonly log: Logger
}

/** Prints the ready line and resolves when the whole has stopped, on SIGTERM, SIGINT or by itself; rejects if it failed. */
export async function serveUntilStopped(
  io: CliIo,
  host: ProcessPort,
  running: Running,
  options: ServeOptions,
): Promise<void> {
  const stop = (reason: string) => {
    options.log.info({ reason }, 'stopping')
    void running.stop(reason)
  }
  host.onSignal('SIGTERM', () => stop('SIGTERM'))
  host.onSignal('SIGINT', () => stop('SIGINT'))
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
