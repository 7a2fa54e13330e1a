import { constants } from 'node:fs'
import { access, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Clock,
  createSealer,
  importKeys,
  type KekProvider,
  type KeyStore,
  type Logger,
  newId,
  openKeyStore,
  systemClock,
  systemCode,
  writeFileAtomic,
  YizhanError,
} from '@yizhan/kernel'
import {
  type Erasure,
  openBackupKeyring,
  Repository,
  type RestoreReport,
  type RestoreSite,
  restoreBackup,
} from './backup/index.js'
import { ERASURE_LOG_FILE, KEK_FILE, RESTORED_FILE } from './config.js'
import { openSigner } from './fleet/index.js'
import { readErasureLog } from './privacy/index.js'
import { type EngineGiven, openStorage, type Storage } from './storage/index.js'
import type { PostgresConfig, RestorePostgres } from './storage/postgres/index.js'

export interface RestoreRequest {
  /** Directory of the backups. */
  readonly at: string
  readonly backup: string
  /** Made by the restore; empty or missing. */
  readonly stateDir: string
  /** Copy of the key store, by `keys export`: keys are in no backup. */
  readonly keys: string
  /** The off-box erasure log, whole. */
  readonly erasureLog: string
  /** LevelDB shards in the state directory; 0 with `postgres` only. */
  readonly shards: number
  /** A database that is empty, or holds what a killed restore left. Tenants that lived in PostgreSQL go there again. */
  readonly postgres?: PostgresConfig
  /** The place of tenants whose own place is none here. */
  readonly newTenants?: string
  /** Copied to its place in the state directory. */
  readonly kekFile?: string
}

/** Folders of the state directory that backups take along, by their names there and in the backup. */
export const BACKUP_FOLDERS = ['ca', 'bundles', 'files'] as const

/**
 * Makes a state directory of a backup on a machine where no center runs on it, and erases again everybody that the log
 * names. Throws as `restoreBackup` does, and `data_corrupt` for a log that does not hold; nothing is left then.
 */
export async function restoreCenter(
  { kek, log }: { readonly kek: KekProvider; readonly log: Logger },
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<RestoreReport> {
  for (const [what, path] of [
    ['copy of the keys', request.keys],
    ['erasure log', request.erasureLog],
  ] as const) {
    await access(path, constants.R_OK).catch((thrown: unknown) => {
      throw new YizhanError('not_found', `the ${what} cannot be read (${systemCode(thrown) ?? 'unknown'})`, {
        details: { path },
        hint: 'a restore needs the backup, a copy of the keys, and the erasure log',
      })
    })
  }
  const keyring = await openBackupKeyring(kek, request.at, { make: false })
  const repository = new Repository(request.at, createSealer({ keyring }))
  let site: string | undefined
  return restoreBackup(
    repository,
    {
      backup: request.backup,
      stateDir: request.stateDir,
      erasures: erasures(() => site ?? request.stateDir, request.erasureLog, log),
      open: (directory) => {
        site = directory
        return openSite({ kek, log, clock: systemClock }, directory, request, signal)
      },
    },
    signal,
  )
}

/** Read when the CA's folder is in place again: the keys that sign the log are in it. */
async function* erasures(site: () => string, path: string, log: Logger): AsyncGenerator<Erasure> {
  const signer = await openSigner({ log }, { dir: join(site(), 'ca') })
  const { entries, problem } = await readErasureLog(path, signer.publicKeys)
  if (problem) {
    throw new YizhanError(
      'data_corrupt',
      `line ${problem.line} of the erasure log does not hold (${problem.what})`,
      {
        details: { line: problem.line, what: problem.what },
        hint: 'give the log as the center wrote it, or a copy from another path',
      },
    )
  }
  yield* entries
}

async function openSite(
  deps: { readonly kek: KekProvider; readonly log: Logger; readonly clock: Clock },
  directory: string,
  { keys: copy, shards, newTenants, postgres, kekFile, erasureLog }: RestoreRequest,
  signal: AbortSignal,
): Promise<RestoreSite> {
  const { clock, log } = deps
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // The log goes on where it was: a new one would not know of those who were erased before.
  await writeFileAtomic(join(directory, ERASURE_LOG_FILE), await readFile(erasureLog))
  if (kekFile !== undefined) await writeFileAtomic(join(directory, KEK_FILE), await readFile(kekFile))
  const keysDir = join(directory, 'keys')
  await importKeys(keysDir, copy, { erased: [] })
  const keys = await openKeyStore(deps, { dir: keysDir })
  const database = postgres && (await restoreInto(postgres, directory, { clock, log, signal }))
  let storage: Storage
  try {
    const sealer = createSealer({ keyring: keys })
    storage = await openStorage(
      { log, sealer, clock, ...(database ? { openEngine: database.open } : {}) },
      { dir: join(directory, 'data'), shards, ...(newTenants === undefined ? {} : { newTenants }) },
    )
  } catch (thrown) {
    await keys.close()
    throw thrown
  }
  return {
    target: storage.upkeep,
    folderPath: (name) =>
      (BACKUP_FOLDERS as readonly string[]).includes(name) ? join(directory, name) : undefined,
    erase: (erasure) => eraseAgain({ keys, storage, clock }, erasure),
    ...(database ? { undo: database.undo, settle: database.settle } : {}),
    async close() {
      await storage.close()
      await keys.close()
    },
  }
}

/** The id goes to the directory before the database knows it: whoever has the whole directory may end the restore. */
async function restoreInto(
  config: PostgresConfig,
  directory: string,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Logger; readonly signal: AbortSignal },
) {
  const { endRestore, openForRestore } = await import('./storage/postgres/index.js')
  const id = newId('restore', clock.wall())
  await writeFileAtomic(join(directory, RESTORED_FILE), Buffer.from(id))
  let engine: RestorePostgres | undefined
  return {
    async open(given: EngineGiven) {
      engine = await openForRestore(given, config, { id, signal })
      return engine
    },
    undo: async () => engine?.undo(),
    settle: () => endRestore({ log }, config, id),
  }
}

/** The key first: then nothing that is left by a fault here can be read. */
async function eraseAgain(
  { keys, storage, clock }: { readonly keys: KeyStore; readonly storage: Storage; readonly clock: Clock },
  { tenant, subject, erasureId }: Erasure,
): Promise<number> {
  await keys.destroySubject(tenant, subject)
  let erased = 0
  for (;;) {
    const { places } = await storage.store.places(tenant, { subject }, { limit: 500 })
    if (places.length === 0) return erased
    await storage.store.batch(
      tenant,
      places.map(({ collection, key }) => ({ op: 'delete', collection, key })),
      {
        time: clock.wall(),
        actor: 'restore',
        action: 'DELETE',
        object: `subjects/${subject}`,
        requestId: erasureId,
      },
    )
    erased += places.length
  }
}
