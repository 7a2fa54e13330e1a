import type { CommitPlan, ScopedBatch } from '../commit-plan.js'
import type { Scope } from '../engine.js'
import type { IndexTerm } from '../port.js'
import type { RecordHeader } from '../record-codec.js'
import { byteaArray, int8Array, textArray } from './binary-array.js'
import type { Statement } from './session-pool.js'
import { rowsOf } from './transaction.js'

/** One record as a transaction leaves it; `before`: the header that lies there now. */
export interface RecordChange {
  readonly collection: string
  readonly key: string
  readonly before?: RecordHeader
  readonly after?: { readonly header: RecordHeader; readonly bytes: Uint8Array }
}

interface Term extends IndexTerm {
  readonly collection: string
  readonly key: string
}

const PUT = {
  name: 'put-records',
  text: `INSERT INTO yizhan.records (tenant_id, collection, key, subject, expires_at, bytes)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::int8[], $6::bytea[])
    ON CONFLICT (tenant_id, collection, key) DO UPDATE
    SET subject = EXCLUDED.subject, expires_at = EXCLUDED.expires_at, bytes = EXCLUDED.bytes`,
}
const INSERT = {
  name: 'insert-records',
  text: `INSERT INTO yizhan.records (tenant_id, collection, key, subject, expires_at, bytes)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::int8[], $6::bytea[])`,
}
// By the place on disk: a join could be planned the wrong way round, through all rows of the tenant for each key. The
// head's lock keeps the rows where they are meanwhile.
const DELETE = {
  name: 'delete-records',
  text: `DELETE FROM yizhan.records WHERE tenant_id = $1 AND ctid = ANY(ARRAY(
    SELECT r.ctid FROM unnest($2::text[], $3::text[]) AS k(collection, key)
    CROSS JOIN LATERAL (SELECT ctid FROM yizhan.records
      WHERE tenant_id = $1 AND collection = k.collection AND records.key = k.key OFFSET 0) r))`,
}
const PUT_TERMS = {
  name: 'put-terms',
  text: `INSERT INTO yizhan.terms (tenant_id, collection, name, value, key)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
    ON CONFLICT DO NOTHING`,
}
const DELETE_TERMS = {
  name: 'delete-terms',
  text: `DELETE FROM yizhan.terms WHERE tenant_id = $1 AND ctid = ANY(ARRAY(
    SELECT t.ctid FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS k(collection, name, value, key)
    CROSS JOIN LATERAL (SELECT ctid FROM yizhan.terms
      WHERE tenant_id = $1 AND collection = k.collection AND terms.name = k.name AND terms.value = k.value
        AND terms.key = k.key OFFSET 0) t))`,
}
const PUT_AUDIT = {
  name: 'put-audit',
  text: `INSERT INTO yizhan.audit (tenant_id, sequence, bytes)
    SELECT $1, * FROM unnest($2::int8[], $3::bytea[])`,
}
const INSERT_HEAD = {
  name: 'insert-head',
  text: 'INSERT INTO yizhan.heads (tenant_id, bytes) VALUES ($1, $2)',
}
const UPDATE_HEAD = {
  name: 'update-head',
  text: 'UPDATE yizhan.heads SET bytes = $2 WHERE tenant_id = $1',
}

/** Everything that a plan writes. The head comes first: two centers that both write a first one meet there. */
export function planStatements<B extends ScopedBatch>(
  scope: Scope,
  plan: CommitPlan<B>,
  headThere: boolean,
): Statement[] {
  const bytes = plan.heads.get(scope)?.bytes
  const entries = plan.ready.flatMap(({ audit }) => audit ?? [])
  return [
    ...(bytes ? [headStatement(scope, bytes, headThere)] : []),
    ...recordStatements(scope, lastChanges(plan)),
    ...auditStatements(scope, entries),
  ]
}

export function headStatement(scope: Scope, bytes: Uint8Array, headThere: boolean): Statement {
  return { ...(headThere ? UPDATE_HEAD : INSERT_HEAD), values: [rowsOf(scope), bytes] }
}

/** `fresh`: none of them may be there. */
export function recordStatements(scope: Scope, changes: readonly RecordChange[], fresh = false): Statement[] {
  const puts = changes.flatMap(({ collection, key, after }) => (after ? [{ collection, key, ...after }] : []))
  const gone = changes.filter(({ before, after }) => before && !after)
  const statements: Statement[] = []
  if (puts.length > 0) {
    statements.push({
      ...(fresh ? INSERT : PUT),
      values: [
        rowsOf(scope),
        textArray(puts.map(({ collection }) => collection)),
        textArray(puts.map(({ key }) => key)),
        textArray(puts.map(({ header }) => header.subject)),
        int8Array(puts.map(({ header }) => header.expiresAt)),
        byteaArray(puts.map(({ bytes }) => bytes)),
      ],
    })
  }
  if (gone.length > 0) {
    const places = [
      textArray(gone.map(({ collection }) => collection)),
      textArray(gone.map(({ key }) => key)),
    ]
    statements.push({ ...DELETE, values: [rowsOf(scope), ...places] })
  }
  return [
    ...statements,
    ...termStatement(scope, DELETE_TERMS, changes.flatMap(oldTerms)),
    ...termStatement(scope, PUT_TERMS, changes.flatMap(newTerms)),
  ]
}

export function auditStatements(
  scope: Scope,
  entries: readonly { readonly sequence: number; readonly bytes: Uint8Array }[],
): Statement[] {
  if (entries.length === 0) return []
  const sequences = int8Array(entries.map(({ sequence }) => sequence))
  return [{ ...PUT_AUDIT, values: [rowsOf(scope), sequences, byteaArray(entries.map(({ bytes }) => bytes))] }]
}

/** What lies there before the group, and what the group leaves: one change for each record. */
function lastChanges<B extends ScopedBatch>({ ready }: CommitPlan<B>): RecordChange[] {
  const changes = new Map<string, RecordChange>()
  for (const { writes } of ready) {
    for (const { collection, key, before, after } of writes) {
      const id = `${collection}\0${key}`
      const first = changes.get(id)
      const was = first ? first.before : before
      changes.set(id, { collection, key, ...(was ? { before: was } : {}), ...(after ? { after } : {}) })
    }
  }
  return [...changes.values()]
}

function oldTerms({ collection, key, before, after }: RecordChange): Term[] {
  const kept = after?.header.terms ?? []
  return without(before?.terms ?? [], kept).map((term) => ({ ...term, collection, key }))
}

function newTerms({ collection, key, before, after }: RecordChange): Term[] {
  const there = before?.terms ?? []
  return without(after?.header.terms ?? [], there).map((term) => ({ ...term, collection, key }))
}

function without(terms: readonly IndexTerm[], others: readonly IndexTerm[]): readonly IndexTerm[] {
  return terms.filter(
    ({ name, value }) => !others.some((other) => other.name === name && other.value === value),
  )
}

function termStatement(
  scope: Scope,
  statement: { readonly name: string; readonly text: string },
  terms: readonly Term[],
): Statement[] {
  if (terms.length === 0) return []
  const parts = (['collection', 'name', 'value', 'key'] as const).map((part) =>
    textArray(terms.map((term) => term[part])),
  )
  return [{ ...statement, values: [rowsOf(scope), ...parts] }]
}
