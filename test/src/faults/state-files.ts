import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Every file under a directory with its bytes. */
export async function filesUnder(dir: string): Promise<Map<string, number>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const sizes = new Map<string, number>()
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    sizes.set(path, (await stat(path)).size)
  }
  return sizes
}
