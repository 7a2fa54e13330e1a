import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Backups, createBackups } from '@yizhan/center/backup'
import { createFileStore, type FileStore, pieceDirectories } from '@yizhan/center/files'
import { openEdgeCommands, openSigner } from '@yizhan/center/fleet'
import {
  attachmentsSource,
  createPrivacy,
  type ErasureLogFiles,
  openErasureLog,
  type Privacy,
  SubjectDirectory,
} from '@yizhan/center/privacy'
import { openStorage, type Storage, type StorageConfig, type StorageDeps } from '@yizhan/center/storage'
import {
  asTenantId,
  createSealer,
  fileKek,
  type KekProvider,
  type KeyStore,
  openKeyStore,
  silentLogger,
  systemClock,
  type TenantId,
} from '@yizhan/kernel'

export const acme = asTenantId('acme') as TenantId
export const never: AbortSignal = new AbortController().signal

/** What the center keeps, put together as it does, without its doors. */
export interface SmallCenter {
  readonly kek: KekProvider
  readonly keys: KeyStore
  readonly storage: Storage
  readonly files: FileStore
  readonly backups: Backups
  readonly privacy: Privacy
  readonly erasureLog: ErasureLogFiles
  close(): Promise<void>
}

export interface SmallCenterOptions {
  readonly storage?: Partial<Pick<StorageConfig, 'shards' | 'newTenants'>>
  readonly openEngine?: StorageDeps['openEngine']
}

/** The key-encryption key is `kek` beside `dir`, so that a restore can take it. */
export async function openSmallCenter(dir: string, options: SmallCenterOptions = {}): Promise<SmallCenter> {
  const log = silentLogger()
  const clock = systemClock
  await mkdir(dir, { recursive: true })
  const kek = await fileKek(`${dir}.kek`, { mayCreate: true })
  const keys = await openKeyStore({ kek, log, clock }, { dir: join(dir, 'keys') })
  const sealer = createSealer({ keyring: keys })
  const { openEngine } = options
  const storage = await openStorage(
    { log, sealer, clock, ...(openEngine ? { openEngine } : {}) },
    { dir: join(dir, 'data'), shards: 2, ...options.storage },
  ).catch(async (thrown: unknown) => {
    await keys.close()
    throw thrown
  })
  const { store, system, upkeep } = storage
  const files = createFileStore({
    store,
    pieces: pieceDirectories([join(dir, 'files')]),
    sealer,
    keys,
    clock,
  })
  const signer = await openSigner({ log }, { dir: join(dir, 'ca') })
  const erasureLog = await openErasureLog({ signer, log }, { paths: [`${dir}.erasures`] })
  const privacy = createPrivacy(
    {
      store,
      system,
      upkeep,
      keys,
      subjects: new SubjectDirectory({ store, keys, clock }),
      policies: { of: async () => undefined },
      tenants: () => upkeep.tenantIds(),
      fleet: {
        registry: { list: () => [] },
        commands: await openEdgeCommands({ system, clock, log }),
        linked: () => false,
      },
      erasureLog,
      signer,
      sources: [attachmentsSource({ files, store })],
      clock,
      log,
    },
    { caseDueMs: 1, backupHorizonMs: 0, sweepEveryMs: 86_400_000, resumeEveryMs: 86_400_000 },
  )
  const backups = createBackups(
    {
      source: {
        tenants: async () => upkeep.tenantIds(),
        rows: (scope, signal) => upkeep.rows(scope, signal),
      },
      kek,
      sealerOf: (keyring) => createSealer({ keyring }),
      async openScratch(directory) {
        const scratch = await openStorage({ log, sealer, clock }, { dir: directory, shards: 1 })
        return { target: scratch.upkeep, close: () => scratch.close() }
      },
      clock,
      log,
    },
    {
      folders: ['ca', 'files'].map((name) => ({ name, path: join(dir, name) })),
      scratchDir: dir,
      version: 'test',
    },
  )
  return {
    kek,
    keys,
    storage,
    files,
    backups,
    privacy,
    erasureLog,
    async close() {
      await erasureLog.close()
      await storage.close()
      await keys.close()
    },
  }
}
