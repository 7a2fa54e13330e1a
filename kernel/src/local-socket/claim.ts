import { chmodSync, linkSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { storageError, systemCode } from '../storage-error.js'

/** A name that belongs to the one process whose server answers on it. */
export interface SocketClaim {
  /** The listening socket under its first name; may be renamed. Gone after `settle`. */
  readonly temporary: string
  /** Removes the temporary name and what dead claims left behind. */
  settle(): void
}

/**
 * Makes `server` listen and claims `<base>.<n>` for it, or resolves undefined if a living process has the claim.
 *
 * A lock for processes that may be killed at any instant and that may not see each other's pids (containers on one
 * volume): the holder is whoever listens on the highest number, which the kernel tells by accepting a connection. A
 * name appears by link(2), so that it exists only once and only when its socket answers already. Numbers never
 * fall: names of the dead are removed by the holder of a higher one only, therefore of two that judged the
 * same holder dead, one gets the next number, and one that linked a number below another's sees that and steps back.
 */
export async function claimSocket(server: Server, base: string): Promise<SocketClaim | undefined> {
  const directory = dirname(base)
  let home: string
  try {
    // The socket is born in a directory that only the owner may enter, so its mode is right before anyone can see it.
    home = mkdtempSync(join(directory, '.t'))
  } catch (thrown) {
    throw storageError(thrown, 'lock', directory)
  }
  const temporary = join(home, 's')
  const giveUp = () => {
    server.close()
    rmSync(home, { recursive: true, force: true })
  }
  try {
    await listen(server, temporary)
    chmodSync(temporary, 0o600)
    const mine = await takeNumber(temporary, base)
    if (mine === undefined) {
      giveUp()
      return undefined
    }
    return { temporary, settle: () => settle(home, base, mine) }
  } catch (thrown) {
    giveUp()
    throw storageError(thrown, 'lock', directory)
  }
}

async function takeNumber(temporary: string, base: string): Promise<number | undefined> {
  for (;;) {
    const top = highest(base)
    if (top > 0) {
      const state = await probeSocket(`${base}.${top}`)
      if (state === 'alive') return undefined
      if (state === 'gone') continue
    }
    const mine = top + 1
    try {
      linkSync(temporary, `${base}.${mine}`)
    } catch (thrown) {
      if (systemCode(thrown) === 'EEXIST') continue
      throw thrown
    }
    if (highest(base) === mine) return mine
    rmSync(`${base}.${mine}`, { force: true })
  }
}

function settle(home: string, base: string, mine: number): void {
  for (const number of numbersOf(base)) if (number < mine) rmSync(`${base}.${number}`, { force: true })
  const directory = dirname(base)
  const now = statSync(home).mtimeMs
  for (const name of readdirSync(directory)) {
    if (!/^\.t\w{6}$/.test(name)) continue
    const other = join(directory, name)
    // A younger one may be a claim that is being made at this moment.
    const left = statSync(other, { throwIfNoEntry: false })
    if (other === home || (left && now - left.mtimeMs > 60_000))
      rmSync(other, { recursive: true, force: true })
  }
}

function numbersOf(base: string): number[] {
  const prefix = `${basename(base)}.`
  const tails = readdirSync(dirname(base)).filter((name) => name.startsWith(prefix))
  return tails
    .map((name) => name.slice(prefix.length))
    .filter((tail) => /^\d+$/.test(tail))
    .map(Number)
}

function highest(base: string): number {
  return Math.max(0, ...numbersOf(base))
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Whether a process listens on a socket. What cannot be told (no right to connect) counts as alive. */
export function probeSocket(path: string): Promise<'alive' | 'dead' | 'gone'> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve('alive')
    })
    socket.once('error', (thrown) => {
      const code = systemCode(thrown)
      resolve(code === 'ECONNREFUSED' ? 'dead' : code === 'ENOENT' ? 'gone' : 'alive')
    })
  })
}
