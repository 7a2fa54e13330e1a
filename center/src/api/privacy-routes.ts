import { Type } from '@sinclair/typebox'
import { type TenantId, wantedSignals, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { By, CaseClosing, Correction, Erasure, Privacy, Subject, Swept } from '../privacy/index.js'
import type { TenantCatalog } from '../tenants/index.js'
import { knownTenant, Name, TenantParams } from './params.js'

export interface PrivacyRouteParts {
  readonly catalog: Pick<TenantCatalog, 'current'>
  readonly privacy: Privacy
}

const Closed = { additionalProperties: false } as const
const Id = (prefix: string) => Type.String({ pattern: `^${prefix}_[0-9a-z]{26}$` })
const SubjectParams = Type.Object({ tenant: Name, subject: Id('sub') })
const Cursor = { cursor: Type.Optional(Type.String({ maxLength: 2_000 })) }
const Page = Type.Object(Cursor, Closed)
const Text = Type.Union([Type.String({ minLength: 1, maxLength: 256 }), Type.Null()])

interface OfTenant {
  readonly Params: { readonly tenant: string }
}
interface OfSubject {
  readonly Params: { readonly tenant: string; readonly subject: string }
}
interface Paged {
  readonly Querystring: { readonly cursor?: string }
}

/** Persons and what they may ask for. An account never stands in a path or a query: those are logged. */
export function registerPrivacy(app: FastifyInstance, parts: PrivacyRouteParts, actor: string): void {
  registerSubjects(app, parts, actor)
  registerErasures(app, parts, actor)
  registerHolds(app, parts, actor)
  registerCases(app, parts, actor)
}

function registerSubjects(
  app: FastifyInstance,
  { catalog, privacy }: PrivacyRouteParts,
  actor: string,
): void {
  const { subjects, consents, copies } = privacy
  const untilGone = wantedSignals(app, 'the center')
  const at = '/v1/tenants/:tenant/privacy/subjects'

  app.post<OfTenant & { Body: { channel: string; sender: string } }>(
    `${at}/find`,
    {
      schema: {
        summary: 'The id of the person behind an account',
        params: TenantParams,
        body: Type.Object(
          { channel: Type.String({ minLength: 1 }), sender: Type.String({ minLength: 1 }) },
          Closed,
        ),
      },
    },
    async ({ params, body }) => {
      const subject = await subjects.find(knownTenant(catalog, params.tenant), body)
      if (subject === undefined) throw unknownSubject()
      return { subject }
    },
  )

  app.get<OfSubject>(
    `${at}/:subject`,
    { schema: { summary: 'What is known of a person', params: SubjectParams } },
    async ({ params, id }) => {
      const tenant = knownTenant(catalog, params.tenant)
      const subject = await subjects.show(tenant, params.subject, byOf(actor, id))
      if (!subject) throw unknownSubject()
      return shownSubject(subject)
    },
  )

  app.patch<OfSubject & { Body: Correction }>(
    `${at}/:subject`,
    {
      schema: {
        summary: 'Put right what is known of a person; null takes it away',
        params: SubjectParams,
        body: Type.Object({ name: Type.Optional(Text), department: Type.Optional(Text) }, Closed),
      },
    },
    async ({ params, body, id }) => {
      const tenant = knownTenant(catalog, params.tenant)
      return shownSubject(await subjects.correct(tenant, params.subject, body, byOf(actor, id)))
    },
  )

  app.post<OfSubject & { Body: { other: string } }>(
    `${at}/:subject/link`,
    {
      schema: {
        summary: 'Two ids are one person: the accounts of the other lead here',
        params: SubjectParams,
        body: Type.Object({ other: Id('sub') }, Closed),
      },
    },
    async ({ params, body, id }) => {
      const tenant = knownTenant(catalog, params.tenant)
      return shownSubject(await subjects.link(tenant, params.subject, body.other, byOf(actor, id)))
    },
  )

  app.get<OfSubject & Paged>(
    `${at}/:subject/consents`,
    {
      schema: {
        summary: 'What a person was told, consented to and withdrew, in order',
        params: SubjectParams,
        querystring: Page,
      },
    },
    async ({ params, query, id }) => {
      const tenant = knownTenant(catalog, params.tenant)
      const subject = await subjects.show(tenant, params.subject, byOf(actor, id))
      if (!subject) throw unknownSubject()
      const page = await consents.list(tenant, params.subject, query)
      return {
        ...page,
        consents: page.consents.map(({ at: said, recordedAt, ...consent }) => {
          return { at: iso(said), ...consent, recordedAt: iso(recordedAt) }
        }),
      }
    },
  )

  app.get<OfSubject>(
    `${at}/:subject/copy`,
    { schema: { summary: 'A zip of everything that is held of a person', params: SubjectParams } },
    async ({ params, id }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      const zip = await copies.open(tenant, params.subject, byOf(actor, id), untilGone(reply.raw))
      if (!zip) throw unknownSubject()
      reply.headers({
        'content-type': 'application/zip',
        'content-disposition': `attachment; filename="${params.subject}.zip"`,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
      return reply.send(zip)
    },
  )

  app.post<OfSubject>(
    `${at}/:subject/erase`,
    { schema: { summary: 'Erase a person for good, here and at every edge', params: SubjectParams } },
    async ({ params, id }) => {
      const tenant = knownTenant(catalog, params.tenant)
      const outcome = await privacy.erase(tenant, params.subject, byOf(actor, id))
      if (outcome.s === 'unknown') throw unknownSubject()
      if (outcome.s === 'erasing') return shownErasure(outcome.erasure)
      throw new YizhanError('failed_precondition', 'a legal hold keeps the data of this person', {
        details: { hold: outcome.hold, erasure: outcome.erasure.id },
        hint: `privacy holds release ${outcome.hold} --tenant ${tenant}`,
      })
    },
  )
}

function registerErasures(
  app: FastifyInstance,
  { catalog, privacy }: PrivacyRouteParts,
  actor: string,
): void {
  const untilGone = wantedSignals(app, 'the center')
  const at = '/v1/tenants/:tenant/privacy/erasures'
  const params = Type.Object({ tenant: Name, erasure: Id('era') })

  app.get<OfTenant & Paged>(
    at,
    { schema: { summary: 'Erasures, oldest first', params: TenantParams, querystring: Page } },
    async (request) => {
      const page = await privacy.erasures.list(knownTenant(catalog, request.params.tenant), request.query)
      return { ...page, erasures: page.erasures.map(shownErasure) }
    },
  )

  app.get<{ Params: { tenant: string; erasure: string } }>(
    `${at}/:erasure/certificate`,
    { schema: { summary: 'The signed certificate as it stands now', params } },
    async (request) =>
      await privacy.certificate(knownTenant(catalog, request.params.tenant), request.params.erasure),
  )

  app.post<{ Body: unknown }>(
    '/v1/privacy/certificates/check',
    {
      bodyLimit: 8 * 1024 * 1024,
      schema: { summary: 'Hold a certificate against this center’s keys', body: Type.Unknown() },
    },
    async ({ body }) => privacy.check(body),
  )

  app.post<OfTenant & { Body: { dryRun?: boolean } }>(
    '/v1/tenants/:tenant/privacy/sweep',
    {
      schema: {
        summary: 'Delete what is past its time',
        params: TenantParams,
        body: Type.Object({ dryRun: Type.Optional(Type.Boolean({ description: 'only count' })) }, Closed),
      },
    },
    async ({ params: { tenant }, body: { dryRun = false }, id }, reply) => {
      const how = { dryRun, by: byOf(actor, id) }
      const report = await privacy.sweeper.sweep(knownTenant(catalog, tenant), how, untilGone(reply.raw))
      const classes = Object.entries(report.classes).map(([name, swept]) => [name, shownSwept(swept)])
      return { ...report, classes: Object.fromEntries(classes), audit: shownSwept(report.audit) }
    },
  )
}

function registerHolds(app: FastifyInstance, { catalog, privacy }: PrivacyRouteParts, actor: string): void {
  const { holds } = privacy
  const at = '/v1/tenants/:tenant/privacy/holds'

  app.get<OfTenant & Paged>(
    at,
    { schema: { summary: 'Legal holds', params: TenantParams, querystring: Page } },
    async ({ params, query }) => {
      const page = await holds.list(knownTenant(catalog, params.tenant), query)
      return { ...page, holds: page.holds.map(withTimes) }
    },
  )

  app.post<OfTenant & { Body: { subject?: string; reason: string; until?: number } }>(
    at,
    {
      schema: {
        summary: 'Keep the data of a person, or of all, from being swept or erased',
        params: TenantParams,
        body: Type.Object(
          {
            subject: Type.Optional(Id('sub')),
            reason: Type.String({ minLength: 1, maxLength: 1_000 }),
            until: Type.Optional(Type.Integer({ minimum: 1, description: 'ms since 1970; default: open' })),
          },
          Closed,
        ),
      },
    },
    async ({ params, body, id }) =>
      withTimes(await holds.set(knownTenant(catalog, params.tenant), body, byOf(actor, id))),
  )

  app.post<{ Params: { tenant: string; hold: string } }>(
    `${at}/:hold/release`,
    {
      schema: {
        summary: 'End a legal hold',
        params: Type.Object({ tenant: Name, hold: Id('hold') }),
      },
    },
    async ({ params, id }) =>
      withTimes(await holds.release(knownTenant(catalog, params.tenant), params.hold, byOf(actor, id))),
  )
}

function registerCases(app: FastifyInstance, { catalog, privacy }: PrivacyRouteParts, actor: string): void {
  const { cases } = privacy
  const at = '/v1/tenants/:tenant/privacy/cases'

  app.get<OfTenant & { Querystring: { cursor?: string; state?: 'open' | 'closed' } }>(
    at,
    {
      schema: {
        summary: 'What persons asked for',
        params: TenantParams,
        querystring: Type.Object(
          { ...Cursor, state: Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('closed')])) },
          Closed,
        ),
      },
    },
    async ({ params, query }) => {
      const page = await cases.list(knownTenant(catalog, params.tenant), query)
      return { ...page, cases: page.cases.map(withTimes) }
    },
  )

  app.post<{ Params: { tenant: string; case: string }; Body: CaseClosing }>(
    `${at}/:case/close`,
    {
      schema: {
        summary: 'Say how a case ended',
        params: Type.Object({ tenant: Name, case: Id('case') }),
        body: Type.Object(
          {
            outcome: Type.Union([Type.Literal('done'), Type.Literal('refused'), Type.Literal('withdrawn')]),
            reference: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_./-]{0,63}$' })),
          },
          Closed,
        ),
      },
    },
    async ({ params, body, id }) => {
      const tenant: TenantId = knownTenant(catalog, params.tenant)
      return withTimes(await cases.close(tenant, params.case, body, byOf(actor, id)))
    },
  )
}

function byOf(actor: string, requestId: string): By {
  return { actor, requestId }
}

function unknownSubject(): YizhanError {
  return new YizhanError('not_found', 'no such person is known', { hint: 'privacy subjects find' })
}

function shownSubject({ version: _version, firstSeen, lastSeen, ...subject }: Subject) {
  return { ...subject, firstSeen: iso(firstSeen), lastSeen: iso(lastSeen) }
}

function shownErasure({ id, state, subjects, requestedAt, requestedBy, finishedAt, ...more }: Erasure) {
  const pending = [...more.places, ...more.edges].filter((place) => place.state === 'pending').length
  return {
    id,
    subject: subjects[0],
    state,
    requestedAt: iso(requestedAt),
    requestedBy,
    ...(finishedAt === undefined ? {} : { finishedAt: iso(finishedAt) }),
    ...(more.hold === undefined ? {} : { hold: more.hold }),
    records: Object.values(more.records).reduce((sum, count) => sum + count, 0),
    pending,
    edges: more.edges.map(({ edge, state: at }) => ({ edge, state: at })),
  }
}

function shownSwept({ count, oldest }: Swept) {
  return { count, ...(oldest === undefined ? {} : { oldest: iso(oldest) }) }
}

/** Fields that are times, as people read them. */
function withTimes<T extends object>(value: T): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      typeof field === 'number' && (name.endsWith('At') || name === 'until') ? iso(field) : field,
    ]),
  )
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
