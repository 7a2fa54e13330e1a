import { randomBytes } from 'node:crypto'
import { open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { storageError, systemCode } from './storage-error.js'

export interface WriteOptions {
  /** Exact permissions, whatever the umask; default 0600. */
  readonly mode?: number
}

/**
 * Replaces a file so that a crash leaves the old or the new content, never a mixture; resolves once it is on disk.
 * Throws `disk_full` or `storage_failed`; the old file is then untouched.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const mode = options.mode ?? 0o600
  const directory = dirname(path)
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.chmod(mode)
      await handle.writeFile(data)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (thrown) {
    await unlink(temporary).catch(() => undefined)
    throw storageError(thrown, 'write', path)
  }
  await syncDirectory(directory)
}

/** Makes the names in a directory durable (a rename is only safe after this). */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (thrown) {
    throw storageError(thrown, 'sync', path)
  }
}

/** A file's bytes, or undefined if there is no such file; throws `storage_failed` if it is there and unreadable. */
export async function readFileIfExists(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined
    throw storageError(thrown, 'read', path)
  }
}

/** Whether there is something at a path; throws `storage_failed` if that cannot be told. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return false
    throw storageError(thrown, 'look for', path)
  }
}
