import { link, open, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { storageError, syncDirectory, systemCode, YizhanError } from '@yizhan/kernel'

/** A new file, whole or not there; returns its size in bytes. */
export async function saveNewFile(path: string, body: AsyncIterable<Uint8Array>): Promise<number> {
  const part = join(dirname(path), `.${basename(path)}.${process.pid}.part`)
  const handle = await open(part, 'wx', 0o600).catch((thrown: unknown) => {
    throw storageError(thrown, 'write', path)
  })
  let bytes = 0
  try {
    try {
      for await (const chunk of body) {
        // `write` may take less than it is given.
        await handle.writeFile(chunk)
        bytes += chunk.length
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    // A link, unlike a rename, takes nothing's place.
    await link(part, path)
    await syncDirectory(dirname(path))
  } catch (thrown) {
    if (systemCode(thrown) === 'EEXIST') throw new YizhanError('already_exists', `${path} exists already`)
    throw storageError(thrown, 'write', path)
  } finally {
    await rm(part, { force: true })
  }
  return bytes
}
