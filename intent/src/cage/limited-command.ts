import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { YizhanError } from '@yizhan/kernel'

/** What a caged process may use; the kernel enforces it. */
export interface CageLimits {
  /**
   * Address space, the program itself (about 700 MB, most of it never touched) included. Infinity = no limit: a GPU's
   * driver takes all that there is.
   */
  readonly addressSpaceBytes: number
  /** Processor seconds in its whole life. */
  readonly cpuSeconds: number
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
}

/** Where the system keeps its own programs; a search path could be anybody's. */
const SYSTEM_DIRS = ['/usr/bin', '/bin', '/usr/local/bin']
const OPEN_FILES = 64
/** Past the processor time comes SIGXCPU, and for who ignores that SIGKILL. */
const GRACE_SECONDS = 1

/**
 * A command under limits: with prlimit (util-linux), else with the shell's ulimit. No core files, nothing is written to
 * a disk. Throws `unsupported` where there is neither: nothing hostile is run without limits.
 */
export async function limitedCommand(
  { program, args }: Command,
  { addressSpaceBytes, cpuSeconds }: CageLimits,
  dirs: readonly string[] = SYSTEM_DIRS,
): Promise<Command> {
  const prlimit = await find('prlimit', dirs)
  if (prlimit !== undefined) {
    const limits = [
      `--as=${Number.isFinite(addressSpaceBytes) ? addressSpaceBytes : 'unlimited'}`,
      `--cpu=${cpuSeconds}:${cpuSeconds + GRACE_SECONDS}`,
      '--core=0',
      '--fsize=0',
      `--nofile=${OPEN_FILES}`,
    ]
    return { program: prlimit, args: [...limits, '--', program, ...args] }
  }
  const shell = await find('sh', dirs)
  if (shell === undefined) {
    throw new YizhanError(
      'unsupported',
      'a model cannot be tried here: there is neither prlimit nor a shell',
      {
        hint: 'install util-linux (prlimit)',
      },
    )
  }
  const limits = [
    `ulimit -v ${Number.isFinite(addressSpaceBytes) ? Math.floor(addressSpaceBytes / 1024) : 'unlimited'}`,
    `ulimit -t ${cpuSeconds}`,
    'ulimit -c 0',
    'ulimit -f 0',
    `ulimit -n ${OPEN_FILES}`,
  ]
  return { program: shell, args: ['-c', `${limits.join(' && ')} && exec "$@"`, 'sh', program, ...args] }
}

async function find(name: string, dirs: readonly string[]): Promise<string | undefined> {
  for (const dir of dirs) {
    const path = join(dir, name)
    try {
      await access(path, constants.X_OK)
      return path
    } catch {
      // The next one.
    }
  }
  return undefined
}
