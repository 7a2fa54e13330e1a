import { YizhanError } from './errors.js'

/** The system's name of a failure (`ENOENT`), or `unknown`. */
export function systemCode(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown.code
  }
  return 'unknown'
}

const FULL = new Set(['ENOSPC', 'EDQUOT'])

/** A file system failure as `disk_full` or `storage_failed`, with the path and the system's code. */
export function storageError(thrown: unknown, doing: string, path: string): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const system = systemCode(thrown)
  const code = FULL.has(system) ? 'disk_full' : 'storage_failed'
  return new YizhanError(code, `cannot ${doing} ${path} (${system})`, {
    cause: thrown,
    details: { path, system },
  })
}
