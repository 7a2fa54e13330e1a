import { Readable } from 'node:stream'
import { type Static, Type } from '@sinclair/typebox'
import { wantedSignals, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import { AnchorSchema, type AuditFilter, type AuditLog, type SignedAnchor } from '../audit/index.js'
import type { TenantCatalog } from '../tenants/index.js'
import { knownTenant, Name, TenantParams, timeIn } from './params.js'

export interface AuditRouteParts {
  readonly catalog: Pick<TenantCatalog, 'current'>
  readonly auditLog: AuditLog
}

const Closed = { additionalProperties: false } as const
const Text = (maxLength: number) => Type.Optional(Type.String({ minLength: 1, maxLength }))
const FILTER = {
  from: Type.Optional(Type.String({ maxLength: 40, description: 'ISO 8601, inclusive' })),
  to: Type.Optional(Type.String({ maxLength: 40, description: 'ISO 8601, exclusive' })),
  actor: Text(256),
  action: Type.Optional(
    Type.Unsafe<NonNullable<AuditFilter['action']>>({ enum: ['CREATE', 'READ', 'UPDATE', 'DELETE'] }),
  ),
  object: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1_024,
      description: 'collection and key; with / at the end: the beginning of them',
    }),
  ),
  requestId: Text(128),
  subject: Text(255),
}
const Query = Type.Object(
  {
    ...FILTER,
    cursor: Type.Optional(Type.String({ maxLength: 100 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'default 100' })),
    reverse: Type.Optional(Type.Boolean({ description: 'newest first; default false' })),
    snapshots: Type.Optional(
      Type.Boolean({ description: 'with what stood there before and after; is audited; default false' }),
    ),
  },
  Closed,
)
const ExportQuery = Type.Object(
  {
    ...FILTER,
    format: Type.Optional(
      Type.Unsafe<'jsonl' | 'csv'>({ enum: ['jsonl', 'csv'], description: 'default jsonl' }),
    ),
  },
  Closed,
)
const EntryParams = Type.Object({ tenant: Name, sequence: Type.Integer({ minimum: 1 }) })
const Anchors = Type.Object({ anchors: Type.Array(AnchorSchema, { maxItems: 2_000 }) }, Closed)

interface OfTenant {
  readonly Params: { readonly tenant: string }
}

/** Who changed what, whether that is all of it, and copies to take away. `actor` stands in the audit of the reading. */
export function registerAudit(
  app: FastifyInstance,
  { catalog, auditLog }: AuditRouteParts,
  actor: string,
): void {
  const untilGone = wantedSignals(app, 'the center')
  const at = '/v1/tenants/:tenant/audit'

  app.get<OfTenant & { Querystring: Static<typeof Query> }>(
    at,
    {
      schema: { summary: 'Who changed what, oldest first', params: TenantParams, querystring: Query },
    },
    async ({ params, query, id: requestId }) => {
      const { from, to, ...rest } = query
      const tenant = knownTenant(catalog, params.tenant)
      return auditLog.query(tenant, { ...rest, ...timesOf(from, to) }, { actor, requestId })
    },
  )

  app.get<{ Params: { tenant: string; sequence: number } }>(
    `${at}/:sequence`,
    {
      schema: {
        summary: 'One entry, and what differs between its snapshots; is audited',
        params: EntryParams,
      },
    },
    async ({ params, id: requestId }) => {
      const tenant = knownTenant(catalog, params.tenant)
      const entry = await auditLog.entry(tenant, params.sequence, { actor, requestId })
      if (entry) return entry
      throw new YizhanError('not_found', `there is no entry ${params.sequence}, or not any more`)
    },
  )

  app.get<OfTenant>(
    `${at}/verify`,
    {
      schema: {
        summary: 'Hold every entry against the one before, the head and the anchors known here',
        params: TenantParams,
      },
    },
    async ({ params }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      return { tenant, ...(await auditLog.verify(tenant, [], untilGone(reply.raw))) }
    },
  )

  app.post<OfTenant & { Body: { readonly anchors: readonly SignedAnchor[] } }>(
    `${at}/verify`,
    {
      schema: {
        summary: 'The same, and against anchors that were kept elsewhere',
        params: TenantParams,
        body: Anchors,
      },
    },
    async ({ params, body }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      return { tenant, ...(await auditLog.verify(tenant, body.anchors, untilGone(reply.raw))) }
    },
  )

  app.get<OfTenant & { Querystring: Static<typeof ExportQuery> }>(
    `${at}/export`,
    {
      schema: {
        summary: 'All entries with their snapshots, signed (jsonl) or as a table (csv); is audited',
        params: TenantParams,
        querystring: ExportQuery,
        produces: ['application/x-ndjson', 'text/csv'],
      },
    },
    async ({ params, query, id: requestId }, reply) => {
      const { from, to, format = 'jsonl', ...rest } = query
      const tenant = knownTenant(catalog, params.tenant)
      const filter = { ...rest, ...timesOf(from, to) }
      const text = await auditLog.export(
        tenant,
        { format, filter },
        { actor, requestId },
        untilGone(reply.raw),
      )
      reply.headers({
        'content-type': format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson',
        'content-disposition': `attachment; filename="audit-${tenant}.${format}"`,
        'x-content-type-options': 'nosniff',
      })
      return reply.send(Readable.from(text, { objectMode: false }))
    },
  )

  app.get(
    '/v1/audit/keys',
    { schema: { summary: 'Public keys that anchors and exports are signed by' } },
    async () => auditLog.keys(),
  )
}

/** Throws `invalid_argument`. */
function timesOf(from: string | undefined, to: string | undefined): Pick<AuditFilter, 'from' | 'to'> {
  return {
    ...(from === undefined ? {} : { from: timeIn('from', from) }),
    ...(to === undefined ? {} : { to: timeIn('to', to) }),
  }
}
