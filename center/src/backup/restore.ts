import { rename, rm, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asTenantId, exists, storageError, syncDirectory, systemCode, YizhanError } from '@yizhan/kernel'
import type { Row, Scope } from '../storage/engine.js'
import { isEmptyOrMissing, placeFile } from './folder-files.js'
import type { Erasure, RestoreTarget, Snapshot, SnapshotScope } from './port.js'
import type { Repository } from './repository.js'
import { decodeRows } from './row-codec.js'

/** A state directory that is being made of a backup. */
export interface RestoreSite {
  readonly target: RestoreTarget
  /** Where the files of a folder go; undefined: they are left out. */
  folderPath(name: string): string | undefined
  /** Destroys the person's key and deletes what is stored of them. Says how many records that was. */
  erase(erasure: Erasure): Promise<number>
  /** Deletes what does not lie in the directory, which is deleted after it. */
  undo?(): Promise<void>
  close(): Promise<void>
  /** Called when the directory is in its place, closed: what does not lie in it may be used from here on. */
  settle?(): Promise<void>
}

export interface RestoreReport {
  readonly backup: string
  readonly startedAt: number
  readonly tenants: number
  readonly rows: number
  readonly files: number
  /** Erasures that were carried out again, and the records that they took out of the backup. */
  readonly erasures: number
  readonly erasedRecords: number
}

/**
 * Restores a backup into `stateDir`, which must be empty or missing. It is built beside it and renamed as the last
 * step: a restore that is killed at any moment leaves no state directory that looks like one. `open` opens the
 * site in the directory it is given. `erasures`: the whole off-box erasure log; without it no restore.
 */
export async function restoreBackup(
  repository: Repository,
  request: {
    readonly backup: string
    readonly stateDir: string
    readonly erasures: AsyncIterable<Erasure>
    open(directory: string): Promise<RestoreSite>
  },
  signal: AbortSignal,
): Promise<RestoreReport> {
  const { stateDir } = request
  const snapshot = await repository.snapshot(request.backup)
  if (!(await isEmptyOrMissing(stateDir))) {
    throw notEmpty()
  }
  const building = `${stateDir}.restoring`
  await rm(building, { recursive: true, force: true })
  const site = await request.open(building).catch(async (thrown: unknown) => {
    await rm(building, { recursive: true, force: true })
    throw thrown
  })
  let report: RestoreReport
  try {
    report = await fill(repository, snapshot, site, request.erasures, signal)
    signal.throwIfAborted()
    // Seen now, while all of it can still be undone.
    if (!(await isEmptyOrMissing(stateDir))) throw notEmpty()
  } catch (thrown) {
    await site.undo?.().catch(() => undefined)
    await site.close().catch(() => undefined)
    await rm(building, { recursive: true, force: true })
    throw thrown
  }
  await site.close()
  try {
    // Fails if somebody has begun to use it.
    if (await exists(stateDir)) await rmdir(stateDir)
    await rename(building, stateDir)
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOTEMPTY') throw notEmpty()
    throw storageError(thrown, 'rename to', stateDir)
  }
  await syncDirectory(dirname(stateDir))
  await site.settle?.()
  return report
}

function notEmpty(): YizhanError {
  return new YizhanError('already_exists', 'the state directory is not empty', {
    hint: 'restore into a new directory',
  })
}

async function fill(
  repository: Repository,
  snapshot: Snapshot,
  site: RestoreSite,
  erasures: AsyncIterable<Erasure>,
  signal: AbortSignal,
): Promise<RestoreReport> {
  let rows = 0
  for (const scope of snapshot.scopes) {
    await loadScope(repository, scope, site.target, signal)
    rows += scope.rows
  }
  let files = 0
  for (const { folder, path, mode, chunks } of snapshot.files) {
    signal.throwIfAborted()
    const root = site.folderPath(folder)
    if (root === undefined) continue
    const parts: Uint8Array[] = []
    for (const digest of chunks) parts.push(await repository.chunk(digest))
    await placeFile(root, path, mode, Buffer.concat(parts))
    files += 1
  }
  // Every one of them, whatever its time: a clock of then may have been wrong, and twice does no harm.
  let replayed = 0
  let erasedRecords = 0
  for await (const erasure of erasures) {
    signal.throwIfAborted()
    erasedRecords += await site.erase(erasure)
    replayed += 1
  }
  await checkAll(snapshot, site.target, signal)
  return {
    backup: snapshot.id,
    startedAt: snapshot.startedAt,
    tenants: snapshot.scopes.filter(({ tenant }) => tenant !== null).length,
    rows,
    files,
    erasures: replayed,
    erasedRecords,
  }
}

export async function loadScope(
  repository: Repository,
  scope: SnapshotScope,
  target: RestoreTarget,
  signal: AbortSignal,
): Promise<void> {
  if (scope.rows === 0) return
  await target.load(scopeOf(scope), rowsOf(repository, scope, signal), signal)
}

/** Throws `data_corrupt` with the first problem of the first scope that has one. */
export async function checkAll(
  snapshot: Snapshot,
  target: Pick<RestoreTarget, 'check'>,
  signal: AbortSignal,
): Promise<void> {
  for (const scope of snapshot.scopes) {
    if (scope.rows === 0) continue
    const { problems, problemCount } = await target.check(scopeOf(scope), signal)
    const [first] = problems
    if (!first) continue
    throw new YizhanError(
      'data_corrupt',
      `the backup of ${scope.tenant ?? 'the system'} is damaged: ${first.detail}`,
      {
        details: { tenant: scope.tenant, problems: problemCount, what: first.what },
      },
    )
  }
}

async function* rowsOf(
  repository: Repository,
  scope: SnapshotScope,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  let rows = 0
  for (const digest of scope.chunks) {
    signal.throwIfAborted()
    const page = decodeRows(await repository.chunk(digest))
    rows += page.length
    yield page
  }
  if (rows !== scope.rows) {
    throw new YizhanError('data_corrupt', 'the backup holds another number of rows than it says', {
      details: { tenant: scope.tenant, rows, expected: scope.rows },
    })
  }
}

function scopeOf({ tenant }: SnapshotScope): Scope {
  if (tenant === null) return null
  const id = asTenantId(tenant)
  if (!id) throw new YizhanError('data_corrupt', 'the backup names a tenant that can be none')
  return id
}
