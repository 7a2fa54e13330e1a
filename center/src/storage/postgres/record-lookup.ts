import type { Scope } from '../engine.js'
import { textArray } from './binary-array.js'
import { bytesOf, numberOf } from './row-value.js'
import type { Rows, SessionPool, Statement } from './session-pool.js'
import { readRows, rowsOf } from './transaction.js'

export interface RecordPlace {
  readonly collection: string
  readonly key: string
}

const ONE = {
  name: 'record',
  text: 'SELECT 1 AS n, bytes FROM yizhan.records WHERE tenant_id = $1 AND collection = $2 AND key = $3',
}
// OFFSET 0 keeps it a look-up for each place: pulled up into a join it could be planned the wrong way round.
const MANY = {
  name: 'records',
  text: `SELECT k.n::int4 AS n, r.bytes
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS k(collection, key, n)
    CROSS JOIN LATERAL (SELECT bytes FROM yizhan.records
      WHERE tenant_id = $1 AND collection = k.collection AND records.key = k.key OFFSET 0) AS r`,
}

/** Answers with the bytes of each record that is there, and the number of its place, from 1. */
export function lookupStatement(scope: Scope, places: readonly RecordPlace[]): Statement {
  const [first, ...more] = places
  if (first && more.length === 0) return { ...ONE, values: [rowsOf(scope), first.collection, first.key] }
  const collections = textArray(places.map(({ collection }) => collection))
  return { ...MANY, values: [rowsOf(scope), collections, textArray(places.map(({ key }) => key))] }
}

/** In the order of the places. */
export function lookedUp(places: readonly RecordPlace[], rows: Rows): (Uint8Array | undefined)[] {
  const found = new Map(rows.map((row) => [numberOf(row, 'n'), bytesOf(row)]))
  return places.map((_, i) => found.get(i + 1))
}

/** The stored bytes in the order of the places. */
export async function recordsAt(
  pool: SessionPool,
  scope: Scope,
  places: readonly RecordPlace[],
): Promise<(Uint8Array | undefined)[]> {
  return places.length === 0
    ? []
    : lookedUp(places, await readRows(pool, scope, lookupStatement(scope, places)))
}
