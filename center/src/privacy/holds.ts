import { type Static, Type } from '@sinclair/typebox'
import { type Clock, newId, type TenantId, YizhanError } from '@yizhan/kernel'
import { fromStored, toStored } from '../fleet/index.js'
import type { IndexTerm, Store, StoredRecord } from '../storage/index.js'
import { privacyEntry } from './audit-entry.js'
import type { By } from './port.js'

const HOLDS = 'legal-holds'

const HoldSchema = Type.Object({
  /** Left out: the whole tenant. */
  subject: Type.Optional(Type.String()),
  reason: Type.String(),
  /** Milliseconds since the Unix epoch; left out: until it is released. */
  until: Type.Optional(Type.Number()),
  setAt: Type.Number(),
  setBy: Type.String(),
  releasedAt: Type.Optional(Type.Number()),
  releasedBy: Type.Optional(Type.String()),
})
type StoredHold = Static<typeof HoldSchema>

export interface Hold extends StoredHold {
  readonly id: string
  readonly active: boolean
}

export interface NewHold {
  readonly subject?: string
  /** Why, for the tenant's people: a file number rather than a name. */
  readonly reason: string
  readonly until?: number
}

/** What is held now. */
export interface HeldNow {
  /** The id of the hold that covers this person (undefined: data of nobody); undefined if none does. */
  covers(subject: string | undefined): string | undefined
  readonly any: boolean
}

const MAX_REASON_CHARS = 1_000
const MAX_ACTIVE = 10_000

/** Legal holds: they stop sweeping and erasing of what they cover. */
export class LegalHolds {
  readonly #store: Store
  readonly #clock: Clock

  constructor(deps: { readonly store: Store; readonly clock: Clock }) {
    this.#store = deps.store
    this.#clock = deps.clock
  }

  async set(tenant: TenantId, { subject, reason, until }: NewHold, by: By): Promise<Hold> {
    const now = this.#clock.wall()
    if (reason.trim() === '' || reason.length > MAX_REASON_CHARS) {
      throw new YizhanError('invalid_argument', `the reason is not 1–${MAX_REASON_CHARS} characters long`)
    }
    if (until !== undefined && !(Number.isSafeInteger(until) && until > now)) {
      throw new YizhanError('invalid_argument', 'the hold would have ended already')
    }
    const id = newId('hold', now)
    const stored: StoredHold = {
      ...(subject === undefined ? {} : { subject }),
      reason,
      ...(until === undefined ? {} : { until }),
      setAt: now,
      setBy: by.actor,
    }
    await this.#store.batch(
      tenant,
      [
        {
          op: 'put',
          collection: HOLDS,
          key: id,
          value: toStored(stored),
          expectedVersion: 0,
          terms: [state('active')],
        },
      ],
      privacyEntry(this.#clock, by, 'CREATE', `${HOLDS}/${id}`, { after: stored }),
    )
    return this.#view(id, stored)
  }

  /** Idempotent. `not_found`, `conflict`. */
  async release(tenant: TenantId, id: string, by: By): Promise<Hold> {
    const record = await this.#store.get(tenant, HOLDS, id)
    if (!record) throw new YizhanError('not_found', 'there is no such hold', { hint: 'privacy holds list' })
    const before = holdOf(record)
    if (before.releasedAt !== undefined) return this.#view(id, before)
    const after = { ...before, releasedAt: this.#clock.wall(), releasedBy: by.actor }
    await this.#store.batch(
      tenant,
      [
        {
          op: 'put',
          collection: HOLDS,
          key: id,
          value: toStored(after),
          expectedVersion: record.version,
          terms: [state('released')],
        },
      ],
      privacyEntry(this.#clock, by, 'UPDATE', `${HOLDS}/${id}`, { before, after }),
    )
    return this.#view(id, after)
  }

  async list(
    tenant: TenantId,
    options: { readonly cursor?: string } = {},
  ): Promise<{ readonly holds: readonly Hold[]; readonly cursor?: string }> {
    const { records, cursor } = await this.#store.scan(tenant, HOLDS, options)
    const holds = records.map((record) => this.#view(record.key, holdOf(record)))
    return cursor === undefined ? { holds } : { holds, cursor }
  }

  /** The holds in force, read once. */
  async now(tenant: TenantId): Promise<HeldNow> {
    let whole: string | undefined
    const subjects = new Map<string, string>()
    let cursor: string | undefined
    do {
      const page = await this.#store.scan(tenant, HOLDS, {
        index: { name: 'state', value: 'active' },
        limit: 500,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const record of page.records) {
        const { id, active, subject } = this.#view(record.key, holdOf(record))
        if (!active) continue
        if (subject === undefined) whole ??= id
        else subjects.set(subject, id)
      }
      if (subjects.size > MAX_ACTIVE) throw new YizhanError('too_large', 'too many legal holds are in force')
      cursor = page.cursor
    } while (cursor !== undefined)
    return {
      covers: (subject) => whole ?? (subject === undefined ? undefined : subjects.get(subject)),
      any: whole !== undefined || subjects.size > 0,
    }
  }

  #view(id: string, stored: StoredHold): Hold {
    const over = stored.until !== undefined && stored.until <= this.#clock.wall()
    return { id, ...stored, active: stored.releasedAt === undefined && !over }
  }
}

function holdOf(record: StoredRecord): StoredHold {
  return fromStored(HoldSchema, record.value, 'a legal hold')
}

function state(value: 'active' | 'released'): IndexTerm {
  return { name: 'state', value }
}
