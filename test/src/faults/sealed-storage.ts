import { join } from 'node:path'
import { type OpenedEngine, openStorage, type Storage, type StorageDeps } from '@yizhan/center/storage'
import { openPostgresEngine, type PostgresConfig } from '@yizhan/center/storage/postgres'
import {
  createSealer,
  fileKek,
  type KeyStore,
  openKeyStore,
  plainSealer,
  type Sealer,
  silentLogger,
  systemClock,
} from '@yizhan/kernel'

export interface OpenStorage {
  readonly storage: Storage
  /** The place `postgres`, if there is one. */
  readonly postgres: OpenedEngine | undefined
  close(): Promise<void>
}

/** A storage as the center opens it, with its keys beside it; `plain`: without keys. `config`: of a place `postgres`. */
export async function openSealedStorage(
  dir: string,
  shards: number,
  sealing: 'plain' | 'sealed',
  config?: PostgresConfig,
): Promise<OpenStorage> {
  const log = silentLogger()
  let keys: KeyStore | undefined
  let sealer: Sealer = plainSealer
  if (sealing === 'sealed') {
    const kek = await fileKek(join(dir, 'kek'), { mayCreate: true })
    keys = await openKeyStore({ kek, log, clock: systemClock }, { dir: join(dir, 'keys') })
    sealer = createSealer({ keyring: keys })
  }
  let postgres: OpenedEngine | undefined
  const openEngine: StorageDeps['openEngine'] = async (given) => {
    postgres = await openPostgresEngine(given, config as PostgresConfig)
    return postgres
  }
  const storage = await openStorage(
    { log, sealer, clock: systemClock, ...(config ? { openEngine } : {}) },
    { dir: join(dir, 'data'), shards, ...(config ? { newTenants: 'shard-0' } : {}) },
  )
  return {
    storage,
    postgres,
    async close() {
      await storage.close()
      await keys?.close()
    },
  }
}
