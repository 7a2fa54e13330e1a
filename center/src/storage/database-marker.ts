import { join } from 'node:path'
import { type Clock, newId, parseJson, readFileIfExists, writeFileAtomic, YizhanError } from '@yizhan/kernel'
import type { LevelDatabase } from './level-database.js'
import { corruptDatabase } from './level-error.js'
import { metaKey } from './level-key.js'

const FILE = 'storage.json'
export const FORMAT = 2
const GENERATION = metaKey('generation')
const STORE_ID = metaKey('store-id')

/** What the directory says about its databases: their names, and how often each was opened and closed. */
export interface StorageMarker {
  /** 1: unsealed records without heads, taken over at the first start. */
  readonly format: 1 | typeof FORMAT
  /** Of this storage; every database of it holds it too. '' before the first stamp. */
  readonly id: string
  /** ISO 8601, of the first start. */
  readonly since: string
  readonly generations: Readonly<Record<string, number>>
  /** These were written anew beside the former ones and are to take their places. */
  readonly switching?: readonly string[]
}

/** The marker, or a new one for a directory without. Throws `data_corrupt`, `unsupported` for a later format. */
export async function readMarker(directory: string, clock: Clock): Promise<StorageMarker> {
  const bytes = await readFileIfExists(join(directory, FILE))
  if (!bytes) return { format: FORMAT, id: '', since: new Date(clock.wall()).toISOString(), generations: {} }
  const marker = parse(bytes)
  if (!marker) throw corruptDatabase(directory, `${FILE} cannot be read`)
  if (marker.format !== 1 && marker.format !== FORMAT) {
    throw new YizhanError('unsupported', `${directory} was written by a later version`, {
      details: { directory },
    })
  }
  return { ...marker, format: marker.format }
}

export function writeMarker(directory: string, marker: StorageMarker): Promise<void> {
  return writeFileAtomic(join(directory, FILE), `${JSON.stringify(marker)}\n`)
}

/**
 * Counts the generation of each database up by one, first inside it and then in the marker. A database behind its
 * marker has lost its last records (LevelDB starts on an older manifest or a cut log without a word): `data_corrupt`.
 * One of another storage, as a wrong mount brings it, is `config_invalid`.
 */
export async function stampDatabases(
  directory: string,
  marker: StorageMarker,
  databases: ReadonlyMap<string, LevelDatabase>,
): Promise<StorageMarker> {
  const generations: Record<string, number> = { ...marker.generations }
  let { id } = marker
  for (const [name, database] of databases) {
    const found = await checkGeneration(database, marker.generations[name] ?? 0)
    const known = textOf(await database.get(STORE_ID))
    if (found > 0 && known === '') {
      throw corruptDatabase(directory, `${FILE} is missing beside databases of an older format`)
    }
    if (id === '') id = known === '' ? newId('sto', Date.parse(marker.since)) : known
    if (known !== '' && known !== id) throw foreign(database.directory)
    const generation = found + 1
    await database.write([
      { key: GENERATION, value: Buffer.from(String(generation)) },
      { key: STORE_ID, value: Buffer.from(id) },
    ])
    generations[name] = generation
  }
  const stamped: StorageMarker = { ...marker, id, generations }
  await writeMarker(directory, stamped)
  return stamped
}

/** How often the database was stamped. Throws `data_corrupt` if that is less than the marker says. */
export async function checkGeneration(database: LevelDatabase, expected: number): Promise<number> {
  const found = Number(textOf(await database.get(GENERATION)))
  const generation = Number.isSafeInteger(found) ? found : 0
  if (generation < expected) throw corruptDatabase(database.directory, 'it lacks its last records')
  return generation
}

function textOf(value: Uint8Array | undefined): string {
  return value ? Buffer.from(value).toString('latin1') : ''
}

function foreign(directory: string): YizhanError {
  return new YizhanError('config_invalid', `the database in ${directory} belongs to another storage`, {
    details: { directory },
    hint: 'look whether the right disk is mounted there',
  })
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
  const id = 'id' in value && typeof value.id === 'string' ? value.id : ''
  const marker = { format, id, since, generations: Object.fromEntries(entries) }
  if (!('switching' in value)) return marker
  const { switching } = value
  if (!Array.isArray(switching) || !switching.every((name) => typeof name === 'string')) return undefined
  return { ...marker, switching }
}
