import { constants } from 'node:fs'
import { mkdir, open, readdir, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { storageError, systemCode, writeFileAtomic, YizhanError } from '@yizhan/kernel'
import type { BackupFolder } from './port.js'

export interface FoundFile {
  readonly folder: string
  /** With `/`, inside the folder. */
  readonly path: string
  readonly at: string
}

/** Regular files of the folders, in order; what writes left that broke off, links and sockets are passed over. */
export async function filesOf(folders: readonly BackupFolder[]): Promise<FoundFile[]> {
  const found: FoundFile[] = []
  for (const { name, path } of folders) {
    const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((thrown: unknown) => {
      if (systemCode(thrown) === 'ENOENT') return []
      throw storageError(thrown, 'read', path)
    })
    for (const entry of entries) {
      if (!entry.isFile() || entry.name.endsWith('.tmp')) continue
      const at = join(entry.parentPath, entry.name)
      found.push({
        folder: name,
        path: at
          .slice(path.length + 1)
          .split(sep)
          .join('/'),
        at,
      })
    }
  }
  return found.sort((a, b) => (a.folder + a.path < b.folder + b.path ? -1 : 1))
}

/** In pieces of at most 1 MiB; undefined if it went meanwhile. */
export async function readPieces(
  path: string,
): Promise<{ readonly mode: number; readonly pieces: AsyncIterable<Uint8Array> } | undefined> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    const { mode } = await handle.stat()
    return { mode: mode & 0o777, pieces: handle.createReadStream({ highWaterMark: 1024 * 1024 }) }
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return undefined
    throw storageError(thrown, 'read', path)
  }
}

/** Writes a file of a backup below `root`. A path that leaves it is `data_corrupt`. */
export async function placeFile(
  root: string,
  path: string,
  mode: number,
  content: Uint8Array,
): Promise<void> {
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) {
    throw new YizhanError('data_corrupt', 'a path of the backup leads out of its folder')
  }
  const at = join(root, ...parts)
  await mkdir(dirname(at), { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
    throw storageError(thrown, 'create', dirname(at))
  })
  await writeFileAtomic(at, content, { mode })
}

export async function isEmptyOrMissing(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isDirectory()) return false
    return (await readdir(path)).length === 0
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return true
    throw storageError(thrown, 'read', path)
  }
}
