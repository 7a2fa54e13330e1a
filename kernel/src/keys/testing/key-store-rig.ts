import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ManualClock } from '../../clock.js'
import type { OpenDiskFile } from '../../disk-file.js'
import { YizhanError } from '../../errors.js'
import { asTenantId, type TenantId } from '../../ids.js'
import { silentLogger } from '../../log.js'
import type { DataKey, ErasedKey } from '../../sealing/index.js'
import { temporaryDirectory } from '../../testing/temporary-directory.js'
import type { KekProvider } from '../kek-provider.js'
import { fileKek } from '../local-kek.js'
import { openKeyStore } from '../open-key-store.js'
import type { KeyStore } from '../port.js'
import { keyStoreIsEmpty } from '../store-files.js'

export function tenant(name: string): TenantId {
  const id = asTenantId(name)
  if (!id) throw new Error(`${name} is no tenant`)
  return id
}

export const acme = tenant('acme')

/** A matcher for `assert.throws` and `assert.rejects`. */
export function withCode(code: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof YizhanError && thrown.code === code
}

export function isKey(answer: DataKey | ErasedKey): asserts answer is DataKey {
  if ('s' in answer) throw new Error(`erased at ${answer.at}`)
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** A key store in a temporary directory that can be opened again. */
export interface Rig {
  readonly dir: string
  readonly kekPath: string
  readonly clock: ManualClock
  kek: KekProvider
  store: KeyStore
  reopen(options?: { maxKeysInMemory?: number; openFile?: OpenDiskFile }): Promise<KeyStore>
}

export async function startRig(t: TestContext): Promise<Rig> {
  const root = temporaryDirectory(t)
  const dir = join(root, 'keys')
  const kekPath = join(root, 'kek')
  const clock = new ManualClock()
  const kek = await fileKek(kekPath, { mayCreate: await keyStoreIsEmpty(dir) })
  const log = silentLogger()
  const rig: Rig = {
    dir,
    kekPath,
    clock,
    kek,
    store: await openKeyStore({ kek, log, clock }, { dir }),
    reopen: async ({ openFile, ...config } = {}) => {
      await rig.store.close()
      const deps = { kek: rig.kek, log, clock, ...(openFile ? { openFile } : {}) }
      rig.store = await openKeyStore(deps, { dir, ...config })
      return rig.store
    },
  }
  t.after(() => rig.store.close())
  return rig
}

/** Whether the bytes lie in any file of the directory. */
export function foundIn(dir: string, bytes: Uint8Array): boolean {
  return readdirSync(dir).some((name) => readFileSync(join(dir, name)).includes(Buffer.from(bytes)))
}
