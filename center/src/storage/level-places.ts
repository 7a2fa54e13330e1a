import type { Cursors } from './cursor.js'
import type { Scope } from './engine.js'
import type { LevelDatabase } from './level-database.js'
import { expiryRange, placeOfEntry, recordKey, subjectRange } from './level-key.js'
import type { LevelSnapshot } from './level-snapshot.js'
import { STORE_LIMITS } from './limits.js'
import type { PageOptions, PlaceQuery, RecordPlace } from './port.js'
import { readRecord } from './record-codec.js'

/** Records whose headers are read at once: at most so many MiB, since their values come along. */
const LOOKUP = 16

/** See `RecordAccess.places`. In one view: a record that goes to another person meanwhile is not told as this one's. */
export async function levelPlaces(
  deps: { readonly database: LevelDatabase; readonly cursors: Cursors },
  scope: Scope,
  query: PlaceQuery,
  { cursor, limit = STORE_LIMITS.scanDefault }: PageOptions,
): Promise<{ readonly places: readonly RecordPlace[]; readonly cursor?: string }> {
  const { database, cursors } = deps
  const range =
    'subject' in query ? subjectRange(scope, query.subject) : expiryRange(scope, query.expiredBefore)
  const place = { scope: scope ?? '', collection: '$places', query: JSON.stringify(query) }
  const after = cursor === undefined ? undefined : Buffer.from(cursors.read(place, cursor))
  const snapshot = await database.snapshot()
  try {
    const entries = await snapshot.page(range, {
      limit: limit + 1,
      maxBytes: STORE_LIMITS.pageBytes,
      ...(after ? { after } : {}),
    })
    const taken = entries.slice(0, limit).map(([levelKey]) => levelKey)
    const places: RecordPlace[] = []
    for (let at = 0; at < taken.length; at += LOOKUP) {
      places.push(...(await placesOf(snapshot, scope, taken.slice(at, at + LOOKUP))))
    }
    const last = taken.at(-1)
    return entries.length > limit && last
      ? { places, cursor: cursors.make(place, last.toString('utf8')) }
      : { places }
  } finally {
    await snapshot.close()
  }
}

async function placesOf(
  snapshot: LevelSnapshot,
  scope: Scope,
  entries: readonly Buffer[],
): Promise<RecordPlace[]> {
  const at = entries.map((levelKey) => placeOfEntry(scope, levelKey))
  const stored = await snapshot.getMany(at.map(({ collection, key }) => recordKey(scope, collection, key)))
  return at.flatMap(({ collection, key }, i) => {
    const bytes = stored[i]
    // An entry that stands for nothing is for `check` to find.
    if (!bytes) return []
    const { version, subject, expiresAt } = readRecord(bytes).header
    const more = {
      ...(subject === undefined ? {} : { subject }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    }
    return [{ collection, key, version, ...more }]
  })
}
