import { mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type DiskFile,
  readFileIfExists,
  storageError,
  syncDirectory,
  systemCode,
  YizhanError,
} from '@yizhan/kernel'

/** What the journal needs of a file system. Throws `disk_full`, `storage_failed`; a test puts a failing one in its place. */
export interface JournalHost {
  /** Small writes to it are done on the calling thread. */
  open(path: string, flags: string): Promise<DiskFile>
  /** All of a file, or undefined if there is none. */
  read(path: string): Promise<Buffer | undefined>
  /** The names in a directory, sorted; none if it is not there. Throws `data_corrupt` if it is no directory. */
  list(dir: string): Promise<string[]>
  makeDirectory(dir: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A file or a whole directory; nothing happens if there is none. */
  remove(path: string): Promise<void>
  /** Makes the names in a directory durable. */
  syncDirectory(dir: string): Promise<void>
  freeBytes(dir: string): Promise<number>
}

export const systemHost: JournalHost = {
  async open(path, flags) {
    const file = await converted(open(path, flags, 0o600), 'open', path)
    return Object.assign(file, { writesNow: file.fd })
  },
  read: readFileIfExists,
  async list(dir) {
    try {
      return (await readdir(dir)).sort()
    } catch (thrown) {
      const code = systemCode(thrown)
      if (code === 'ENOENT') return []
      if (code === 'ENOTDIR')
        throw new YizhanError('data_corrupt', `${dir} is no directory`, { cause: thrown })
      throw storageError(thrown, 'list', dir)
    }
  },
  async makeDirectory(dir) {
    await converted(mkdir(dir, { recursive: true, mode: 0o700 }), 'create', dir)
  },
  rename: (from, to) => converted(rename(from, to), 'rename', from),
  remove: (path) => converted(rm(path, { recursive: true, force: true }), 'delete', path),
  syncDirectory,
  async freeBytes(dir) {
    const { bavail, bsize } = await converted(statfs(dir), 'read the free space of', dir)
    return bavail * bsize
  },
}

async function converted<T>(result: Promise<T>, doing: string, path: string): Promise<T> {
  try {
    return await result
  } catch (thrown) {
    throw storageError(thrown, doing, path)
  }
}

/** Moves what cannot be read out of the way; returns where it lies now. */
export async function setAside(host: JournalHost, dir: string, name: string, stamp: number): Promise<string> {
  const to = join(dir, `${name}.quarantine-${stamp}`)
  await host.rename(join(dir, name), to)
  await host.syncDirectory(dir)
  return to
}
