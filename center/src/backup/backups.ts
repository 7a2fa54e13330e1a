import { mkdtemp, rm } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { type Clock, type Keyring, type Logger, type Sealer, storageError, YizhanError } from '@yizhan/kernel'
import { type KeyWrapper, openBackupKeyring } from './backup-key.js'
import { type BackupProgress, createBackup } from './create-backup.js'
import type { BackupFolder, BackupSource, RestoreTarget, Snapshot, SnapshotSummary } from './port.js'
import { pruneBackups } from './prune.js'
import { Repository } from './repository.js'
import { lockRepository } from './repository-lock.js'
import { checkAll, loadScope } from './restore.js'

/** How the directories of test restores begin. */
export const SCRATCH = 'backup-check-'

export interface BackupsDeps {
  readonly source: BackupSource
  readonly kek: KeyWrapper
  /** A sealer over the keyring of a repository. */
  sealerOf(keyring: Keyring): Sealer
  /** An empty store for a test restore, with the keys of this installation. */
  openScratch(directory: string): Promise<{ readonly target: RestoreTarget; close(): Promise<void> }>
  readonly clock: Clock
  readonly log: Logger
}

export interface BackupsConfig {
  readonly folders: readonly BackupFolder[]
  /** Where test restores are made and deleted again; on the disk of the state directory. */
  readonly scratchDir: string
  readonly version: string
}

/** Backups of the running center, one work at a time. `at` is the absolute path of a directory of backups. */
export interface Backups {
  create(
    at: string,
    options: { readonly full: boolean; readonly onProgress?: (progress: BackupProgress) => void },
    signal: AbortSignal,
  ): Promise<SnapshotSummary>
  /** Oldest first; empty for a directory without. */
  list(at: string): Promise<readonly SnapshotSummary[]>
  /** Reads all of it into a scratch store and checks every record there. Throws `data_corrupt`. */
  verify(at: string, id: string, signal: AbortSignal): Promise<SnapshotSummary>
  prune(at: string, keep: number): Promise<{ readonly deleted: readonly string[]; readonly bytes: number }>
}

export function createBackups(deps: BackupsDeps, config: BackupsConfig): Backups {
  let last: Promise<unknown> = Promise.resolve()
  // Pruning beside a backup would take the chunks that it counts on.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work, work)
    last = mine.catch(() => undefined)
    return mine
  }

  /** `make`: only a new backup makes a directory of what is none. */
  async function repositoryAt(at: string, make: boolean): Promise<Repository> {
    if (!isAbsolute(at))
      throw new YizhanError('invalid_argument', 'the directory of the backups is not an absolute path')
    return new Repository(at, deps.sealerOf(await openBackupKeyring(deps.kek, at, { make })))
  }

  return {
    create: (at, { full, onProgress }, signal) =>
      inTurn(async () => {
        const repository = await repositoryAt(at, true)
        const { folders, version } = config
        const { snapshot, newBytes } = await locked(at, () =>
          createBackup(
            { ...deps, repository },
            { folders, version, full, ...(onProgress ? { onProgress } : {}) },
            signal,
          ),
        )
        deps.log.info({ backup: snapshot.id, kind: snapshot.kind, newBytes }, 'a backup was made')
        return { ...summary(snapshot), newBytes }
      }),
    async list(at) {
      const repository = await repositoryAt(at, false)
      const found: SnapshotSummary[] = []
      for (const id of await repository.snapshotIds()) found.push(summary(await repository.snapshot(id)))
      return found
    },
    verify: (at, id, signal) =>
      inTurn(async () => {
        const repository = await repositoryAt(at, false)
        const snapshot = await repository.snapshot(id)
        const directory = await mkdtemp(join(config.scratchDir, SCRATCH)).catch((thrown: unknown) => {
          throw storageError(thrown, 'create', config.scratchDir)
        })
        try {
          await testRestore(deps, repository, snapshot, join(directory, 'data'), signal)
        } finally {
          await rm(directory, { recursive: true, force: true })
        }
        return summary(snapshot)
      }),
    prune: (at, keep) =>
      inTurn(async () => {
        const repository = await repositoryAt(at, false)
        return locked(at, () => pruneBackups(repository, keep))
      }),
  }
}

async function locked<T>(at: string, work: () => Promise<T>): Promise<T> {
  const unlock = await lockRepository(at)
  try {
    return await work()
  } finally {
    await unlock()
  }
}

async function testRestore(
  { openScratch }: Pick<BackupsDeps, 'openScratch'>,
  repository: Repository,
  snapshot: Snapshot,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const scratch = await openScratch(directory)
  try {
    for (const scope of snapshot.scopes) await loadScope(repository, scope, scratch.target, signal)
    await checkAll(snapshot, scratch.target, signal)
    for (const { chunks } of snapshot.files) {
      for (const digest of chunks) {
        signal.throwIfAborted()
        await repository.chunk(digest)
      }
    }
  } finally {
    await scratch.close()
  }
}

function summary({ id, kind, startedAt, scopes, files }: Snapshot): SnapshotSummary {
  return {
    id,
    kind,
    startedAt,
    tenants: scopes.filter(({ tenant }) => tenant !== null).length,
    rows: scopes.reduce((sum, { rows }) => sum + rows, 0),
    files: files.length,
    bytes: [...scopes, ...files].reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
