import { open, rm } from 'node:fs/promises'
import { storageError, systemCode, YizhanError } from '@yizhan/kernel'

/** A new file, whole or not there; returns its size in bytes. */
export async function saveNewFile(path: string, body: AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await open(path, 'wx', 0o600).catch((thrown: unknown) => {
    throw systemCode(thrown) === 'EEXIST'
      ? new YizhanError('already_exists', `${path} exists already`)
      : storageError(thrown, 'write', path)
  })
  let bytes = 0
  try {
    for await (const chunk of body) {
      await handle.write(chunk)
      bytes += chunk.length
    }
    await handle.sync()
  } catch (thrown) {
    await rm(path, { force: true })
    throw storageError(thrown, 'write', path)
  } finally {
    await handle.close()
  }
  return bytes
}
