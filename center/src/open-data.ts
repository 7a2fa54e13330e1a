import { readdir, rm } from 'node:fs/promises'
import {
  type Clock,
  createSealer,
  type KekProvider,
  type KeyStore,
  type Lifecycle,
  type Logger,
  openKek,
  openKeyStore,
  readFileIfExists,
  type Sealer,
  type StateDir,
  startSealOffload,
  systemClock,
} from '@yizhan/kernel'
import { type Backups, createBackups, SCRATCH } from './backup/index.js'
import { type CenterConfig, KEK_FILE, RESTORED_FILE } from './config.js'
import { createFileStore, type FileStore, pieceDirectories } from './files/index.js'
import { BACKUP_FOLDERS } from './restore-center.js'
import { type EngineGiven, openStorage, type Storage } from './storage/index.js'

/** What outlives the process, from the key that wraps every other to the files of tenants. */
export interface Data {
  readonly kek: KekProvider
  readonly keys: KeyStore
  readonly sealer: Sealer
  readonly storage: Storage
  readonly files: FileStore
  readonly backups: Backups
}

/** Opens keys, then what they seal; `life` closes them in reverse. */
export async function openData(
  deps: {
    readonly life: Lifecycle
    readonly dir: StateDir
    readonly clock: Clock
    readonly log: Logger
    readonly version: string
    readonly credentialsDirectory?: string | undefined
  },
  config: Pick<CenterConfig, 'keys' | 'storage'>,
): Promise<Data> {
  const { life, dir, clock, log, version } = deps
  for (const name of await readdir(dir.path)) {
    // Of a test restore that a crash cut short.
    if (name.startsWith(SCRATCH)) await rm(dir.file(name), { recursive: true, force: true })
  }
  const keysDir = dir.file('keys')
  const kek = await openKek(config.keys.kek, {
    defaultFile: dir.file(KEK_FILE),
    keysDir,
    credentialsDirectory: deps.credentialsDirectory,
    clock,
  })
  const keys = await openKeyStore({ kek, log, clock }, { dir: keysDir })
  life.onStop('key store', () => keys.close())
  const offload = startSealOffload()
  life.onStop('sealing thread', () => offload.stop())
  const sealer = createSealer({
    keyring: keys,
    algorithm: config.keys.algorithm,
    offload,
    onWorn: (tenant, subject) => keys.sealWorn(tenant, subject),
  })
  const { engine, shards, dirs, fileDirs, newTenants, postgres } = config.storage
  const restored = await readFileIfExists(dir.file(RESTORED_FILE))
  const storage = await openStorage(
    {
      log,
      sealer,
      clock,
      ...(engine === 'level'
        ? {}
        : { openEngine: (given: EngineGiven) => openPostgres(given, postgres, restored) }),
    },
    {
      dir: dir.file('data'),
      shards: engine === 'postgres' ? 0 : shards,
      ...(dirs.length === 0 ? {} : { dirs }),
      ...(newTenants === undefined ? {} : { newTenants }),
    },
  )
  life.onStop('storage', () => storage.close(), 20_000)
  const files = createFileStore({
    store: storage.store,
    pieces:
      fileDirs.length === 0
        ? pieceDirectories([dir.file('files')])
        : pieceDirectories(fileDirs, [dir.file('files')]),
    ...{ sealer, keys, clock },
  })
  const backups = createBackups(
    {
      source: {
        tenants: async () => storage.upkeep.tenantIds(),
        rows: (scope, signal) => storage.upkeep.rows(scope, signal),
      },
      kek,
      sealerOf: (keyring) => createSealer({ keyring, algorithm: config.keys.algorithm, offload }),
      async openScratch(directory) {
        const scratch = await openStorage({ log, sealer, clock: systemClock }, { dir: directory, shards: 1 })
        return { target: scratch.upkeep, close: () => scratch.close() }
      },
      clock,
      log,
    },
    {
      folders: [
        ...BACKUP_FOLDERS.map((name) => ({ name, path: dir.file(name) })),
        // All of them come back into the one folder: where a piece lies is found by looking.
        ...fileDirs.map((path) => ({ name: 'files', path })),
      ],
      scratchDir: dir.path,
      version,
    },
  )
  return { kek, keys, sealer, storage, files, backups }
}

/** Loaded only where it is used. */
async function openPostgres(
  given: EngineGiven,
  config: CenterConfig['storage']['postgres'],
  restored: Uint8Array | undefined,
) {
  const { openPostgresEngine } = await import('./storage/postgres/index.js')
  return openPostgresEngine(given, config, {
    restored: restored && Buffer.from(restored).toString('utf8'),
  })
}
