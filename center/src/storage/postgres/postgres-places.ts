import type { Scope } from '../engine.js'
import { expiryKey, placeOfEntry, subjectKey } from '../level-key.js'
import { STORE_LIMITS } from '../limits.js'
import type { PageOptions, PlaceQuery, RecordPlace } from '../port.js'
import { readRecord } from '../record-codec.js'
import { readSequence } from '../sequence.js'
import type { ScanDeps } from './postgres-scan.js'
import { numberOf, storedBytes, textOf } from './row-value.js'
import type { Rows, Statement } from './session-pool.js'
import { readRows, rowsOf } from './transaction.js'

/** The header is the first part of the bytes: what is sealed stays in the database. */
const HEADER_BYTES = 19 + 255

const SUBJECT = {
  name: 'places-of-subject',
  text: `SELECT collection, key, expires_at, substring(bytes FOR ${HEADER_BYTES}) AS bytes FROM yizhan.records
    WHERE tenant_id = $1 AND subject = $2 AND (collection, key) > ($3, $4)
    ORDER BY collection, key LIMIT $5`,
}
const EXPIRED = {
  name: 'places-expired',
  text: `SELECT collection, key, expires_at, substring(bytes FOR ${HEADER_BYTES}) AS bytes FROM yizhan.records
    WHERE tenant_id = $1 AND expires_at < $2 AND (expires_at, collection, key) > ($3, $4, $5)
    ORDER BY expires_at, collection, key LIMIT $6`,
}

/** See `Store.places`. */
export async function postgresPlaces(
  { pool, cursors }: ScanDeps,
  scope: Scope,
  query: PlaceQuery,
  { cursor, limit = STORE_LIMITS.scanDefault }: PageOptions,
): Promise<{ readonly places: readonly RecordPlace[]; readonly cursor?: string }> {
  const place = { scope: scope ?? '', collection: '$places', query: JSON.stringify(query) }
  const after = cursor === undefined ? undefined : Buffer.from(cursors.read(place, cursor))
  const rows = await readRows(pool, scope, statementOf(scope, query, after, limit + 1))
  const taken = rows.slice(0, limit)
  const places = taken.map(placeOf)
  const last = taken.at(-1)
  if (rows.length <= limit || !last) return { places }
  const [collection, key] = [textOf(last, 'collection'), textOf(last, 'key')]
  const levelKey =
    'subject' in query
      ? subjectKey(scope, query.subject, collection, key)
      : expiryKey(scope, numberOf(last, 'expires_at'), collection, key)
  return { places, cursor: cursors.make(place, levelKey.toString('utf8')) }
}

function statementOf(scope: Scope, query: PlaceQuery, after: Buffer | undefined, limit: number): Statement {
  const { collection, key } = after ? placeOfEntry(scope, after) : { collection: '', key: '' }
  if ('subject' in query) {
    return { ...SUBJECT, values: [rowsOf(scope), query.subject, collection, key, limit] }
  }
  const from = after ? expiryOf(after) : 0
  return { ...EXPIRED, values: [rowsOf(scope), query.expiredBefore, from, collection, key, limit] }
}

/** The time in what `expiryKey` made. */
function expiryOf(levelKey: Buffer): number {
  return readSequence(levelKey.toString('utf8').split('\0')[2] ?? '')
}

function placeOf(row: Rows[number]): RecordPlace {
  const { version, subject, expiresAt } = readRecord(withoutTerms(storedBytes(row))).header
  return {
    collection: textOf(row, 'collection'),
    key: textOf(row, 'key'),
    version,
    ...(subject === undefined ? {} : { subject }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
}

/** The terms may be cut off, and are not asked for. */
function withoutTerms(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => (i === 18 ? 0 : byte))
}
