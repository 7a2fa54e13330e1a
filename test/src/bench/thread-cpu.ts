import { readFileSync } from 'node:fs'

/** Microseconds that the main thread of a process has run so far; NaN where there is no /proc. */
export function mainThreadMicros(pid: number | undefined): number {
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')
    return Number(nanoseconds) / 1_000
  } catch {
    return Number.NaN
  }
}
