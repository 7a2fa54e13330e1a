import type { Sealer } from '@yizhan/kernel'
import type { Scope, ScopeCheck } from '../engine.js'
import { ScopeIntegrity } from '../integrity.js'
import { type RecordHeader, readRecord } from '../record-codec.js'
import { sequenceText } from '../sequence.js'
import { textArray } from './binary-array.js'
import { auditPages, recordPages } from './postgres-rows.js'
import { bytesOf, numberOf, storedBytes, textOf } from './row-value.js'
import type { Rows, SessionPool } from './session-pool.js'
import { HEAD, type Read, readView, rowsOf } from './transaction.js'

const TERMS_THERE = {
  name: 'terms-there',
  text: `SELECT DISTINCT k.n::int4 AS n FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
    WITH ORDINALITY AS k(collection, name, value, key, n)
    CROSS JOIN LATERAL (SELECT FROM yizhan.terms t WHERE t.tenant_id = $1 AND t.collection = k.collection
      AND t.name = k.name AND t.value = k.value AND t.key = k.key OFFSET 0) AS there`,
}
const TERM_COUNT = {
  name: 'term-count',
  text: 'SELECT count(*) AS count FROM yizhan.terms WHERE tenant_id = $1',
}
const TERMS = {
  name: 'terms-with-records',
  text: `SELECT t.collection, t.name, t.value, t.key, r.bytes FROM (
      SELECT * FROM yizhan.terms WHERE tenant_id = $1 AND (collection, name, value, key) > ($2, $3, $4, $5)
      ORDER BY collection, name, value, key LIMIT 500) t
    LEFT JOIN LATERAL (SELECT substring(bytes FOR 8192) AS bytes FROM yizhan.records
      WHERE tenant_id = $1 AND records.collection = t.collection AND records.key = t.key OFFSET 0) r ON true
    ORDER BY t.collection, t.name, t.value, t.key`,
}

interface Term {
  readonly collection: string
  readonly name: string
  readonly value: string
  readonly key: string
}

/** See `RecordUpkeep.check`: everything in one view, beside writes that go on. */
export function postgresCheck(
  deps: { readonly pool: SessionPool; readonly sealer: Sealer },
  scope: Scope,
  signal: AbortSignal,
): Promise<ScopeCheck> {
  return readView(deps.pool, scope, async (read) => {
    const integrity = new ScopeIntegrity(scope, deps.sealer)
    const [head] = await read({ ...HEAD, values: [rowsOf(scope)] })
    await integrity.head(bytesOf(head))
    const expected = await checkRecords(read, scope, integrity, signal)
    await checkTerms(read, scope, expected, integrity, signal)
    for await (const page of auditPages(read, scope, signal)) {
      await integrity.audit(
        page.map((row) => ({ key: sequencePart(numberOf(row, 'sequence')), bytes: storedBytes(row) })),
      )
    }
    return integrity.finish()
  })
}

/** Holds the columns and terms of every record against its header; how many terms there should be. */
async function checkRecords(
  read: Read,
  scope: Scope,
  integrity: ScopeIntegrity,
  signal: AbortSignal,
): Promise<number> {
  let expected = 0
  for await (const page of recordPages(read, scope, signal)) {
    const rows = page.map((row) => ({
      collection: textOf(row, 'collection'),
      key: textOf(row, 'key'),
      bytes: storedBytes(row),
    }))
    const headers = await integrity.records(rows)
    const wrong = page.map((row, i) => wrongColumns(row, headers[i]))
    const terms = rows.flatMap(({ collection, key }, i) =>
      (headers[i]?.terms ?? []).map(({ name, value }) => ({ collection, name, value, key, record: i })),
    )
    const there = await termsThere(read, scope, terms)
    for (const [i, { record }] of terms.entries()) {
      if (there.has(i + 1)) expected += 1
      else wrong[record] = (wrong[record] ?? 0) + 1
    }
    for (const [i, { collection, key }] of rows.entries()) {
      const missing = wrong[i] ?? 0
      if (missing === 0) continue
      integrity.problem({
        what: 'index_differs',
        collection,
        key,
        detail: `${missing} index entries are missing`,
      })
    }
  }
  return expected
}

/** How many of the columns that are an index say something else than the record. */
function wrongColumns(row: Rows[number], header: RecordHeader | undefined): number {
  if (!header) return 0
  const subject = row.subject === null ? undefined : textOf(row, 'subject')
  const expiresAt = row.expires_at === null ? undefined : numberOf(row, 'expires_at')
  return (subject === header.subject ? 0 : 1) + (expiresAt === header.expiresAt ? 0 : 1)
}

/** The numbers, from 1, of those that are there. */
async function termsThere(read: Read, scope: Scope, terms: readonly Term[]): Promise<Set<number>> {
  if (terms.length === 0) return new Set()
  const parts = (['collection', 'name', 'value', 'key'] as const).map((part) =>
    textArray(terms.map((term) => term[part])),
  )
  const rows = await read({ ...TERMS_THERE, values: [rowsOf(scope), ...parts] })
  return new Set(rows.map((row) => numberOf(row, 'n')))
}

/** Counts the terms, and looks for what each stands for only if there are too many. */
async function checkTerms(
  read: Read,
  scope: Scope,
  expected: number,
  integrity: ScopeIntegrity,
  signal: AbortSignal,
): Promise<void> {
  const [counted] = await read({ ...TERM_COUNT, values: [rowsOf(scope)] })
  if (numberOf(counted, 'count') === expected) return
  let after = ['', '', '', '']
  for (;;) {
    signal.throwIfAborted()
    const page = await read({ ...TERMS, values: [rowsOf(scope), ...after] })
    for (const row of page) {
      const [collection = '', name = '', value = '', key = ''] = termParts(row)
      if (!belongs(row, name, value)) {
        integrity.problem({
          what: 'index_differs',
          collection,
          key,
          detail: 'an index entry stands for no record',
        })
      }
    }
    const last = page.at(-1)
    if (!last) return
    after = termParts(last)
  }
}

function termParts(row: Rows[number]): string[] {
  return ['collection', 'name', 'value', 'key'].map((part) => textOf(row, part))
}

function belongs(row: Rows[number], name: string, value: string): boolean {
  if (row.bytes === null) return false
  try {
    const { terms = [] } = readRecord(storedBytes(row)).header
    return terms.some((term) => term.name === name && term.value === value)
  } catch {
    // A damaged record was told already.
    return true
  }
}

/** One that is no sequence at all is damage, which the text shows. */
function sequencePart(sequence: number): string {
  return sequence < 0 ? String(sequence) : sequenceText(sequence)
}
