import { type Static, Type } from '@sinclair/typebox'
import type { Privacy, Purpose } from '@yizhan/intent'
import type { Clock, TenantId } from '@yizhan/kernel'
import { fromStored, toStored } from '../fleet/index.js'
import type { Change, Store, StoredRecord } from '../storage/index.js'
import type { PrivacyPolicies } from './policy.js'

export const CONSENTS = 'consents'

const ConsentSchema = Type.Object({
  kind: Type.Union([
    Type.Literal('given'),
    Type.Literal('refused'),
    Type.Literal('withdrawn'),
    Type.Literal('notice-shown'),
  ]),
  purpose: Type.String(),
  /** When the person said it, and when the center heard of it. */
  at: Type.Number(),
  recordedAt: Type.Number(),
  channel: Type.String(),
  noticeVersion: Type.String(),
  locale: Type.String(),
  edge: Type.String(),
  report: Type.String(),
  /** As the tenant's section said then; left out for a purpose that it did not have. */
  basis: Type.Optional(Type.String()),
  crossBorder: Type.Optional(Type.Boolean()),
})

/** Something a person said of a purpose, or was told. Never changed afterwards. */
export type Consent = Static<typeof ConsentSchema>

export interface NewConsent extends Omit<Consent, 'recordedAt' | 'basis' | 'crossBorder' | 'purpose'> {
  /** '' = every purpose. */
  readonly purpose: string
}

export type PurposeUse =
  | { readonly allowed: true; readonly because: 'basis' | 'given' }
  | {
      readonly allowed: false
      readonly because:
        | 'unknown-purpose'
        | 'not-asked'
        | 'refused'
        | 'withdrawn'
        | 'older-notice'
        | 'objected'
    }

/** Consents of persons: append-only, in the order of what was said, whichever edge tells it first. */
export class Consents {
  readonly #store: Store
  readonly #policies: PrivacyPolicies
  readonly #clock: Clock
  /** Keeps what is said within a millisecond in its order. */
  #count = 0

  constructor(deps: { readonly store: Store; readonly policies: PrivacyPolicies; readonly clock: Clock }) {
    this.#store = deps.store
    this.#policies = deps.policies
    this.#clock = deps.clock
  }

  /** What is to be written: one record for each purpose that it is about. */
  async changes(tenant: TenantId, subject: string, said: NewConsent): Promise<Change[]> {
    const now = this.#clock.wall()
    // An edge whose clock is ahead must not make its word the last one for ever.
    const at = said.at > 0 ? Math.min(said.at, now) : now
    const privacy = await this.#policies.of(tenant)
    const purposes = said.purpose === '' ? await this.#all(tenant, subject, privacy) : [said.purpose]
    return purposes.map((purpose) => {
      const known = privacy?.purposes.find(({ id }) => id === purpose)
      const consent: Consent = {
        ...said,
        purpose,
        at,
        recordedAt: now,
        ...(known ? { basis: known.basis, crossBorder: known.crossBorder } : {}),
      }
      return {
        op: 'put',
        collection: CONSENTS,
        key: `${subject}/${digits(at, 14)}.${digits(now, 14)}.${digits(this.#count++ % 1_000_000, 6)}`,
        value: toStored(consent),
        expectedVersion: 0,
        subject,
        // What was shown decides nothing.
        ...(said.kind === 'notice-shown' ? {} : { terms: [decisionTerm(subject, purpose)] }),
      }
    })
  }

  /** In the order of what was said. */
  async list(
    tenant: TenantId,
    subject: string,
    options: { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<{ readonly consents: readonly Consent[]; readonly cursor?: string }> {
    const page = await this.#store.scan(tenant, CONSENTS, { ...options, prefix: `${subject}/` })
    const consents = page.records.map(consentOf)
    return page.cursor === undefined ? { consents } : { consents, cursor: page.cursor }
  }

  /** Whether a person's data may be used for this purpose now. `subjects`: all ids of the person. */
  async mayUse(tenant: TenantId, subjects: readonly string[], purpose: string): Promise<PurposeUse> {
    const privacy = await this.#policies.of(tenant)
    const known = privacy?.purposes.find(({ id }) => id === purpose)
    if (!known) return { allowed: false, because: 'unknown-purpose' }
    const said = await Promise.all(subjects.map((subject) => this.#last(tenant, subject, purpose)))
    const last = said
      .filter((consent) => consent !== undefined)
      .reduce<Consent | undefined>((latest, one) => (latest && latest.at > one.at ? latest : one), undefined)
    return useOf(known, last)
  }

  /** Whether this is what decides for its purpose now: it is kept, however old. */
  async decides(tenant: TenantId, record: StoredRecord): Promise<boolean> {
    const consent = consentOf(record)
    if (consent.kind === 'notice-shown') return false
    const [subject = ''] = record.key.split('/')
    return (await this.#lastRecord(tenant, subject, consent.purpose))?.key === record.key
  }

  async #all(tenant: TenantId, subject: string, privacy: Privacy | undefined): Promise<string[]> {
    const purposes = new Set((privacy?.purposes ?? []).map(({ id }) => id))
    let cursor: string | undefined
    do {
      const page = await this.list(tenant, subject, {
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { purpose } of page.consents) purposes.add(purpose)
      cursor = page.cursor
    } while (cursor !== undefined)
    return [...purposes].sort()
  }

  async #last(tenant: TenantId, subject: string, purpose: string): Promise<Consent | undefined> {
    const record = await this.#lastRecord(tenant, subject, purpose)
    return record && consentOf(record)
  }

  async #lastRecord(tenant: TenantId, subject: string, purpose: string): Promise<StoredRecord | undefined> {
    const index = decisionTerm(subject, purpose)
    const { records } = await this.#store.scan(tenant, CONSENTS, { index, reverse: true, limit: 1 })
    return records[0]
  }
}

function useOf({ basis, version }: Purpose, last: Consent | undefined): PurposeUse {
  const said = last?.kind
  if (basis !== 'consent') {
    // Against a contract or a legal duty there is nothing to withdraw; against an interest one may object.
    const objected = basis === 'legitimate-interest' && (said === 'refused' || said === 'withdrawn')
    return objected ? { allowed: false, because: 'objected' } : { allowed: true, because: 'basis' }
  }
  if (said === 'refused' || said === 'withdrawn') return { allowed: false, because: said }
  if (said !== 'given') return { allowed: false, because: 'not-asked' }
  return last?.noticeVersion === version
    ? { allowed: true, because: 'given' }
    : { allowed: false, because: 'older-notice' }
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function decisionTerm(subject: string, purpose: string) {
  return { name: 'decision', value: `${subject}/${purpose}` }
}

export function consentOf(record: StoredRecord): Consent {
  return fromStored(ConsentSchema, record.value, 'a consent')
}
