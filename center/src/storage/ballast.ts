import { randomBytes } from 'node:crypto'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@yizhan/kernel'

const FILE = 'ballast'
const BLOCK = 256 * 1024

/**
 * Holds space back in a directory, because LevelDB cannot be opened without writing: a restart on a full disk gives it up
 * first. What there is room for of `bytes`; never fails.
 */
export async function keepBallast(directory: string, bytes: number, log: Logger): Promise<void> {
  const path = join(directory, FILE)
  if ((await sizeOf(path)) >= bytes) return
  // Random, so that a compressing file system holds the space for real.
  const block = randomBytes(Math.min(BLOCK, bytes))
  try {
    const file = await open(path, 'w', 0o600)
    try {
      for (let done = 0; done < bytes; done += block.length) {
        await file.write(block, 0, Math.min(block.length, bytes - done))
      }
    } finally {
      await file.close()
    }
  } catch (thrown) {
    // A part of it is better than nothing.
    log.warn({ err: thrown, directory, bytes: await sizeOf(path) }, 'not all of the ballast has room')
  }
}

/** Gives the space back; false if there was nothing to give. */
export async function dropBallast(directory: string): Promise<boolean> {
  const path = join(directory, FILE)
  if ((await sizeOf(path)) === 0) return false
  await rm(path, { force: true })
  return true
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}
