import { createHash } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  readFileIfExists,
  storageError,
  syncDirectory,
  systemCode,
  type TenantId,
  writeFileAtomic,
} from '@yizhan/kernel'
import type { PieceStore } from './port.js'

/**
 * Pieces as files in one or more directories, one a disk: `<directory>/<tenant>/<file>/<number>`. Rendezvous hashing
 * says which directory a piece is written to, so the pieces of a file are spread over all of them. `former`: directories
 * that are only read, because the list was another one or a restore put all of it into one place.
 */
export function pieceDirectories(directories: readonly string[], former: readonly string[] = []): PieceStore {
  const all = [...new Set([...directories, ...former])]
  const made = new Set<string>()

  async function folder(root: string, tenant: TenantId, file: string): Promise<string> {
    const path = join(root, tenant, file)
    if (made.has(path)) return path
    await mkdir(path, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
      throw storageError(thrown, 'create', path)
    })
    // The names on the way must outlive a power cut as well.
    for (const parent of [join(root, tenant), root]) await syncDirectory(parent)
    if (made.size > 1_000) made.clear()
    made.add(path)
    return path
  }

  return {
    async put(tenant, file, index, sealed) {
      const root = placeOf(directories, file, index)
      await writeFileAtomic(join(await folder(root, tenant, file), String(index)), sealed)
    },
    async get(tenant, file, index) {
      const first = placeOf(directories, file, index)
      for (const root of [first, ...all.filter((other) => other !== first)]) {
        const found = await readFileIfExists(join(root, tenant, file, String(index)))
        if (found) return found
      }
      return undefined
    },
    async delete(tenant, file) {
      for (const root of all) {
        const path = join(root, tenant, file)
        made.delete(path)
        await rm(path, { recursive: true, force: true }).catch((thrown: unknown) => {
          throw storageError(thrown, 'delete', path)
        })
      }
    },
    async files(tenant) {
      const names = new Set<string>()
      for (const root of all) for (const name of await entries(join(root, tenant))) names.add(name)
      return [...names].sort()
    },
  }
}

/** The directory with the highest weight: one more moves only the pieces that it wins. */
function placeOf(directories: readonly string[], file: string, index: number): string {
  let best = directories[0] ?? ''
  let bestWeight = -1
  for (const [i, directory] of directories.entries()) {
    const weight = createHash('sha256').update(`${file}\0${index}\0${i}`).digest().readUIntBE(0, 6)
    if (weight > bestWeight) {
      best = directory
      bestWeight = weight
    }
  }
  return best
}

async function entries(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return []
    throw storageError(thrown, 'read', path)
  }
}
