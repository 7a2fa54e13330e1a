import { YizhanError } from '@yizhan/kernel'
import type { Row, Scope } from '../engine.js'
import { sequenceText } from '../sequence.js'
import { numberOf, storedBytes, textOf } from './row-value.js'
import type { Rows, SessionPool } from './session-pool.js'
import { HEAD, openView, type Read, rowsOf } from './transaction.js'

const PAGE_BYTES = 1024 * 1024
const PAGE_ROWS = 1_000

const RECORDS = {
  name: 'record-rows',
  text: `SELECT collection, key, subject, expires_at, bytes FROM (
    SELECT *, sum(octet_length(bytes)) OVER (ORDER BY collection, key) AS size FROM (
      SELECT collection, key, subject, expires_at, bytes FROM yizhan.records
      WHERE tenant_id = $1 AND (collection, key) > ($2, $3) ORDER BY collection, key LIMIT ${PAGE_ROWS}) p) q
    WHERE size <= ${PAGE_BYTES} OR size = octet_length(bytes) ORDER BY collection, key`,
}
const AUDIT = {
  name: 'audit-rows',
  text: `SELECT sequence, bytes FROM (
    SELECT *, sum(octet_length(bytes)) OVER (ORDER BY sequence) AS size FROM (
      SELECT sequence, bytes FROM yizhan.audit
      WHERE tenant_id = $1 AND sequence > $2 ORDER BY sequence LIMIT ${PAGE_ROWS}) p) q
    WHERE size <= ${PAGE_BYTES} OR size = octet_length(bytes) ORDER BY sequence`,
}
const ANYTHING = {
  name: 'anything-of-scope',
  text: `SELECT EXISTS (SELECT FROM yizhan.heads WHERE tenant_id = $1)
    OR EXISTS (SELECT FROM yizhan.records WHERE tenant_id = $1)
    OR EXISTS (SELECT FROM yizhan.audit WHERE tenant_id = $1)
    OR EXISTS (SELECT FROM yizhan.terms WHERE tenant_id = $1) AS there`,
}

/** See `RecordUpkeep.rows`. Throws `data_corrupt` where records lie without a head. */
export async function* postgresRows(
  pool: SessionPool,
  scope: Scope,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  signal.throwIfAborted()
  const { read, close } = await openView(pool, scope)
  try {
    const [head] = await read({ ...HEAD, values: [rowsOf(scope)] })
    if (!head) {
      if (!(await isEmpty(read, scope))) {
        throw new YizhanError('data_corrupt', 'rows of a scope lie there without its head')
      }
      return
    }
    yield [{ kind: 'head', collection: '', key: '', bytes: storedBytes(head) }]
    for await (const page of recordPages(read, scope, signal)) {
      yield page.map((row) => ({
        kind: 'record',
        collection: textOf(row, 'collection'),
        key: textOf(row, 'key'),
        bytes: storedBytes(row),
      }))
    }
    for await (const page of auditPages(read, scope, signal)) {
      yield page.map((row) => ({
        kind: 'audit',
        collection: '',
        key: sequenceText(numberOf(row, 'sequence')),
        bytes: storedBytes(row),
      }))
    }
  } finally {
    await close()
  }
}

/** By collection and key, at most 1 MiB or one record at a time. */
export async function* recordPages(read: Read, scope: Scope, signal: AbortSignal): AsyncGenerator<Rows> {
  let after = ['', '']
  for (;;) {
    signal.throwIfAborted()
    const page = await read({ ...RECORDS, values: [rowsOf(scope), ...after] })
    const last = page.at(-1)
    if (!last) return
    yield page
    after = [textOf(last, 'collection'), textOf(last, 'key')]
  }
}

/** By sequence, in the same pages. */
export async function* auditPages(read: Read, scope: Scope, signal: AbortSignal): AsyncGenerator<Rows> {
  let after = Number.MIN_SAFE_INTEGER
  for (;;) {
    signal.throwIfAborted()
    const page = await read({ ...AUDIT, values: [rowsOf(scope), after] })
    const last = page.at(-1)
    if (!last) return
    yield page
    after = numberOf(last, 'sequence')
  }
}

/** Whether a scope has nothing here, not even entries. */
export async function isEmpty(read: Read, scope: Scope): Promise<boolean> {
  const [row] = await read({ ...ANYTHING, values: [rowsOf(scope)] })
  return row?.there === false
}
