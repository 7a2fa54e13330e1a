import type { Cursors } from '../cursor.js'
import type { Scope } from '../engine.js'
import { indexKey, partsOfIndexKey, placeOfRecord, recordKey } from '../level-key.js'
import { STORE_LIMITS } from '../limits.js'
import type { ScanOptions } from '../port.js'
import { storedBytes, textOf } from './row-value.js'
import type { Rows, SessionPool, Statement } from './session-pool.js'
import { readRows, rowsOf } from './transaction.js'

export interface ScanDeps {
  readonly pool: SessionPool
  readonly cursors: Cursors
}

export interface StoredPage {
  /** Key in its collection, stored bytes. */
  readonly pairs: readonly (readonly [string, Uint8Array])[]
  readonly cursor?: string
}

interface Query {
  readonly collection: string
  readonly limit: number
  readonly reverse: boolean
  readonly options: Omit<ScanOptions, 'cursor' | 'limit' | 'reverse'>
}

/**
 * One page of stored records, in the order of their keys or of an index. Cursors are those of the other engine: a list
 * goes on where it was when its tenant has moved.
 */
export async function postgresScan(
  { pool, cursors }: ScanDeps,
  scope: Scope,
  collection: string,
  { cursor, limit = STORE_LIMITS.scanDefault, reverse = false, ...options }: ScanOptions,
): Promise<StoredPage> {
  const place = { scope: scope ?? '', collection, query: JSON.stringify([options, reverse]) }
  const after = cursor === undefined ? undefined : Buffer.from(cursors.read(place, cursor))
  const query = { collection, limit: limit + 1, reverse, options }
  const rows = await readRows(
    pool,
    scope,
    options.index ? indexStatement(scope, query, after) : keyStatement(scope, query, after),
  )
  const taken = rows.slice(0, limit)
  const pairs = taken
    .filter(({ bytes }) => bytes !== null)
    .map((row) => [textOf(row, 'key'), storedBytes(row)] as const)
  const last = taken.at(-1)
  const full = rows.length > limit || isFull(rows)
  return full && last ? { pairs, cursor: cursors.make(place, cursorText(scope, query, last)) } : { pairs }
}

/** The statement cuts a page behind the row that exceeds its bytes. */
function isFull(rows: Rows): boolean {
  const last = rows.at(-1)
  if (!last) return false
  const length = last.bytes === null ? 0 : storedBytes(last).length
  return Number(last.before ?? 0) + length > STORE_LIMITS.pageBytes
}

function keyStatement(
  scope: Scope,
  { collection, limit, reverse, options }: Query,
  after: Buffer | undefined,
): Statement {
  const { prefix = '', from, to } = options
  const key = after && placeOfRecord(scope, after).key
  const conditions = new Conditions([rowsOf(scope), collection])
  conditions.add('p', 'key >=', prefix === '' ? undefined : prefix)
  conditions.add('q', 'key <', textAbove(prefix))
  conditions.add('f', 'key >=', from)
  conditions.add('t', 'key <', to)
  conditions.add('a', reverse ? 'key <' : 'key >', key)
  const order = `key ${reverse ? 'DESC' : 'ASC'}`
  const page = `SELECT key, bytes, octet_length(bytes) AS size FROM yizhan.records
    WHERE tenant_id = $1 AND collection = $2${conditions.text} ORDER BY ${order} LIMIT ${conditions.value(limit)}`
  return cutPage(`scan${reverse ? '-back' : ''}-${conditions.shape}`, 'key', conditions, page, order)
}

function indexStatement(
  scope: Scope,
  { collection, limit, reverse, options }: Query,
  after: Buffer | undefined,
): Statement {
  const { from, to, index } = options
  const conditions = new Conditions([rowsOf(scope), collection, index?.name ?? ''])
  conditions.add('v', 't.value =', index?.value)
  conditions.add('f', 't.value >=', from)
  conditions.add('t', 't.value <', to)
  if (after) {
    const { value, key } = partsOfIndexKey(scope, after)
    conditions.addPair('a', `(t.value, t.key) ${reverse ? '<' : '>'}`, value, key)
  }
  const direction = reverse ? 'DESC' : 'ASC'
  const order = `value ${direction}, key ${direction}`
  const entries = `SELECT t.value, t.key FROM yizhan.terms t
    WHERE t.tenant_id = $1 AND t.collection = $2 AND t.name = $3${conditions.text}
    ORDER BY t.value ${direction}, t.key ${direction} LIMIT ${conditions.value(limit)}`
  // An entry whose record went keeps its place, so that the cursor gets behind it.
  const page = `SELECT e.value, e.key, r.bytes, coalesce(octet_length(r.bytes), 0) AS size
    FROM (${entries}) e LEFT JOIN LATERAL (SELECT bytes FROM yizhan.records
      WHERE tenant_id = $1 AND collection = $2 AND records.key = e.key OFFSET 0) r ON true`
  return cutPage(`index${reverse ? '-back' : ''}-${conditions.shape}`, 'value, key', conditions, page, order)
}

/** Lengths are known without the values, so that none is read that has no place on the page. */
function cutPage(
  name: string,
  columns: string,
  conditions: Conditions,
  page: string,
  order: string,
): Statement {
  const text = `SELECT ${columns}, bytes, before FROM (
    SELECT ${columns}, bytes, coalesce(sum(size) OVER (ORDER BY ${order}
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::int8 AS before FROM (${page}) p) q
    WHERE before <= ${STORE_LIMITS.pageBytes} ORDER BY ${order}`
  return { name, text, values: conditions.values }
}

function cursorText(scope: Scope, { collection, options }: Query, row: Rows[number]): string {
  const key = textOf(row, 'key')
  const { index } = options
  const levelKey = index
    ? indexKey(scope, collection, index.name, textOf(row, 'value'), key)
    : recordKey(scope, collection, key)
  return levelKey.toString('utf8')
}

/** Conditions of a statement and its values; a letter for each is in the statement's name, which has 63 bytes at most. */
class Conditions {
  readonly values: unknown[]
  text = ''
  shape = ''

  constructor(values: readonly unknown[]) {
    this.values = [...values]
  }

  add(letter: string, comparison: string, value: string | undefined): void {
    if (value === undefined) return
    this.text += ` AND ${comparison} ${this.value(value)}`
    this.shape += letter
  }

  addPair(letter: string, comparison: string, first: string, second: string): void {
    this.text += ` AND ${comparison} (${this.value(first)}, ${this.value(second)})`
    this.shape += letter
  }

  value(value: unknown): string {
    this.values.push(value)
    return `$${this.values.length}`
  }
}

/** The least text above all that start with `prefix`, in the order of bytes; undefined if there is none. */
export function textAbove(prefix: string): string | undefined {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  // Behind U+D7FF come the surrogates, which are no characters.
  points.push(last === 0xd7ff ? 0xe000 : last + 1)
  return String.fromCodePoint(...points)
}
