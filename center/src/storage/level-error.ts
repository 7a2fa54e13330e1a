import { systemCode, YizhanError } from '@yizhan/kernel'

// LevelDB hands errno on as text only, in the C locale's words; there is nothing else to tell a full disk by.
const FULL = /No space left on device|Disk quota exceeded/
const MISSING = /No such file or directory|does not exist/

const CLOSED: ReadonlySet<unknown> = new Set([
  'LEVEL_DATABASE_NOT_OPEN',
  'LEVEL_ITERATOR_NOT_OPEN',
  'LEVEL_SNAPSHOT_NOT_OPEN',
])

/** What LevelDB threw, in this project's terms, with the directory that it is about. */
export function levelError(thrown: unknown, doing: string, directory: string): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const causes = [...chain(thrown)]
  const codes = causes.map(systemCode)
  const text = causes.map((cause) => (cause instanceof Error ? cause.message : '')).join('; ')
  const details = { directory }
  if (codes.includes('LEVEL_LOCKED')) {
    return new YizhanError('failed_precondition', `${directory} is in use by another process`, {
      cause: thrown,
      details,
      hint: 'stop the other process, or give this one a state directory of its own',
    })
  }
  // A file that its own index names and that is gone is damage, whatever LevelDB calls it.
  if (codes.includes('LEVEL_CORRUPTION') || MISSING.test(text)) {
    return corruptDatabase(directory, `LevelDB cannot ${doing} it`, thrown)
  }
  if (FULL.test(text) || codes.includes('ENOSPC') || codes.includes('EDQUOT')) {
    return new YizhanError('disk_full', `cannot ${doing} ${directory}: the disk is full`, {
      cause: thrown,
      details,
    })
  }
  // Of an opening it only says that it failed.
  if (doing !== 'open' && codes.some((code) => CLOSED.has(code))) {
    return new YizhanError('unavailable', `the database in ${directory} is closed`, {
      cause: thrown,
      details,
    })
  }
  return new YizhanError('storage_failed', `cannot ${doing} ${directory}`, { cause: thrown, details })
}

/** The error of a database that must not be started on. */
export function corruptDatabase(directory: string, why: string, cause?: unknown): YizhanError {
  return new YizhanError('data_corrupt', `the database in ${directory} is damaged: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { directory },
    hint: 'restore the storage directory from a backup; to start empty, move the whole directory away',
  })
}

function* chain(thrown: unknown): Generator<unknown> {
  for (let cause = thrown, depth = 0; cause !== undefined && depth < 5; depth++) {
    yield cause
    cause = cause instanceof Error ? cause.cause : undefined
  }
}
