import { rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Clock, type Logger, newId, type Sealer, storageError, syncDirectory } from '@yizhan/kernel'
import {
  checkGeneration,
  FORMAT,
  readMarker,
  type StorageMarker,
  stampDatabases,
  writeMarker,
} from './database-marker.js'
import { type LevelDatabase, openDatabase } from './level-database.js'
import { rewriteFormatOne } from './takeover-rewrite.js'

export interface TakeoverDeps {
  readonly log: Logger
  readonly sealer: Sealer
  readonly clock: Clock
}

export interface TakeoverPlaces {
  /** Where the marker is, and where format 1 had all of its databases. */
  readonly dir: string
  /** Where a database belongs now. */
  pathOf(name: string): string
}

const NEXT = '.next'

/**
 * Writes the databases of format 1 anew, sealed and with heads, each beside where it belongs. The marker is what decides:
 * before it is written the former data counts and this begins again, after it `finishTakeover` does.
 */
export async function takeOver(
  deps: TakeoverDeps,
  { dir, pathOf }: TakeoverPlaces,
  marker: StorageMarker,
): Promise<void> {
  const { log, clock } = deps
  const names = Object.keys(marker.generations)
  const startedAt = clock.monotonic()
  log.info({ dir, databases: names }, 'data of an older format is written anew; this happens once')
  const made = new Map<string, LevelDatabase>()
  let former: LevelDatabase | undefined
  let records = 0
  let auditEntries = 0
  try {
    for (const name of names) {
      const next = pathOf(name) + NEXT
      await removed(next)
      former = await openDatabase(deps, join(dir, name), true)
      await checkGeneration(former, marker.generations[name] ?? 0)
      const database = await openDatabase(deps, next, false)
      made.set(name, database)
      const counts = await rewriteFormatOne(deps, former, database)
      await former.close()
      former = undefined
      records += counts.records
      auditEntries += counts.auditEntries
    }
    const fresh: StorageMarker = {
      format: FORMAT,
      id: newId('sto', clock.wall()),
      since: marker.since,
      generations: {},
      switching: names,
    }
    await stampDatabases(dir, fresh, made)
  } finally {
    await former?.close()
    for (const database of made.values()) await database.close()
  }
  const ms = Math.round(clock.monotonic() - startedAt)
  log.info({ dir, records, auditEntries, ms }, 'all of it is written anew')
}

/** Puts the new databases in the places of the former ones, which are deleted. Goes on where a crash left it. */
export async function finishTakeover(deps: TakeoverDeps, { dir, pathOf }: TakeoverPlaces): Promise<void> {
  const { switching, ...marker } = await readMarker(dir, deps.clock)
  if (!switching) return
  for (const name of switching) {
    const path = pathOf(name)
    if (!(await exists(path + NEXT))) continue
    await removed(join(dir, name))
    await removed(path)
    await rename(path + NEXT, path).catch((thrown: unknown) => {
      throw storageError(thrown, 'rename to', path)
    })
    await syncDirectory(dirname(path))
  }
  await writeMarker(dir, marker)
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

async function removed(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch((thrown: unknown) => {
    throw storageError(thrown, 'delete', path)
  })
}
