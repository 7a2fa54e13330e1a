import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Clock, type Logger, type Sealer, storageError, YizhanError } from '@yizhan/kernel'
import { dropBallast, keepBallast } from './ballast.js'
import { readMarker, type StorageMarker, stampDatabases } from './database-marker.js'
import { type LevelDatabase, openDatabase, type SyncMode } from './level-database.js'
import { finishTakeover, takeOver } from './takeover.js'

export const SYSTEM = 'system'
export const MAX_SHARDS = 4

export interface DatabaseDeps {
  readonly log: Logger
  readonly sealer: Sealer
  readonly clock: Clock
}

export interface DatabaseConfig {
  /** Holds the marker and the system's database. */
  readonly dir: string
  readonly shards: number
  /** Where each shard lies; undefined: all in `dir`. */
  readonly dirs?: readonly string[]
  /** `never`: a crash of the machine may lose the last writes; for benchmarks and loads that can be repeated. Default `always`. */
  readonly sync?: SyncMode
  /** Held back on each disk. */
  readonly ballastBytes: number
}

/** The LevelDB databases of one storage, by name. */
export interface Databases {
  readonly all: ReadonlyMap<string, LevelDatabase>
  /** Throws `internal`. */
  get(name: string): LevelDatabase
  /** Counts the generations up once more, so that the next start can tell a lost tail, and closes. */
  close(): Promise<void>
  /** Closes without that, after a start that failed. */
  release(): Promise<void>
}

interface Layout {
  readonly dir: string
  readonly names: readonly string[]
  readonly pathOf: (name: string) => string
  readonly sync: SyncMode
}

export function shardNames(shards: number): string[] {
  return Array.from({ length: shards }, (_, shard) => `shard-${shard}`)
}

/**
 * Makes what is missing, takes over what an older version wrote; on a full disk it gives up the ballast. Throws as
 * `openStorage` does.
 */
export async function openDatabases(deps: DatabaseDeps, config: DatabaseConfig): Promise<Databases> {
  const { dir, shards, ballastBytes, sync = 'always' } = config
  const pathOf = (name: string) => join(parentOf(config, name), name)
  const names = [SYSTEM, ...shardNames(shards)]
  const directories = [...new Set([dir, ...names.map((name) => dirname(pathOf(name)))])]
  for (const directory of directories) {
    await mkdir(directory, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
      throw storageError(thrown, 'create', directory)
    })
  }
  const opening = () => openAll(deps, { dir, names, pathOf, sync })
  const { open, marker } = await opening().catch(async (thrown: unknown) => {
    const full = thrown instanceof YizhanError && thrown.code === 'disk_full'
    const given = await Promise.all(full ? directories.map(dropBallast) : [])
    if (!given.includes(true)) throw thrown
    deps.log.error(
      { err: thrown, directories },
      'the disk is full: the ballast was given up to open the storage',
    )
    return opening()
  })
  for (const directory of directories) await keepBallast(directory, ballastBytes, deps.log)
  return {
    all: open,
    get: (name) => databaseOf(open, name),
    async close() {
      // With a full or failed disk it has to do without.
      await stampDatabases(dir, marker, open).catch((thrown: unknown) => {
        deps.log.warn({ err: thrown, dir }, 'the databases were closed without a stamp')
      })
      await closeAll(open)
    },
    release: () => closeAll(open),
  }
}

/** The system's database comes first: its lock is what keeps a second process out of all of them. */
async function openAll(
  deps: DatabaseDeps,
  { dir, names, pathOf, sync }: Layout,
): Promise<{ readonly open: ReadonlyMap<string, LevelDatabase>; readonly marker: StorageMarker }> {
  const former = await readMarker(dir, deps.clock)
  if (former.format === 1) await takeOver(deps, { dir, pathOf }, former)
  await finishTakeover(deps, { dir, pathOf })
  const before = await readMarker(dir, deps.clock)
  const open = new Map<string, LevelDatabase>()
  try {
    for (const name of names) {
      open.set(name, await openDatabase(deps, pathOf(name), Object.hasOwn(before.generations, name), sync))
    }
    // Read again: whoever had the lock may have stamped meanwhile.
    return { open, marker: await stampDatabases(dir, await readMarker(dir, deps.clock), open) }
  } catch (thrown) {
    await closeAll(open)
    throw thrown
  }
}

async function closeAll(databases: ReadonlyMap<string, LevelDatabase>): Promise<void> {
  for (const database of [...databases.values()].reverse()) await database.close()
}

function parentOf({ dir, dirs }: DatabaseConfig, name: string): string {
  const shard = shardNames(MAX_SHARDS).indexOf(name)
  return dirs?.[shard] ?? dir
}

function databaseOf(databases: ReadonlyMap<string, LevelDatabase>, name: string): LevelDatabase {
  const database = databases.get(name)
  if (!database) throw new YizhanError('internal', `the database ${name} is not open`)
  return database
}
