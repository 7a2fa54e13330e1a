import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Logger, readFileIfExists, storageError, syncDirectory, systemCode } from '@yizhan/kernel'

const SECRET_MODE = 0o600

/**
 * A secret file that is made once and then only read. Of several starts at the same time one makes it, whole, and
 * all get its content. Throws `disk_full` or `storage_failed`.
 */
export async function createSecretOnce(
  log: Logger,
  path: string,
  make: () => Promise<string>,
): Promise<{ readonly content: string; readonly made: boolean }> {
  const known = await readFileIfExists(path)
  if (known) {
    await tighten(log, path)
    return { content: known.toString('utf8'), made: false }
  }
  const temporary = join(dirname(path), `.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeSynced(temporary, await make())
    // A link, because unlike a rename it fails if the name is taken.
    const made = await link(temporary, path).then(
      () => true,
      (thrown: unknown) => {
        if (systemCode(thrown) === 'EEXIST') return false
        throw thrown
      },
    )
    await syncDirectory(dirname(path))
    return { content: await readFile(path, 'utf8'), made }
  } catch (thrown) {
    throw storageError(thrown, 'create', path)
  } finally {
    await unlink(temporary).catch(() => undefined)
  }
}

async function writeSynced(path: string, content: string): Promise<void> {
  const handle = await open(path, 'wx', SECRET_MODE)
  try {
    await handle.chmod(SECRET_MODE)
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function tighten(log: Logger, path: string): Promise<void> {
  try {
    const mode = (await stat(path)).mode & 0o777
    if ((mode & 0o077) === 0) return
    log.warn({ path, mode: mode.toString(8) }, 'others could read a secret file: its mode is set to 600')
    await chmod(path, SECRET_MODE)
  } catch (thrown) {
    throw storageError(thrown, 'protect', path)
  }
}
