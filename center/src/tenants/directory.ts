import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { storageError, YizhanError } from '@yizhan/kernel'
import { MAX_TENANT_BYTES, MAX_TENANT_FILES } from './tenant-files.js'

/**
 * The files below a tenant directory, as `apply` sends them; hidden ones are left out. Throws `invalid_argument` (no
 * directory, a link or another special file), `too_large`, `storage_failed` (what cannot be read).
 */
export async function readTenantDirectory(dir: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  let bytes = 0
  async function walk(below: string): Promise<void> {
    for (const entry of await entriesOf(dir, below)) {
      if (entry.name.startsWith('.')) continue
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) await walk(path)
      // A link may lead anywhere on this machine, and what it leads to would be sent to the center.
      else if (!entry.isFile()) throw notPlain(join(dir, path))
      else files.set(path, await read(path))
    }
  }
  async function read(path: string): Promise<Uint8Array> {
    const whole = join(dir, path)
    try {
      bytes += (await lstat(whole)).size
      if (files.size >= MAX_TENANT_FILES || bytes > MAX_TENANT_BYTES) throw tooLarge(dir)
      return await readFile(whole)
    } catch (thrown) {
      throw storageError(thrown, 'read', whole)
    }
  }
  await walk('')
  return files
}

async function entriesOf(dir: string, below: string) {
  try {
    return await readdir(join(dir, below), { withFileTypes: true })
  } catch (thrown) {
    if (below !== '') throw storageError(thrown, 'read', join(dir, below))
    throw new YizhanError('invalid_argument', `${dir} is not a directory that can be read`, { cause: thrown })
  }
}

function notPlain(path: string): YizhanError {
  return new YizhanError('invalid_argument', `${path} is a link or another special file`, {
    hint: 'put the file itself there',
  })
}

function tooLarge(dir: string): YizhanError {
  const mib = MAX_TENANT_BYTES / 1024 / 1024
  return new YizhanError('too_large', `${dir} has more than ${MAX_TENANT_FILES} files or ${mib} MiB`)
}
