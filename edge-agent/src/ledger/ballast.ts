import { randomBytes } from 'node:crypto'
import { open, rm, stat } from 'node:fs/promises'
import { storageError, systemCode } from '@yizhan/kernel'

/** A file of `bytes` random bytes that can be given up when the disk is full. */
export interface Ballast {
  /** Makes the file if there is none; does nothing if the disk has no room for it. `part`: then as much as there is room for. */
  restore(options?: { readonly part?: boolean }): Promise<void>
  /** Gives the space back; false if there was nothing to give. */
  drop(): Promise<boolean>
}

export function createBallast(path: string, bytes: number): Ballast {
  return {
    async restore({ part = false } = {}) {
      if (bytes === 0 || (await sizeOf(path)) === bytes) return
      // Random, so that a compressing file system holds the space for real.
      const block = randomBytes(64 * 1024)
      try {
        const file = await open(path, 'w', 0o600)
        try {
          for (let done = 0; done < bytes; done += block.length) {
            await file.write(block.subarray(0, Math.min(block.length, bytes - done)))
          }
          await file.sync()
        } finally {
          await file.close()
        }
      } catch (thrown) {
        const error = storageError(thrown, 'write', path)
        if (error.code === 'disk_full' && part) return
        await rm(path, { force: true })
        if (error.code !== 'disk_full') throw error
      }
    },
    async drop() {
      if ((await sizeOf(path)) === undefined) return false
      await rm(path, { force: true })
      return true
    },
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined
    throw storageError(thrown, 'read', path)
  }
}
