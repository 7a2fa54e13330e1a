import { join } from 'node:path'
import { type Clock, parseJson, readFileIfExists, writeFileAtomic, YizhanError } from '@yizhan/kernel'
import type { LevelDatabase } from './level-database.js'
import { corruptDatabase } from './level-error.js'
import { metaKey } from './level-key.js'

const FILE = 'storage.json'
const FORMAT = 1
const GENERATION = metaKey('generation')

/** What the directory says about the databases in it: their names, and how often each was opened and closed. */
export interface StorageMarker {
  readonly format: typeof FORMAT
  /** ISO 8601, of the first start. */
  readonly since: string
  readonly generations: Readonly<Record<string, number>>
}

/** The marker, or a new one for a directory without. Throws `data_corrupt`, `unsupported` for a later format. */
export async function readMarker(directory: string, clock: Clock): Promise<StorageMarker> {
  const bytes = await readFileIfExists(join(directory, FILE))
  if (!bytes) return { format: FORMAT, since: new Date(clock.wall()).toISOString(), generations: {} }
  const marker = parse(bytes)
  if (!marker) throw corruptDatabase(directory, `${FILE} cannot be read`)
  if (marker.format !== FORMAT) {
    throw new YizhanError('unsupported', `${directory} was written by a later version`, {
      details: { directory },
    })
  }
  return { ...marker, format: FORMAT }
}

/**
 * Counts the generation of each database up by one, first inside it and then in the marker. A database behind its
 * marker has lost its last records (LevelDB starts on an older manifest or a cut log without a word): `data_corrupt`.
 */
export async function stampDatabases(
  directory: string,
  marker: StorageMarker,
  databases: ReadonlyMap<string, LevelDatabase>,
): Promise<StorageMarker> {
  const generations: Record<string, number> = { ...marker.generations }
  for (const [name, database] of databases) {
    const expected = marker.generations[name] ?? 0
    const found = readGeneration(await database.get(GENERATION))
    if (found < expected) throw corruptDatabase(database.directory, 'it lacks its last records')
    const generation = found + 1
    await database.write([{ key: GENERATION, value: Buffer.from(String(generation)) }])
    generations[name] = generation
  }
  const stamped = { ...marker, generations }
  await writeFileAtomic(join(directory, FILE), `${JSON.stringify(stamped)}\n`)
  return stamped
}

function readGeneration(value: Uint8Array | undefined): number {
  const generation = value ? Number(Buffer.from(value).toString('latin1')) : 0
  return Number.isSafeInteger(generation) ? generation : 0
}

function parse(bytes: Buffer): (Omit<StorageMarker, 'format'> & { readonly format: number }) | undefined {
  let value: unknown
  try {
    value = parseJson(bytes.toString('utf8'))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (!('format' in value && 'since' in value && 'generations' in value)) return undefined
  const { format, since, generations } = value
  if (typeof format !== 'number' || typeof since !== 'string') return undefined
  if (typeof generations !== 'object' || generations === null) return undefined
  const entries = Object.entries(generations).filter(([, n]) => Number.isSafeInteger(n))
  return { format, since, generations: Object.fromEntries(entries) }
}
