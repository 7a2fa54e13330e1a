import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Logger, type Sealer, storageError, YizhanError } from '@yizhan/kernel'
import { takeBatch } from './batch-input.js'
import { Cursors } from './cursor.js'
import { readMarker, type StorageMarker, stampDatabases } from './database-marker.js'
import type { RecordAccess } from './engine.js'
import { type LevelDatabase, openDatabase } from './level-database.js'
import { LevelEngine } from './level-engine.js'
import { metaKey } from './level-key.js'
import { checkCollection, checkKey, checkScan } from './limits.js'
import type { Store, SystemStore } from './port.js'
import { loadShardMap } from './shard-map.js'
import { ShardedStore } from './sharded-store.js'

export interface StorageDeps {
  readonly log: Logger
  readonly sealer: Sealer
  readonly clock: Clock
}

export interface StorageConfig {
  /** Made if it is missing; belongs to this process alone while it is open. */
  readonly dir: string
  /** 1–4. More shards only serve new tenants; fewer than tenants live on is `config_invalid`. */
  readonly shards: number
}

export interface Storage {
  readonly store: Store
  readonly system: SystemStore
  /** Rejects with `storage_failed` once the disk has failed a write: the process should end. Resolves on `close`. */
  readonly done: Promise<void>
  /** Refuses new batches, writes those that wait, closes the databases. Idempotent. */
  close(): Promise<void>
}

const MAX_SHARDS = 4
const SYSTEM = 'system'

/**
 * The embedded engine: one LevelDB for the system and one for each shard. Throws `config_invalid`, `data_corrupt`
 * (never an empty start where data was), `failed_precondition` (in use), `disk_full`, `storage_failed`.
 */
export async function openStorage(deps: StorageDeps, config: StorageConfig): Promise<Storage> {
  const { dir, shards } = config
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS) {
    throw new YizhanError('config_invalid', `the number of shards is not 1–${MAX_SHARDS}`, {
      details: { shards },
    })
  }
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
    throw storageError(thrown, 'create', dir)
  })
  const databases = new Map<string, LevelDatabase>()
  const closeAll = async () => {
    for (const database of [...databases.values()].reverse()) await database.close()
  }
  try {
    const marker = await openAll(deps, config, databases)
    return await assemble(deps, config, databases, marker, closeAll)
  } catch (thrown) {
    await closeAll()
    throw thrown
  }
}

/** The system's database comes first: its lock is what keeps a second process out of all of them. */
async function openAll(
  deps: StorageDeps,
  { dir, shards }: StorageConfig,
  databases: Map<string, LevelDatabase>,
): Promise<StorageMarker> {
  const before = await readMarker(dir, deps.clock)
  for (const name of [SYSTEM, ...shardNames(shards)]) {
    const existing = Object.hasOwn(before.generations, name)
    databases.set(name, await openDatabase(deps, join(dir, name), existing))
  }
  // Read again: whoever had the lock may have stamped meanwhile.
  return stampDatabases(dir, await readMarker(dir, deps.clock), databases)
}

async function assemble(
  deps: StorageDeps,
  { dir, shards }: StorageConfig,
  databases: ReadonlyMap<string, LevelDatabase>,
  marker: StorageMarker,
  closeAll: () => Promise<void>,
): Promise<Storage> {
  const cursors = new Cursors(await cursorSecret(databaseOf(databases, SYSTEM)))
  const engineOf = (name: string) =>
    new LevelEngine(name, { ...deps, database: databaseOf(databases, name), cursors })
  const system = systemStore(engineOf(SYSTEM))
  const names = shardNames(shards)
  const store = new ShardedStore(await loadShardMap(system, shards), names.map(engineOf))

  const ending = endOf(databases)
  const close = async () => {
    await store.close()
    await system.close()
    // Without this stamp the next start cannot tell a lost tail; with a full or failed disk it has to do without.
    await stampDatabases(dir, marker, databases).catch((thrown: unknown) => {
      deps.log.warn({ err: thrown, dir }, 'the databases were closed without a stamp')
    })
    await closeAll()
    ending.resolve()
  }
  let closing: Promise<void> | undefined
  return {
    store,
    system,
    done: ending.done,
    close() {
      closing ??= close()
      return closing
    },
  }
}

function shardNames(shards: number): string[] {
  return Array.from({ length: shards }, (_, shard) => `shard-${shard}`)
}

function systemStore(engine: RecordAccess): SystemStore {
  return {
    async get(collection, key) {
      checkCollection(collection)
      checkKey(key)
      return engine.get(null, collection, key)
    },
    batch: async (changes) => engine.batch(null, takeBatch(changes)),
    async scan(collection, options = {}) {
      checkCollection(collection)
      checkScan(options)
      return engine.scan(null, collection, options)
    },
    close: () => engine.drain(),
  }
}

/** Lets cursors outlive a restart. No more than a check on callers: it lies unsealed. */
async function cursorSecret(database: LevelDatabase): Promise<Uint8Array> {
  const key = metaKey('cursor-secret')
  const known = await database.get(key)
  if (known) return known
  const secret = randomBytes(32)
  await database.write([{ key, value: secret }])
  return secret
}

function endOf(databases: ReadonlyMap<string, LevelDatabase>): { done: Promise<void>; resolve(): void } {
  let resolve: () => void = () => undefined
  const done = new Promise<void>((resolveDone, reject) => {
    resolve = resolveDone
    for (const database of databases.values()) database.onBroken(reject)
  })
  // Whoever watches `done` gets the rejection; with nobody watching it is no crash of its own.
  done.catch(() => undefined)
  return { done, resolve }
}

function databaseOf(databases: ReadonlyMap<string, LevelDatabase>, name: string): LevelDatabase {
  const database = databases.get(name)
  if (!database) throw new YizhanError('internal', `the database ${name} is not open`)
  return database
}
