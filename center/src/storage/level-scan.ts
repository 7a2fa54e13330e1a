import type { Cursors } from './cursor.js'
import type { Scope } from './engine.js'
import type { LevelDatabase } from './level-database.js'
import {
  indexRange,
  type KeyRange,
  partsOfIndexKey,
  placeOfRecord,
  recordKey,
  recordRange,
} from './level-key.js'
import type { LevelSnapshot, PageBounds } from './level-snapshot.js'
import { STORE_LIMITS } from './limits.js'
import type { ScanOptions } from './port.js'

/** Records that are read at once behind an index: at most so many MiB. */
const LOOKUP = 16

export interface StoredPage {
  /** Key in its collection, stored bytes. */
  readonly pairs: readonly (readonly [string, Uint8Array])[]
  readonly cursor?: string
}

/** One page of stored records, in the order of their keys or of an index. */
export async function levelScan(
  deps: { readonly database: LevelDatabase; readonly cursors: Cursors },
  scope: Scope,
  collection: string,
  options: ScanOptions,
): Promise<StoredPage> {
  const { cursor, limit = STORE_LIMITS.scanDefault, reverse = false, ...query } = options
  const place = { scope: scope ?? '', collection, query: JSON.stringify([query, reverse]) }
  const after = cursor === undefined ? undefined : Buffer.from(deps.cursors.read(place, cursor))
  const range = boundsOf(scope, collection, query)
  const bounds = {
    limit: limit + 1,
    maxBytes: STORE_LIMITS.pageBytes,
    reverse,
    ...(after ? { after } : {}),
  }
  const { pairs, next } = query.index
    ? await indexPage(deps.database, scope, collection, range, bounds)
    : await recordPage(deps.database, scope, range, bounds)
  return next ? { pairs, cursor: deps.cursors.make(place, next.toString('utf8')) } : { pairs }
}

/** `next`: the level key after which the next page begins. */
interface ReadPage {
  readonly pairs: StoredPage['pairs']
  readonly next: Buffer | undefined
}

async function recordPage(
  database: LevelDatabase,
  scope: Scope,
  range: KeyRange,
  bounds: PageBounds,
): Promise<ReadPage> {
  const read = await database.page(range, bounds)
  const taken = read.slice(0, bounds.limit - 1)
  const more = read.length > taken.length || valueBytes(read) > bounds.maxBytes
  return {
    pairs: taken.map(([levelKey, bytes]) => [placeOfRecord(scope, levelKey).key, bytes] as const),
    next: more ? taken.at(-1)?.[0] : undefined,
  }
}

/** Entries and records in one view: a record whose terms change meanwhile is not told under the old one. */
async function indexPage(
  database: LevelDatabase,
  scope: Scope,
  collection: string,
  range: KeyRange,
  bounds: PageBounds,
): Promise<ReadPage> {
  const snapshot = await database.snapshot()
  try {
    const entries = await snapshot.page(range, bounds)
    const taken = entries.slice(0, bounds.limit - 1)
    const { found, last } = await indexed(snapshot, scope, collection, taken)
    const more = entries.length > taken.length || last !== taken.at(-1)?.[0]
    return { pairs: found, next: more ? last : undefined }
  } finally {
    await snapshot.close()
  }
}

function valueBytes(pairs: readonly (readonly [Buffer, Uint8Array])[]): number {
  return pairs.reduce((sum, [, value]) => sum + value.length, 0)
}

/** The records that entries of an index name, until their values exceed a page, and the last entry that was looked up. */
async function indexed(
  snapshot: LevelSnapshot,
  scope: Scope,
  collection: string,
  entries: readonly (readonly [Buffer, Uint8Array])[],
): Promise<{ readonly found: (readonly [string, Uint8Array])[]; readonly last: Buffer | undefined }> {
  const found: (readonly [string, Uint8Array])[] = []
  let last: Buffer | undefined
  let bytes = 0
  for (let at = 0; at < entries.length && bytes <= STORE_LIMITS.pageBytes; at += LOOKUP) {
    const some = entries.slice(at, at + LOOKUP)
    const keys = some.map(([levelKey]) => partsOfIndexKey(scope, levelKey).key)
    const stored = await snapshot.getMany(keys.map((key) => recordKey(scope, collection, key)))
    for (const [i, key] of keys.entries()) {
      if (bytes > STORE_LIMITS.pageBytes) break
      const value = stored[i]
      last = some[i]?.[0]
      if (!value) continue
      found.push([key, value])
      bytes += value.length
    }
  }
  return { found, last }
}

function boundsOf(scope: Scope, collection: string, { prefix, from, to, index }: ScanOptions): KeyRange {
  if (index) {
    const whole = indexRange(scope, collection, index.name, index.value)
    return {
      gte: from === undefined ? whole.gte : indexRange(scope, collection, index.name, from).gte,
      // Without the NUL that ends a value: everything whose value starts at or behind `to` is out.
      lt: to === undefined ? whole.lt : withoutLast(indexRange(scope, collection, index.name, to).gte),
    }
  }
  const whole = recordRange(scope, collection, prefix)
  const gte = from === undefined ? whole.gte : later(whole.gte, recordKey(scope, collection, from))
  const lt = to === undefined ? whole.lt : earlier(whole.lt, recordKey(scope, collection, to))
  return { gte, lt }
}

function withoutLast(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length - 1)
}

function later(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) >= 0 ? a : b
}

function earlier(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) <= 0 ? a : b
}
