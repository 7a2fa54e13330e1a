import { Type } from '@sinclair/typebox'
import {
  asEdgeId,
  asTenantId,
  type Clock,
  type EdgeId,
  isName,
  type Metrics,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { EdgeRegistry } from '../fleet/port.js'
import type { Retriever } from '../inference/port.js'
import type { Store } from '../storage/port.js'
import { MAX_TENANT_BYTES, type TenantCatalog } from '../tenants/index.js'

/** What the routes do their work on. */
export interface ApiParts {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly catalog: TenantCatalog
  readonly registry: EdgeRegistry
  readonly retriever: Retriever
  readonly store: Store
  readonly tokens: {
    create(request: {
      edgeId: EdgeId
      tenants: readonly TenantId[]
      site: string
      ttlMs: number
      actor: string
    }): Promise<string>
  }
  status(): Record<string, unknown>
  /** Undefined when every part works, else what does not. */
  notReady(): string | undefined
}

const Body = { additionalProperties: false } as const
const NameText = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' })
const Files = Type.Record(
  Type.String({ minLength: 1, maxLength: 512 }),
  Type.String({ description: 'base64' }),
)
const NoBody = Type.Optional(Type.Null())

/** The center's routes, the same on the admin socket and on the HTTP API. */
export function registerRoutes(app: FastifyInstance, parts: ApiParts, actor: string): void {
  app.get('/v1/status', { schema: { summary: 'Links, tenants, inference' } }, async () => parts.status())

  app.get('/v1/edges', { schema: { summary: 'Every edge of the registry' } }, async () =>
    parts.registry.list(),
  )

  app.post<{ Body: { edge: string; tenants: string[]; site?: string; ttlMs?: number } }>(
    '/v1/edges/tokens',
    {
      schema: {
        summary: 'A one-use join token for an edge',
        body: Type.Object(
          {
            edge: NameText,
            tenants: Type.Array(NameText, { minItems: 1 }),
            site: Type.Optional(Type.String({ maxLength: 200 })),
            ttlMs: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 7 * 86_400_000 })),
          },
          Body,
        ),
      },
    },
    async ({ body }) => ({
      edge: body.edge,
      token: await parts.tokens.create({
        edgeId: edgeOf(body.edge),
        tenants: body.tenants.map(tenantOf),
        site: body.site ?? '',
        ttlMs: body.ttlMs ?? 10 * 60_000,
        actor,
      }),
    }),
  )

  app.post<{ Params: { edge: string }; Body: { tenants: string[] } }>(
    '/v1/edges/:edge/tenants',
    {
      schema: {
        summary: 'Set which tenants an edge serves',
        body: Type.Object({ tenants: Type.Array(NameText) }, Body),
      },
    },
    async ({ params, body }) => {
      await parts.registry.setTenants(edgeOf(params.edge), body.tenants.map(tenantOf))
      return { edge: params.edge, tenants: body.tenants }
    },
  )

  app.post<{ Params: { edge: string } }>(
    '/v1/edges/:edge/revoke',
    { schema: { summary: 'Revoke an edge; its link is cut at once', body: NoBody } },
    async ({ params }) => {
      await parts.registry.revoke(edgeOf(params.edge), actor)
      return { edge: params.edge, revoked: true }
    },
  )

  app.get('/v1/tenants', { schema: { summary: 'Every tenant with what is in force' } }, async () =>
    parts.catalog.list(),
  )

  app.post<{ Body: { files: Record<string, string> } }>(
    '/v1/tenants/apply',
    {
      bodyLimit: Math.ceil((MAX_TENANT_BYTES * 4) / 3) + 1024 * 1024,
      schema: {
        summary: 'Check, train, test and put in force a tenant directory',
        body: Type.Object({ files: Files }, Body),
      },
    },
    async ({ body }) => {
      const files = new Map(
        Object.entries(body.files).map(([path, text]) => [path, Buffer.from(text, 'base64')] as const),
      )
      return parts.catalog.apply(files, actor, new AbortController().signal)
    },
  )

  app.get<{ Params: { tenant: string }; Querystring: { q: string; limit?: number } }>(
    '/v1/tenants/:tenant/knowledge',
    {
      schema: {
        summary: 'Passages that the documents give for a question',
        querystring: Type.Object(
          {
            q: Type.String({ minLength: 1, maxLength: 1_000 }),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
          },
          Body,
        ),
      },
    },
    async ({ params, query }) =>
      parts.retriever.search(knownTenant(parts, params.tenant), query.q, {
        knowledge: [],
        limit: query.limit ?? 5,
      }),
  )

  app.get<{ Params: { tenant: string }; Querystring: { cursor?: string } }>(
    '/v1/tenants/:tenant/audit',
    {
      schema: {
        summary: 'Who changed what, oldest first',
        querystring: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 2_000 })) }, Body),
      },
    },
    async ({ params, query }) => {
      const page = await parts.store.audit(
        knownTenant(parts, params.tenant),
        query.cursor === undefined ? {} : { cursor: query.cursor },
      )
      return {
        entries: page.entries.map(({ time, actor: who, action, object }) => ({
          time: new Date(time).toISOString(),
          actor: who,
          action,
          object,
        })),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      }
    },
  )
}

/** `/healthz`, `/readyz` and `/metrics`, which need no token. */
export function registerProbes(app: FastifyInstance, parts: Pick<ApiParts, 'metrics' | 'notReady'>): void {
  app.get('/healthz', { schema: { hide: true } }, async () => ({ ok: true }))
  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const why = parts.notReady()
    return why === undefined ? { ready: true } : reply.code(503).send({ ready: false, why })
  })
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4').send(await parts.metrics.render()),
  )
}

function tenantOf(text: string): TenantId {
  const tenant = asTenantId(text)
  if (!tenant || !isName(text)) throw new YizhanError('invalid_argument', 'not a tenant id')
  return tenant
}

function edgeOf(text: string): EdgeId {
  const edge = asEdgeId(text)
  if (!edge) throw new YizhanError('invalid_argument', 'not an edge id')
  return edge
}

function knownTenant(parts: ApiParts, text: string): TenantId {
  const tenant = tenantOf(text)
  if (!parts.catalog.current(tenant))
    throw new YizhanError('not_found', 'no tenant of this name has been applied')
  return tenant
}
