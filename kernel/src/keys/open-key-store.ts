import { randomBytes } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { syncDirectory, writeFileAtomic } from '../atomic-file.js'
import type { Clock } from '../clock.js'
import type { OpenDiskFile } from '../disk-file.js'
import type { Logger } from '../log.js'
import { storageError } from '../storage-error.js'
import type { KekProvider } from './kek-provider.js'
import { KeyIndex, slotsOf } from './key-index.js'
import { SlotKeyStore } from './key-store.js'
import { KeyVault } from './key-vault.js'
import type { KeyStore } from './port.js'
import { RewriteJournal } from './rewrite-journal.js'
import { decodeSlot } from './slot.js'
import { SlotFile } from './slot-file.js'
import { keyStoreIsEmpty, shredFile, storePaths } from './store-files.js'
import { encodeHeader, readHeader, wrapHeader } from './store-header.js'

export interface KeyStoreDeps {
  readonly kek: KekProvider
  readonly log: Logger
  readonly clock: Clock
  /** Default: the file system's. For tests of failing disks. */
  readonly openFile?: OpenDiskFile
}

export interface KeyStoreConfig {
  /** Made (0700) if it is missing. Nothing else lies in it, and no backup takes it along. */
  readonly dir: string
  /** Unwrapped keys held in memory. Default 50,000. */
  readonly maxKeysInMemory?: number
}

/**
 * Opens the key store, or makes an empty one; one process at a time (the state directory's lock sees to it). What a
 * crash left half done is ended first; damaged slots are logged and stand in `status()`, all others work. Throws
 * `key_unknown` under another KEK (nothing is changed), `data_corrupt` if it is no key store, `disk_full`, `storage_failed`.
 */
export async function openKeyStore(deps: KeyStoreDeps, config: KeyStoreConfig): Promise<KeyStore> {
  const { kek, log, clock } = deps
  const { dir } = config
  const paths = storePaths(dir)
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch((thrown) => {
    throw storageError(thrown, 'create', dir)
  })
  if (await keyStoreIsEmpty(dir)) {
    const header = await wrapHeader(kek, randomBytes(16).toString('hex'))
    await writeFileAtomic(paths.slots, encodeHeader(header))
  }
  await shredFile(dir, paths.incoming)
  const openFile: OpenDiskFile = deps.openFile ?? open
  const slots = await openFile(paths.slots, 'r+', 0o600).catch((thrown) => {
    throw storageError(thrown, 'open', paths.slots)
  })
  const journal = await openJournal(openFile, paths.journal).catch(async (thrown) => {
    await slots.close()
    throw thrown
  })
  const file = new SlotFile(slots, new RewriteJournal(journal, paths.journal), paths.slots)
  try {
    await syncDirectory(dir)
    await file.recover()
    const { storeId, epoch } = await readHeader(await file.read(0), kek)
    const index = new KeyIndex()
    await file.open((slot, bytes) => {
      const found = decodeSlot(bytes)
      index.add(slot, found)
      return found.s === 'free' ? 'free' : 'used'
    })
    await endDestructions(file, index)
    if (index.damage.size > 0) {
      const damaged = [...index.damage.keys()].slice(0, 100)
      log.error(
        { path: paths.slots, damaged, count: index.damage.size },
        'slots of the key store are damaged',
      )
    }
    const vault = new KeyVault({ kek, file }, storeId, config.maxKeysInMemory ?? 50_000)
    return new SlotKeyStore({ kek, file, index, vault, clock, log, storeId, headerEpoch: epoch })
  } catch (thrown) {
    await file.close()
    throw thrown
  }
}

async function openJournal(openFile: OpenDiskFile, path: string): ReturnType<OpenDiskFile> {
  try {
    return await openFile(path, 'r+', 0o600).catch(() => openFile(path, 'w+', 0o600))
  } catch (thrown) {
    throw storageError(thrown, 'open', path)
  }
}

/** Whoever is buried has no key any more, also if a crash or a copied slot left one. */
async function endDestructions(file: SlotFile, index: KeyIndex): Promise<void> {
  const slots: number[] = []
  for (const scope of index.scopes.values()) {
    if (scope.erasedAt === undefined) {
      for (const subject of scope.erased.keys()) {
        slots.push(...slotsOf(scope, subject))
        scope.subjects.delete(subject)
      }
      continue
    }
    slots.push(...scope.generations.splice(0).map((entry) => entry.slot), ...scope.strays.splice(0))
    if (scope.lookup) slots.push(scope.lookup.slot)
    scope.lookup = undefined
    for (const subject of scope.subjects.keys()) slots.push(...slotsOf(scope, subject))
    scope.subjects.clear()
  }
  await file.release(slots)
  for (const slot of slots) index.drop(slot)
}
