import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { YizhanError } from '@yizhan/kernel'
import { MAX_TENANT_BYTES, MAX_TENANT_FILES } from './source.js'

/** The files below a tenant directory, as `apply` sends them; links and hidden files are left out. */
export async function readTenantDirectory(dir: string): Promise<Map<string, Uint8Array>> {
  const found = await stat(dir).catch(() => undefined)
  if (!found?.isDirectory()) throw new YizhanError('invalid_argument', `${dir} is not a directory`)
  const files = new Map<string, Uint8Array>()
  let bytes = 0
  async function walk(below: string): Promise<void> {
    for (const entry of await readdir(join(dir, below), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) {
        await walk(path)
      } else if (entry.isFile()) {
        const content = await readFile(join(dir, path))
        bytes += content.byteLength
        files.set(path, content)
        if (files.size > MAX_TENANT_FILES || bytes > MAX_TENANT_BYTES) {
          throw new YizhanError(
            'too_large',
            `${dir} has more than ${MAX_TENANT_FILES} files or ${MAX_TENANT_BYTES} bytes`,
          )
        }
      }
    }
  }
  await walk('')
  return files
}
