import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { YizhanError } from '../errors.js'
import { sha256Hex } from '../json.js'
import { storageError } from '../storage-error.js'

// A socket's path holds 107 bytes; the rest is room for the names that a claim adds.
const MAX_BYTES = 100

function sharedDirectory(): string {
  return join(tmpdir(), `yizhan-${userInfo().uid}`)
}

/**
 * Where a process with this state directory listens for its owner's commands: `<stateDir>/admin.sock`, or a hashed
 * name in a directory of the user under the system's temporary one if that is longer than 100 bytes.
 */
export function adminSocketPath(stateDir: string): string {
  return shortSocketPath(stateDir, 'admin.sock')
}

/** As `adminSocketPath`, for a socket of any name. */
export function shortSocketPath(stateDir: string, name: string): string {
  const directory = resolve(stateDir)
  const path = join(directory, name)
  if (Buffer.byteLength(path) <= MAX_BYTES) return path
  return join(sharedDirectory(), `${sha256Hex(directory).slice(0, 24)}.${name}`)
}

/** Creates the socket's directory (0700); one under the temporary directory must be the user's own and closed to others. */
export function prepareSocketDirectory(socketPath: string): void {
  const directory = dirname(socketPath)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (thrown) {
    throw storageError(thrown, 'create', directory)
  }
  if (directory !== sharedDirectory()) return
  const found = lstatSync(directory)
  // Anyone may create names in the temporary directory, and whoever owns this one could answer in our place.
  if (!found.isDirectory() || found.uid !== userInfo().uid || (found.mode & 0o077) !== 0) {
    throw new YizhanError('permission_denied', `${directory} is not a directory of this user alone`, {
      hint: 'remove it, or use a state directory with a shorter path',
    })
  }
}
