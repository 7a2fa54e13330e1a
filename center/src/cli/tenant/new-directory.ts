import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type CliIo, storageError, systemCode, YizhanError } from '@yizhan/kernel'

/** Throws `already_exists` if the directory is there and holds something besides git’s own, unless `mayHold`. */
export async function refuseUsed(io: CliIo, dir: string, mayHold: boolean, hint?: string): Promise<void> {
  const entries = await readdir(dir).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return []
    if (systemCode(thrown) !== 'ENOTDIR') throw storageError(thrown, 'read', dir)
    throw new YizhanError('already_exists', io.say({ en: `${dir} is a file`, zh: `${dir} 是一个文件` }))
  })
  if (mayHold || entries.every((name) => name === '.git')) return
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
