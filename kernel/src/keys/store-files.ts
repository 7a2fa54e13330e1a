import { randomBytes } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, syncDirectory } from '../atomic-file.js'
import { syncData, writeAt } from '../disk-file.js'
import { YizhanError } from '../errors.js'
import { storageError } from '../storage-error.js'

const NOISE_BYTES = 256 * 1024

/** The files of a key store in its directory. */
export interface StorePaths {
  readonly slots: string
  readonly journal: string
  /** While a copy is being taken in. */
  readonly incoming: string
}

export function storePaths(dir: string): StorePaths {
  return {
    slots: join(dir, 'keys.slots'),
    journal: join(dir, 'keys.rewrite'),
    incoming: join(dir, 'keys.incoming'),
  }
}

/**
 * Whether no key lies in the directory: then, and only then, a new key-encryption key may be made. Throws `data_corrupt`
 * if something of a key store is there but not the keys.
 */
export async function keyStoreIsEmpty(dir: string): Promise<boolean> {
  const paths = storePaths(dir)
  if (await exists(paths.slots)) return false
  if (!(await exists(paths.journal))) return true
  throw new YizhanError('data_corrupt', `the keys of ${dir} are gone, though they were there`, {
    details: { path: paths.slots },
    hint: 'restore the key store from its copy into an empty directory',
  })
}

/** Overwrites a file in place and removes it; nothing if there is none. */
export async function shredFile(directory: string, path: string): Promise<void> {
  if (!(await exists(path))) return
  try {
    const file = await open(path, 'r+')
    try {
      const { size } = await file.stat()
      const noise = randomBytes(NOISE_BYTES)
      for (let at = 0; at < size; at += NOISE_BYTES) {
        await writeAt(file, path, noise.subarray(0, Math.min(NOISE_BYTES, size - at)), at)
      }
      await syncData(file, path)
    } finally {
      await file.close()
    }
    await unlink(path)
  } catch (thrown) {
    throw storageError(thrown, 'overwrite', path)
  }
  await syncDirectory(directory)
}
