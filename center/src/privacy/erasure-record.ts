import { type Static, Type } from '@sinclair/typebox'
import { fromStored, toStored } from '../fleet/index.js'
import type { Change, StoredRecord } from '../storage/index.js'

/** Under the tenant's key, not the person's: it holds ids, counts and times, and must outlive the person's data. */
export const ERASURES = 'erasures'

/**
 * Each is left once what it stands before is done, and every way of leaving may be gone twice: `prepared` → the log
 * has it → `logged` → the keys are gone → `shredded` → records are gone → `deleted` → other places are asked, edges are
 * told → `waiting` → nothing is pending → `closed`. `held`: refused by a legal hold before anything was destroyed.
 */
const State = Type.Union([
  Type.Literal('prepared'),
  Type.Literal('logged'),
  Type.Literal('shredded'),
  Type.Literal('deleted'),
  Type.Literal('waiting'),
  Type.Literal('closed'),
  Type.Literal('held'),
])

const Edge = Type.Object({
  edge: Type.String(),
  /** Of the command that was sent last; none before the first. */
  command: Type.Optional(Type.String()),
  state: Type.Union([Type.Literal('pending'), Type.Literal('done'), Type.Literal('closed-by-lease')]),
  /** The edge cannot have heard from the center after this, unless the registry says so. */
  contactAt: Type.Number(),
  /** When it left `pending`. */
  at: Type.Optional(Type.Number()),
  /** What the edge says it erased, or why it could not. */
  detail: Type.Optional(Type.String()),
})

const Place = Type.Object({
  dataClass: Type.String(),
  erased: Type.Number(),
  state: Type.Union([Type.Literal('pending'), Type.Literal('done')]),
  at: Type.Optional(Type.Number()),
  until: Type.Optional(Type.Number()),
  why: Type.Optional(Type.String()),
})

const ErasureSchema = Type.Object({
  state: State,
  /** The person's id and those that were merged into it. */
  subjects: Type.Array(Type.String(), { minItems: 1 }),
  requestedAt: Type.Number(),
  requestedBy: Type.String(),
  requestId: Type.Optional(Type.String()),
  updatedAt: Type.Number(),
  /** Each state that was reached. */
  steps: Type.Array(Type.Object({ state: State, at: Type.Number() })),
  /** Base64; dropped once no edge is pending. */
  salt: Type.Optional(Type.String()),
  identities: Type.Array(Type.String()),
  keys: Type.Optional(Type.Object({ had: Type.Number(), at: Type.Number() })),
  /** Deleted records by collection. */
  records: Type.Record(Type.String(), Type.Number()),
  places: Type.Array(Place),
  edges: Type.Array(Edge),
  /** Until when the audit's entries are kept, with emptied snapshots. */
  auditUntil: Type.Number(),
  /** Until when copies that were made before may exist. */
  horizonUntil: Type.Optional(Type.Number()),
  finishedAt: Type.Optional(Type.Number()),
  hold: Type.Optional(Type.String()),
})

export type ErasureRecord = Static<typeof ErasureSchema>
export type ErasureState = ErasureRecord['state']
export type ErasureEdge = ErasureRecord['edges'][number]
export type ErasurePlace = ErasureRecord['places'][number]

export interface Erasure extends ErasureRecord {
  readonly id: string
  readonly version: number
}

/** Throws `data_corrupt`. */
export function erasureFromStored(record: StoredRecord): Erasure {
  const erasure = fromStored(ErasureSchema, record.value, 'the record of an erasure')
  return { ...erasure, id: record.key, version: record.version }
}

export function putErasure(id: string, record: ErasureRecord, expectedVersion: number): Change {
  return {
    op: 'put',
    collection: ERASURES,
    key: id,
    value: toStored(record),
    expectedVersion,
    terms: [
      { name: 'state', value: record.state },
      ...record.subjects.map((value) => ({ name: 'subject', value })),
    ],
  }
}
