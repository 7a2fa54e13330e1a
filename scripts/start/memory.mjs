// How much memory processes hold.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Resident MiB of a process; undefined if it is gone or this system does not tell. */
export function residentMib(pid) {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    if (kib) return Math.round(Number(kib) / 1024)
  } catch {
    // No /proc here.
  }
  try {
    const kib = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }))
    return kib > 0 ? Math.round(kib / 1024) : undefined
  } catch {
    return undefined
  }
}
