import { mkdirSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { YizhanError } from './errors.js'
import { claimSocket, prepareSocketDirectory, shortSocketPath } from './local-socket/index.js'
import type { Logger } from './log.js'
import { storageError } from './storage-error.js'

/** A state directory that this process owns until `stop`. */
export interface StateDir {
  /** Absolute. */
  readonly path: string
  /** A path inside the directory. */
  file(...names: string[]): string
  /** Lets another process have the directory; its content stays. Idempotent. */
  stop(reason: string): Promise<void>
}

/**
 * Creates the directory (0700) if need be and takes it for this process: a second one, also in another container on
 * the same volume, gets `failed_precondition`; a killed one leaves nothing in the way. Rights of others are warned of.
 */
export async function openStateDir(deps: { log: Logger }, directory: string): Promise<StateDir> {
  const path = resolve(directory)
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if ((statSync(path).mode & 0o077) !== 0) {
      deps.log.warn({ path }, 'other users may enter the state directory; close it with chmod 700')
    }
  } catch (thrown) {
    throw storageError(thrown, 'create', path)
  }
  const base = shortSocketPath(path, 'lock')
  prepareSocketDirectory(base)
  // Being there is all that this server does: a connection is how another process finds the owner alive.
  const server = createServer((socket) => socket.destroy())
  const claim = await claimSocket(server, base)
  if (!claim) {
    throw new YizhanError('failed_precondition', 'a process is already running on this state directory', {
      details: { path },
      hint: 'use it, stop it, or start with another --state',
    })
  }
  claim.settle()
  server.on('error', (thrown) => deps.log.warn({ err: thrown }, 'the state directory’s lock cannot accept'))
  server.unref()
  let stopping: Promise<void> | undefined
  return {
    path,
    file: (...names) => join(path, ...names),
    stop: () => {
      stopping ??= new Promise((closed) => server.close(() => closed()))
      return stopping
    },
  }
}
