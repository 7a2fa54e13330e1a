import { join } from 'node:path'
import { openStorage, type Storage } from '@yizhan/center/storage'
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
  close(): Promise<void>
}

/** A storage as the center opens it, with its keys beside it; `plain`: without keys. */
export async function openSealedStorage(
  dir: string,
  shards: number,
  sealing: 'plain' | 'sealed',
): Promise<OpenStorage> {
  const log = silentLogger()
  let keys: KeyStore | undefined
  let sealer: Sealer = plainSealer
  if (sealing === 'sealed') {
    const kek = await fileKek(join(dir, 'kek'), { mayCreate: true })
    keys = await openKeyStore({ kek, log, clock: systemClock }, { dir: join(dir, 'keys') })
    sealer = createSealer({ keyring: keys })
  }
  const storage = await openStorage({ log, sealer, clock: systemClock }, { dir: join(dir, 'data'), shards })
  return {
    storage,
    async close() {
      await storage.close()
      await keys?.close()
    },
  }
}
