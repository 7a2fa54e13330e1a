import { access, constants, mkdir, statfs } from 'node:fs/promises'
import type { CliIo } from './io.js'

/** One look at what a program needs: what is right, in a few words; throws with what is wrong. */
export interface Check {
  readonly check: string
  look(): Promise<string> | string
}

const MIN_FREE_BYTES = 512 * 1024 * 1024

/** Makes the state directory if it is absent, and looks whether it can be written and has 512 MB of room. */
export function stateDirChecks(stateDir: string): Check[] {
  return [
    {
      check: 'state directory',
      async look() {
        await mkdir(stateDir, { recursive: true, mode: 0o700 })
        await access(stateDir, constants.R_OK | constants.W_OK)
        return stateDir
      },
    },
    {
      check: 'disk space',
      async look() {
        const { bavail, bsize } = await statfs(stateDir)
        const free = bavail * bsize
        if (free < MIN_FREE_BYTES) throw new Error(`${Math.round(free / 1e6)} MB free; 512 MB are wanted`)
        return `${Math.round(free / 1e9)} GB free`
      },
    },
  ]
}

/** Runs every check and prints what each found; exit code 1 if any failed. */
export async function runChecks(io: CliIo, checks: readonly Check[]): Promise<void> {
  const rows: { check: string; ok: boolean; detail: string }[] = []
  for (const { check, look } of checks) {
    try {
      rows.push({ check, ok: true, detail: await look() })
    } catch (thrown) {
      rows.push({ check, ok: false, detail: thrown instanceof Error ? thrown.message : String(thrown) })
    }
  }
  io.table(rows, ['check', 'ok', 'detail'])
  if (rows.some((row) => !row.ok)) io.setExitCode(1)
}
