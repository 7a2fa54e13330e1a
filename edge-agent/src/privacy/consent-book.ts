import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type Clock, newId, parseJson, YizhanError } from '@yizhan/kernel'
import { create, type SubjectReport, SubjectReportKind, SubjectReportSchema } from '@yizhan/proto'
import { type Person, personKey } from './person.js'
import type { ReportOutbox } from './report-outbox.js'
import type { RecordWrite, SealedRecords } from './sealed-records.js'

const StandingSchema = Type.Object({
  /** What the person said last; left out: nothing yet. */
  said: Type.Optional(
    Type.Union([Type.Literal('given'), Type.Literal('refused'), Type.Literal('withdrawn')]),
  ),
  /** Of the notice that this is about. */
  version: Type.String(),
  /** The notice that was shown last. */
  shown: Type.Optional(Type.String()),
  locale: Type.String(),
  /** Milliseconds since the Unix epoch. */
  at: Type.Number(),
})

/** How a person stands to one purpose. */
export type Standing = Static<typeof StandingSchema>
/** By purpose. */
export type Standings = Readonly<Record<string, Standing>>

const Kept = Type.Union([
  Type.Object({
    tenant: Type.String(),
    channel: Type.String(),
    sender: Type.String(),
    purposes: Type.Record(Type.String(), StandingSchema),
  }),
  /** What is left of a person who was erased. */
  Type.Object({ erasedAt: Type.Number() }),
])
type Kept = Static<typeof Kept>

export interface Said {
  readonly purpose: string
  /** `shown`: the notice was; told to the center only where no consent is waited for. */
  readonly kind: 'given' | 'refused' | 'withdrawn' | 'shown'
  readonly version: string
  readonly locale: string
  /** Whether the center is to hear of it. */
  readonly report: boolean
}

export interface ConsentBookDeps {
  readonly records: SealedRecords
  readonly outbox: ReportOutbox
  readonly clock: Pick<Clock, 'wall'>
  /** Of this edge: keys of its records are made with it. */
  readonly secret: Uint8Array
}

const PREFIX = 'p'
const MAX_CACHED = 5_000
const NOBODY: Standings = {}
const KINDS = {
  given: SubjectReportKind.CONSENT_GIVEN,
  refused: SubjectReportKind.CONSENT_REFUSED,
  withdrawn: SubjectReportKind.CONSENT_WITHDRAWN,
  shown: SubjectReportKind.NOTICE_SHOWN,
} as const

/** What persons were told and said of purposes at this edge, durable, and good without the center. */
export class ConsentBook {
  readonly #deps: ConsentBookDeps
  /** The latest used last. */
  readonly #cache = new Map<string, Standings>()
  readonly #tails = new Map<string, Promise<void>>()

  constructor(deps: ConsentBookDeps) {
    this.#deps = deps
  }

  keyOf(person: Person): string {
    return personKey(this.#deps.secret, person)
  }

  async standings(person: Person): Promise<Standings> {
    const key = this.keyOf(person)
    const cached = this.#cache.get(key)
    if (cached) {
      this.#remember(key, cached)
      return cached
    }
    const kept = await this.#read(key)
    // What was said meanwhile is newer.
    const now = this.#cache.get(key)
    if (now) return now
    const standings = kept && 'purposes' in kept ? kept.purposes : NOBODY
    this.#remember(key, standings)
    return standings
  }

  /** Durable, with what the center is to hear of it, when it resolves. */
  async say(person: Person, said: readonly Said[]): Promise<Standings> {
    const key = this.keyOf(person)
    const before = this.#tails.get(key) ?? Promise.resolve()
    const work = before.then(() => this.#say(key, person, said))
    const tail = work.then(
      () => undefined,
      () => undefined,
    )
    this.#tails.set(key, tail)
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    return work
  }

  /** A wish that the tenant's people have to fulfil. Durable when it resolves. */
  async ask(person: Person, wish: 'export' | 'erasure', locale: string): Promise<void> {
    const { EXPORT_ASKED, ERASURE_ASKED } = SubjectReportKind
    const kind = wish === 'export' ? EXPORT_ASKED : ERASURE_ASKED
    const { outbox, records } = this.#deps
    const report = this.#report(person, { kind, locale, purpose: '', version: '' })
    await records.write(outbox.toKeep([report], this.keyOf(person)))
    outbox.kept([report], this.keyOf(person))
  }

  /** Every person that something is kept of. */
  async *persons(): AsyncGenerator<Person & { readonly key: string }> {
    for await (const [stored, value] of this.#deps.records.entries(PREFIX)) {
      const kept = keptIn(value)
      if ('erasedAt' in kept) continue
      const { tenant, channel, sender } = kept
      yield { tenant, channel, sender, key: stored.slice(PREFIX.length) }
    }
  }

  /** What takes the place of what is kept of these persons; call `forgotten` once it is written. */
  toForget(keys: readonly string[]): RecordWrite[] {
    const erasedAt = this.#deps.clock.wall()
    return keys.map((key) => ({ key: PREFIX + key, value: encoded({ erasedAt }) }))
  }

  forgotten(keys: readonly string[]): void {
    for (const key of keys) this.#cache.delete(key)
  }

  async #say(key: string, person: Person, said: readonly Said[]): Promise<Standings> {
    const { records, outbox, clock } = this.#deps
    const kept = await this.#read(key)
    const purposes: Record<string, Standing> = { ...(kept && 'purposes' in kept ? kept.purposes : {}) }
    for (const { purpose, kind, version, locale } of said) {
      const before = Object.hasOwn(purposes, purpose) ? purposes[purpose] : undefined
      purposes[purpose] =
        kind === 'shown'
          ? { version, locale, at: clock.wall(), ...before, shown: version }
          : { ...before, said: kind, version, locale, at: clock.wall() }
    }
    const reports = said
      .filter(({ report }) => report)
      .map((one) => this.#report(person, { ...one, kind: KINDS[one.kind] }))
    const { tenant, channel, sender } = person
    const value = encoded({ tenant, channel, sender, purposes })
    await records.write([{ key: PREFIX + key, value }, ...outbox.toKeep(reports, key)])
    this.#remember(key, purposes)
    outbox.kept(reports, key)
    return purposes
  }

  #report(
    { tenant, channel, sender }: Person,
    said: {
      readonly kind: SubjectReportKind
      readonly purpose: string
      readonly version: string
      readonly locale: string
    },
  ): SubjectReport {
    const now = this.#deps.clock.wall()
    return create(SubjectReportSchema, {
      reportId: newId('rep', now),
      tenantId: tenant,
      channelId: channel,
      senderId: sender,
      kind: said.kind,
      purpose: said.purpose,
      noticeVersion: said.version,
      locale: said.locale,
      timeMs: BigInt(Math.round(now)),
    })
  }

  async #read(key: string): Promise<Kept | undefined> {
    const value = await this.#deps.records.get(PREFIX + key)
    return value && keptIn(value)
  }

  #remember(key: string, standings: Standings): void {
    this.#cache.delete(key)
    this.#cache.set(key, standings)
    const [oldest] = this.#cache.keys()
    if (this.#cache.size > MAX_CACHED && oldest !== undefined) this.#cache.delete(oldest)
  }
}

function encoded(kept: Kept): Uint8Array {
  return Buffer.from(JSON.stringify(kept))
}

function keptIn(value: Uint8Array): Kept {
  const kept = parseJson(Buffer.from(value).toString())
  if (Value.Check(Kept, kept)) return kept
  throw new YizhanError('data_corrupt', 'what is kept of a person cannot be read')
}
