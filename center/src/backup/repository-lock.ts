import { open, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { storageError, systemCode, YizhanError } from '@yizhan/kernel'

const FILE = 'lock'

/**
 * Takes a directory of backups for this process: pruning beside a backup would take the chunks that it counts on. What a
 * killed process of this machine left is taken over. Throws `failed_precondition`; the answer gives it back.
 */
export async function lockRepository(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, FILE)
  const mine = `${hostname()} ${process.pid}\n`
  for (let tries = 0; tries < 2; tries++) {
    try {
      const handle = await open(path, 'wx', 0o600)
      await handle.writeFile(mine)
      await handle.close()
      return () => rm(path, { force: true })
    } catch (thrown) {
      if (systemCode(thrown) !== 'EEXIST') throw storageError(thrown, 'lock', path)
    }
    const owner = await readFile(path, 'utf8').catch(() => '')
    if (isAlive(owner)) break
    await rm(path, { force: true })
  }
  throw new YizhanError('failed_precondition', 'another process is at work in this directory of backups', {
    details: { path },
    hint: 'wait for it; if it was killed on another machine, delete the file',
  })
}

function isAlive(owner: string): boolean {
  const [host, pid] = owner.trim().split(' ')
  // Of another machine nothing is known.
  if (host !== hostname()) return host !== undefined && host !== ''
  try {
    process.kill(Number(pid), 0)
    return Number(pid) !== process.pid
  } catch (thrown) {
    return systemCode(thrown) === 'EPERM'
  }
}
