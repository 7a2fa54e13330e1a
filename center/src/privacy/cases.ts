import { type Static, Type } from '@sinclair/typebox'
import { type Clock, newId, type TenantId, YizhanError } from '@yizhan/kernel'
import { fromStored, toStored } from '../fleet/index.js'
import type { Change, Store, StoredRecord } from '../storage/index.js'
import { privacyEntry } from './audit-entry.js'
import type { By } from './port.js'

const CASES = 'privacy-cases'

const CaseSchema = Type.Object({
  kind: Type.Union([Type.Literal('export'), Type.Literal('erasure')]),
  subject: Type.String(),
  state: Type.Union([Type.Literal('open'), Type.Literal('closed')]),
  openedAt: Type.Number(),
  dueAt: Type.Number(),
  /** Where it was asked. */
  edge: Type.String(),
  closedAt: Type.Optional(Type.Number()),
  closedBy: Type.Optional(Type.String()),
  outcome: Type.Optional(
    Type.Union([Type.Literal('done'), Type.Literal('refused'), Type.Literal('withdrawn')]),
  ),
  /** Id of an erasure, number of a letter; never what a person wrote. */
  reference: Type.Optional(Type.String()),
})
type StoredCase = Static<typeof CaseSchema>

/** What a person asked for, until somebody of the tenant has answered. It outlives the person's data. */
export interface PrivacyCase extends StoredCase {
  readonly id: string
  readonly overdue: boolean
}

export interface CaseClosing {
  readonly outcome: NonNullable<StoredCase['outcome']>
  readonly reference?: string
}

const REFERENCE = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,63}$/

export class PrivacyCases {
  readonly #store: Store
  readonly #clock: Clock
  readonly #dueMs: number

  constructor(
    deps: { readonly store: Store; readonly clock: Clock },
    /** How long the law leaves for an answer, in milliseconds. */
    config: { readonly caseDueMs: number },
  ) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#dueMs = config.caseDueMs
  }

  /** What opens a case; nothing if the person has such a case open. */
  async changes(
    tenant: TenantId,
    asked: Pick<StoredCase, 'kind' | 'subject' | 'edge'> & { readonly at: number },
  ): Promise<Change[]> {
    const { kind, subject, edge } = asked
    const index = { name: 'open', value: `${subject}/${kind}` }
    const { records } = await this.#store.scan(tenant, CASES, { index, limit: 1 })
    if (records.length > 0) return []
    const now = this.#clock.wall()
    // The time runs from when it was asked, also if the edge was cut off meanwhile.
    const openedAt = asked.at > 0 ? Math.min(asked.at, now) : now
    const opened: StoredCase = { kind, subject, edge, state: 'open', openedAt, dueAt: openedAt + this.#dueMs }
    return [putCase(newId('case', now), opened, 0)]
  }

  /** In the order of their ids, which is that of their making. */
  async list(
    tenant: TenantId,
    options: { readonly state?: 'open' | 'closed'; readonly cursor?: string } = {},
  ): Promise<{ readonly cases: readonly PrivacyCase[]; readonly cursor?: string }> {
    const { state, ...page } = options
    const index = state === undefined ? {} : { index: { name: 'state', value: state } }
    const { records, cursor } = await this.#store.scan(tenant, CASES, { ...page, ...index })
    const cases = records.map((record) => this.#view(record.key, caseOf(record)))
    return cursor === undefined ? { cases } : { cases, cursor }
  }

  /** How many are open past their due date. */
  async overdue(tenant: TenantId): Promise<number> {
    let count = 0
    let cursor: string | undefined
    do {
      const page = await this.list(tenant, { state: 'open', ...(cursor === undefined ? {} : { cursor }) })
      count += page.cases.filter(({ overdue }) => overdue).length
      cursor = page.cursor
    } while (cursor !== undefined)
    return count
  }

  async get(tenant: TenantId, id: string): Promise<PrivacyCase | undefined> {
    const record = await this.#store.get(tenant, CASES, id)
    return record && this.#view(id, caseOf(record))
  }

  /** `not_found`, `failed_precondition` if it is closed, `invalid_argument`, `conflict`. */
  async close(tenant: TenantId, id: string, closing: CaseClosing, by: By): Promise<PrivacyCase> {
    const { outcome, reference } = closing
    if (reference !== undefined && !REFERENCE.test(reference)) {
      throw new YizhanError('invalid_argument', 'a reference is 1–64 of A-Z a-z 0-9 _ . / -')
    }
    const record = await this.#store.get(tenant, CASES, id)
    if (!record) throw new YizhanError('not_found', 'there is no such case', { hint: 'privacy cases list' })
    const before = caseOf(record)
    if (before.state === 'closed') throw new YizhanError('failed_precondition', 'the case is closed')
    const after: StoredCase = {
      ...before,
      state: 'closed',
      closedAt: this.#clock.wall(),
      closedBy: by.actor,
      outcome,
      ...(reference === undefined ? {} : { reference }),
    }
    await this.#store.batch(
      tenant,
      [putCase(id, after, record.version)],
      privacyEntry(this.#clock, by, 'UPDATE', `${CASES}/${id}`, { before, after }),
    )
    return this.#view(id, after)
  }

  #view(id: string, stored: StoredCase): PrivacyCase {
    return { id, ...stored, overdue: stored.state === 'open' && stored.dueAt <= this.#clock.wall() }
  }
}

function putCase(id: string, stored: StoredCase, expectedVersion: number): Change {
  const { state, subject, kind } = stored
  return {
    op: 'put',
    collection: CASES,
    key: id,
    value: toStored(stored),
    expectedVersion,
    terms: [
      { name: 'state', value: state },
      ...(state === 'open' ? [{ name: 'open', value: `${subject}/${kind}` }] : []),
    ],
  }
}

function caseOf(record: StoredRecord): StoredCase {
  return fromStored(CaseSchema, record.value, 'a privacy case')
}
