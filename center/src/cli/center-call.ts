import {
  type AdminCallOptions,
  type AdminMethod,
  type AdminStream,
  type AdminStreamOptions,
  adminCall,
  adminSocketPath,
  adminStream,
  type CliIo,
  systemCode,
  YizhanError,
} from '@yizhan/kernel'
import type { Command } from 'commander'

/** Any answer that is shown as it came. */
export type Answer = Readonly<Record<string, unknown>>

/** Asks the running center that the command line means; `T` is what its route is documented to answer. */
export type CenterCall = <T = Answer>(
  command: Command,
  method: AdminMethod,
  path: string,
  body?: unknown,
  options?: AdminCallOptions,
) => Promise<T>

/** `stateDirOf`: whose process a command line means. Throws what the center answers, and `unavailable` if none runs. */
export function centerCall(io: CliIo, stateDirOf: (command: Command) => string): CenterCall {
  return async <T>(
    command: Command,
    method: AdminMethod,
    path: string,
    body?: unknown,
    options?: AdminCallOptions,
  ): Promise<T> => {
    const stateDir = stateDirOf(command)
    try {
      return (await adminCall(adminSocketPath(stateDir), method, path, body, options)) as T
    } catch (thrown) {
      throw notRunning(io, stateDir, thrown) ?? thrown
    }
  }
}

/** As `CenterCall`, for what is too large to be held. */
export type CenterStream = (
  command: Command,
  method: AdminMethod,
  path: string,
  options: AdminStreamOptions,
) => Promise<AdminStream>

export function centerStream(io: CliIo, stateDirOf: (command: Command) => string): CenterStream {
  return async (command, method, path, options) => {
    const stateDir = stateDirOf(command)
    try {
      // A command line ends with its process.
      return await adminStream(adminSocketPath(stateDir), method, path, options, new AbortController().signal)
    } catch (thrown) {
      throw notRunning(io, stateDir, thrown) ?? thrown
    }
  }
}

function notRunning(io: CliIo, stateDir: string, thrown: unknown): YizhanError | undefined {
  if (!(thrown instanceof YizhanError) || thrown.code !== 'unavailable') return undefined
  if (!['ENOENT', 'ECONNREFUSED'].includes(systemCode(thrown.cause))) return undefined
  return new YizhanError(
    'unavailable',
    io.say({ en: `no center runs on ${stateDir}`, zh: `${stateDir} 上没有运行中的中心` }),
    {
      cause: thrown.cause,
      hint: io.say({
        en: 'start it with `npm start`, or `yizhan-center serve`; --state names another directory',
        zh: '用 `npm start` 或 `yizhan-center serve` 启动；--state 可指定其他目录',
      }),
    },
  )
}

/** A part of a path, such as a name from the command line. */
export function inPath(text: string): string {
  return encodeURIComponent(text)
}
