import { execFile, spawnSync } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const BLOCK = 256 * 1024

/** A disk of so many MiB over a directory, whose content it takes over. */
export interface SmallDisk {
  /** Fills it to the last block. */
  fill(): Promise<void>
  /** Takes the filling away again. */
  free(): Promise<void>
  /** Before anybody deletes the directory. */
  unmount(): void
}

/** Throws where nobody may mount: that needs root. Nothing may use the directory meanwhile. */
export async function mountSmallDisk(directory: string, mebibytes: number): Promise<SmallDisk> {
  const former = `${directory}.before`
  await run('mv', [directory, former])
  await run('mkdir', [directory])
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'none', directory])
  if (mounted.status !== 0) throw new Error(`no tmpfs could be mounted: ${mounted.stderr}`)
  const unmount = () => void spawnSync('umount', ['--lazy', directory])
  try {
    await run('cp', ['-a', `${former}/.`, directory])
  } catch (thrown) {
    unmount()
    throw thrown
  }
  const filling = join(directory, 'filling')
  return {
    async fill() {
      const file = await open(filling, 'a')
      try {
        for (let size = BLOCK; size >= 4_096; size /= 2) await writeUntilFull(file, size)
      } finally {
        await file.close()
      }
    },
    free: () => rm(filling, { force: true }),
    unmount,
  }
}

async function writeUntilFull(file: Awaited<ReturnType<typeof open>>, size: number): Promise<void> {
  const block = Buffer.alloc(size, 7)
  for (;;) {
    try {
      await file.write(block)
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOSPC') return
      throw thrown
    }
  }
}
