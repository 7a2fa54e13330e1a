import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Clock,
  type Logger,
  readFileIfExists,
  type Sealer,
  storageError,
  writeFileAtomic,
  YizhanError,
} from '@yizhan/kernel'
import { takeBatch } from './batch-input.js'
import { Cursors } from './cursor.js'
import { readMarker } from './database-marker.js'
import { type Databases, MAX_SHARDS, openDatabases, SYSTEM, shardNames } from './databases.js'
import type { RecordAccess, RecordEngine } from './engine.js'
import type { LevelDatabase } from './level-database.js'
import { LevelEngine } from './level-engine.js'
import { metaKey } from './level-key.js'
import { checkCollection, checkKey, checkScan } from './limits.js'
import { Mover } from './move.js'
import { PlaceGates } from './place-gate.js'
import { PlaceMap } from './place-map.js'
import { Places } from './places.js'
import type { Store, SystemStore } from './port.js'
import { RoutedStore } from './routed-store.js'
import { type StorageUpkeep, Upkeep } from './upkeep.js'

export interface StorageDeps {
  readonly log: Logger
  readonly sealer: Sealer
  readonly clock: Clock
  /** Opens a place beside the shards; its name is the engine's. */
  readonly openEngine?: (given: EngineGiven) => Promise<OpenedEngine>
}

/** What an engine of another module is opened with. */
export interface EngineGiven {
  readonly log: Logger
  readonly sealer: Sealer
  readonly clock: Clock
  readonly cursors: Cursors
}

export interface OpenedEngine extends RecordEngine {
  close(): Promise<void>
}

export interface StorageConfig {
  /** Made if it is missing; belongs to this process alone while it is open. */
  readonly dir: string
  /**
   * 1–4 LevelDB shards. More shards only serve new tenants; fewer than tenants live on is `config_invalid`. 0, with
   * `openEngine` only: that engine holds everything, the system's records too, and no LevelDB is opened.
   */
  readonly shards: number
  /** A directory for each shard, such as one on each disk; default all in `dir`. */
  readonly dirs?: readonly string[]
  /**
   * Held back on each disk, so that a restart on a full one can open: LevelDB writes when it opens, about 4 MiB at a time.
   * Default 8 MiB.
   */
  readonly ballastBytes?: number
  /** The place of tenants that write for the first time; default spread over the shards. */
  readonly newTenants?: string
  /** `never`: a crash of the machine may lose the last writes; for benchmarks and loads that can be repeated. Default `always`. */
  readonly sync?: 'always' | 'never'
}

export interface Storage {
  readonly store: Store
  readonly system: SystemStore
  readonly upkeep: StorageUpkeep
  /** Rejects with `storage_failed` once the disk has failed a write: the process should end. Resolves on `close`. */
  readonly done: Promise<void>
  /** Refuses new batches, writes those that wait, stops moves where they are, closes the engines. Idempotent. */
  close(): Promise<void>
}

const BALLAST_BYTES = 8 * 1024 * 1024

/**
 * Opens every place and settles, beside its use, the moves that a crash left. Throws `config_invalid`, `data_corrupt`
 * (never an empty start where data was), `failed_precondition` (in use), `disk_full`, `storage_failed`, `unavailable`
 * (the other engine cannot be reached).
 */
export async function openStorage(deps: StorageDeps, config: StorageConfig): Promise<Storage> {
  checkConfig(deps, config)
  const databases =
    config.shards === 0 ? undefined : await openDatabases(deps, { ballastBytes: BALLAST_BYTES, ...config })
  let other: OpenedEngine | undefined
  try {
    const cursors = new Cursors(await cursorSecret(deps, config.dir, databases))
    other = await deps.openEngine?.({ log: deps.log, sealer: deps.sealer, clock: deps.clock, cursors })
    return await assemble(deps, config, { databases, other, cursors })
  } catch (thrown) {
    await other?.close()
    await databases?.release()
    throw thrown
  }
}

interface Opened {
  readonly databases: Databases | undefined
  readonly other: OpenedEngine | undefined
  readonly cursors: Cursors
}

async function assemble(
  deps: StorageDeps,
  config: StorageConfig,
  { databases, other, cursors }: Opened,
): Promise<Storage> {
  const { log, clock } = deps
  const level = (name: string): RecordEngine | undefined =>
    databases && new LevelEngine(name, { ...deps, database: databases.get(name), cursors })
  const shards = shardNames(config.shards).flatMap((name) => level(name) ?? [])
  const places = placesOf([...shards, ...(other ? [other] : [])], config.newTenants)
  const systemEngine = level(SYSTEM) ?? places.all()[0]
  if (!systemEngine) throw new YizhanError('internal', 'there is no engine for the system')
  const system = systemStore(systemEngine)
  const map = new PlaceMap(system, (tenant) => places.choose(tenant))
  await map.load()
  checkHomes(map, places)

  const gates = new PlaceGates()
  const closing = new AbortController()
  const mover = new Mover({ places, map, gates, clock, log, closing: closing.signal })
  const upkeep = new Upkeep({ system: systemEngine, places, map, gates, mover })
  const store = new RoutedStore({ places, map, gates })
  const settled = mover.settleMoves().then(
    () => undefined,
    (thrown: unknown) => log.error({ err: thrown }, 'moves that were cut short are not settled'),
  )

  const ending = endOf(databases?.all)
  const close = async () => {
    closing.abort(new YizhanError('unavailable', 'the storage closes'))
    await settled
    await mover.idle()
    await store.close()
    await system.close()
    await other?.close()
    await databases?.close()
    ending.resolve()
  }
  let closed: Promise<void> | undefined
  return {
    store,
    system,
    upkeep,
    done: ending.done,
    close() {
      closed ??= close()
      return closed
    },
  }
}

function checkConfig(deps: StorageDeps, { shards, dirs }: StorageConfig): void {
  const least = deps.openEngine ? 0 : 1
  if (!Number.isInteger(shards) || shards < least || shards > MAX_SHARDS) {
    throw new YizhanError('config_invalid', `the number of shards is not ${least}–${MAX_SHARDS}`, {
      details: { shards },
    })
  }
  if (dirs && dirs.length !== shards) {
    throw new YizhanError('config_invalid', 'there is not one directory for each shard', {
      details: { shards, directories: dirs.length },
    })
  }
}

function placesOf(engines: readonly RecordEngine[], newTenants: string | undefined): Places {
  const names = engines.map(({ name }) => name)
  if (new Set([...names, SYSTEM]).size !== names.length + 1) {
    throw new YizhanError('config_invalid', 'two places have one name', { details: { places: names } })
  }
  if (newTenants !== undefined && !names.includes(newTenants)) {
    throw new YizhanError('config_invalid', `there is no place ${newTenants} for new tenants`, {
      hint: `places: ${names.join(', ')}`,
    })
  }
  return new Places(engines, newTenants)
}

/** Every tenant must have its place; that of a move is only needed to clean up. */
function checkHomes(map: PlaceMap, places: Places): void {
  const missing = new Set(map.homes().flatMap(([, { place }]) => (places.find(place) ? [] : [place])))
  if (missing.size === 0) return
  const lacking = [...missing].sort()
  throw new YizhanError(
    'config_invalid',
    `tenants live in ${lacking.join(', ')}, which is not among the configured places`,
    {
      details: { missing: lacking, configured: places.names() },
      hint: 'configure these places again; move the tenants away before a place is taken out',
    },
  )
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
async function cursorSecret(
  deps: StorageDeps,
  dir: string,
  databases: Databases | undefined,
): Promise<Uint8Array> {
  const path = join(dir, 'cursor-secret')
  if (databases) {
    if ((await readFileIfExists(path)) === undefined) return secretInDatabase(databases.get(SYSTEM))
    throw new YizhanError('config_invalid', `everything of ${dir} lives in the other engine`, {
      details: { dir },
      hint: 'set the number of shards to 0 again',
    })
  }
  const { generations } = await readMarker(dir, deps.clock)
  if (Object.keys(generations).length > 0) {
    throw new YizhanError('config_invalid', `${dir} holds LevelDB shards, but none are configured`, {
      details: { shards: 0 },
      hint: 'keep the shards beside the other engine, and move the tenants there',
    })
  }
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
    throw storageError(thrown, 'create', dir)
  })
  const known = await readFileIfExists(path)
  if (known) return known
  const secret = randomBytes(32)
  await writeFileAtomic(path, secret)
  return secret
}

async function secretInDatabase(database: LevelDatabase): Promise<Uint8Array> {
  const key = metaKey('cursor-secret')
  const known = await database.get(key)
  if (known) return known
  const secret = randomBytes(32)
  await database.write([{ key, value: secret }])
  return secret
}

function endOf(databases: ReadonlyMap<string, LevelDatabase> | undefined): {
  done: Promise<void>
  resolve(): void
} {
  let resolve: () => void = () => undefined
  const done = new Promise<void>((resolveDone, reject) => {
    resolve = resolveDone
    for (const database of databases?.values() ?? []) database.onBroken(reject)
  })
  // Whoever watches `done` gets the rejection; with nobody watching it is no crash of its own.
  done.catch(() => undefined)
  return { done, resolve }
}
