import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type CliIo, storageError, systemCode, YizhanError } from '@yizhan/kernel'

/** Makes the directory if it is not there. Throws `already_exists` if something is in it, unless `mayHold`. */
export async function openDirectory(io: CliIo, dir: string, mayHold: boolean, hint?: string): Promise<void> {
  const entries = await readdir(dir).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return []
    if (systemCode(thrown) !== 'ENOTDIR') throw storageError(thrown, 'read', dir)
    throw new YizhanError('already_exists', io.say({ en: `${dir} is a file`, zh: `${dir} 是一个文件` }))
  })
  if (entries.length === 0 || mayHold) return
  throw new YizhanError('already_exists', io.say({ en: `${dir} is not empty`, zh: `${dir} 不是空目录` }), {
    ...(hint === undefined ? {} : { hint }),
  })
}

/** Writes files below a directory, and the directories that they need. Throws `disk_full`, `storage_failed`. */
export async function writeFiles(
  dir: string,
  files: ReadonlyMap<string, string | Uint8Array>,
): Promise<void> {
  for (const [path, content] of files) {
    const whole = join(dir, ...path.split('/'))
    try {
      await mkdir(dirname(whole), { recursive: true })
      await writeFile(whole, content)
    } catch (thrown) {
      throw storageError(thrown, 'write', whole)
    }
  }
}
