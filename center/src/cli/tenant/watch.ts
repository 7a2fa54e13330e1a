import { stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { type CliIo, type Clock, type ProgramHost, reportError, YizhanError } from '@yizhan/kernel'
import { failedValue } from './apply-once.js'
import { createRerun } from './rerun.js'

/** Editors save in steps: write another file, move it over the old one. */
const QUIET_MS = 120

export interface WatchDeps {
  readonly io: CliIo
  readonly host: Pick<ProgramHost, 'onSignal'>
  readonly clock: Clock
  /** One run; what it throws is told, to programs on stdout too, and the watching goes on. */
  run(signal: AbortSignal): Promise<unknown>
}

/**
 * Runs once, and again after each save below the directory, until SIGINT or SIGTERM: then what runs is given up, and it
 * resolves. Throws `invalid_argument` if there is no such directory.
 */
export async function watchDirectory({ io, host, clock, run }: WatchDeps, dir: string): Promise<void> {
  const isDirectory = await stat(dir).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isDirectory) {
    throw new YizhanError(
      'invalid_argument',
      io.say({ en: `${dir} is not a directory that can be read`, zh: `${dir} 不是可读取的目录` }),
    )
  }
  const { watch } = await import('chokidar')
  const stopping = new AbortController()
  const rerun = createRerun(() => told(io, clock, stopping.signal, run), { clock, quietMs: QUIET_MS })
  const watcher = watch(dir, { ignoreInitial: true, ignored: (path) => isHidden(dir, path) })
  const ended = new Promise<void>((resolve) => {
    const stop = () => {
      stopping.abort(new YizhanError('cancelled', 'the watching was ended'))
      resolve()
    }
    host.onSignal('SIGINT', stop)
    host.onSignal('SIGTERM', stop)
  })
  watcher.on('all', () => rerun.changed())
  // A directory that is put in its place, as by an export, is another one to the system.
  watcher.on('unlinkDir', (path) => {
    if (resolve(path) === resolve(dir)) watcher.add(dir)
  })
  watcher.on('error', (thrown) => void reportError(io, thrown))
  // What is saved from here on is seen, so that nothing is lost between the first run and the watching.
  watcher.on('ready', () => {
    if (!io.wantsJson) {
      io.err(io.say({ en: `watching ${dir}; Ctrl-C ends`, zh: `正在监视 ${dir}；按 Ctrl-C 结束` }))
    }
    rerun.changed()
  })
  await ended
  await watcher.close()
  await rerun.stop()
}

async function told(io: CliIo, clock: Clock, signal: AbortSignal, run: WatchDeps['run']): Promise<void> {
  if (!io.wantsJson) io.err(`— ${new Date(clock.wall()).toTimeString().slice(0, 8)}`)
  try {
    await run(signal)
  } catch (thrown) {
    if (signal.aborted) return
    if (io.wantsJson) io.json(failedValue(thrown))
    reportError(io, thrown)
  }
}

function isHidden(dir: string, path: string): boolean {
  return relative(resolve(dir), resolve(path))
    .split(sep)
    .some((part) => part.startsWith('.') && part !== '..' && part !== '.')
}
