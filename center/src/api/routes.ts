import { Type } from '@sinclair/typebox'
import type { EdgeId, TenantId } from '@yizhan/kernel'
import { validatorCompiler } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { centerDeeds } from '../audit/index.js'
import type { EdgeRegistry } from '../fleet/port.js'
import { type ApiKeyRouteParts, registerApiKeys } from './api-key-routes.js'
import { type AttachmentRouteParts, registerAttachments } from './attachment-routes.js'
import { type AuditRouteParts, registerAudit } from './audit-routes.js'
import { type BackupRouteParts, registerBackups } from './backup-routes.js'
import { type InferenceRouteParts, registerInference } from './inference-routes.js'
import { type KeyRouteParts, registerKeys } from './keys-routes.js'
import { type KnowledgeRouteParts, registerKnowledge } from './knowledge-routes.js'
import { type ModelRouteParts, registerModels } from './model-routes.js'
import { EdgeParams, edgeOf, Name, tenantOf } from './params.js'
import { type PrivacyRouteParts, registerPrivacy } from './privacy-routes.js'
import type { ProbeParts } from './probes.js'
import { registerSamples, type SampleRouteParts } from './sample-routes.js'
import { registerStorage, type StorageRouteParts } from './storage-routes.js'
import { registerTenants, type TenantRouteParts } from './tenant-routes.js'
import { registerTurns, type TurnRouteParts } from './turn-routes.js'

/** What the routes do their work on. */
export interface ApiParts
  extends ProbeParts,
    TenantRouteParts,
    ApiKeyRouteParts,
    AttachmentRouteParts,
    KnowledgeRouteParts,
    AuditRouteParts,
    ModelRouteParts,
    PrivacyRouteParts,
    SampleRouteParts,
    StorageRouteParts,
    InferenceRouteParts,
    TurnRouteParts {
  readonly catalog: TenantRouteParts['catalog']
  readonly registry: EdgeRegistry
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
}

const Closed = { additionalProperties: false } as const
const DAY_MS = 86_400_000
const DEFAULT_TTL_MS = 10 * 60_000

/** The center's routes, the same on the admin socket and on the HTTP API. `actor` stands in the audit. */
export function registerRoutes(app: FastifyInstance, parts: ApiParts, actor: string): void {
  app.setValidatorCompiler(validatorCompiler)
  app.get('/v1/status', { schema: { summary: 'Links, tenants, inference' } }, async () => parts.status())
  registerEdges(app, parts, actor)
  registerTenants(app, parts, actor)
  registerKnowledge(app, parts, actor)
  registerApiKeys(app, parts, actor)
  registerAttachments(app, parts, actor)
  registerAudit(app, parts, actor)
  registerPrivacy(app, parts, actor)
  registerSamples(app, parts, actor)
  registerModels(app, parts, actor)
  registerStorage(app, parts, actor)
  registerTurns(app, parts, actor)
  registerInference(app, parts, actor)
}

/** What only the owner of the machine does, over the admin socket: it names paths there. */
export function registerOwnerRoutes(
  app: FastifyInstance,
  parts: KeyRouteParts & BackupRouteParts & { deeds(cursor?: string): ReturnType<typeof centerDeeds> },
  actor: string,
): void {
  app.get<{ Querystring: { cursor?: string } }>(
    '/v1/audit/center',
    {
      schema: {
        summary: 'What was done to the whole center, oldest first',
        querystring: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 2_000 })) }, Closed),
      },
    },
    async ({ query }) => {
      const page = await parts.deeds(query.cursor)
      return {
        ...page,
        entries: page.entries.map(({ time, ...deed }) => ({ time: new Date(time).toISOString(), ...deed })),
      }
    },
  )
  registerKeys(app, parts, actor)
  registerBackups(app, parts, actor)
}

function registerEdges(app: FastifyInstance, { registry, tokens, audit }: ApiParts, actor: string): void {
  /** Into the audit of every tenant that it concerns, before it is done. */
  const told = async (
    edge: string,
    action: 'CREATE' | 'UPDATE' | 'DELETE',
    tenants: Iterable<TenantId>,
    requestId: string,
  ) => {
    const named = [...new Set(tenants)]
    for (const tenant of named.length > 0 ? named : [null]) {
      await audit({ tenant, actor, action, object: `edges/${edge}`, requestId })
    }
  }
  const servedBy = (edge: string) => registry.list().find(({ edgeId }) => edgeId === edge)?.tenants ?? []

  app.get('/v1/edges', { schema: { summary: 'Every edge of the registry' } }, async () => registry.list())

  app.post<{ Body: { edge: string; tenants: string[]; site?: string; ttlMs?: number } }>(
    '/v1/edges/tokens',
    {
      schema: {
        summary: 'A one-use join token for an edge',
        body: Type.Object(
          {
            edge: Name,
            tenants: Type.Array(Name, { minItems: 1, maxItems: 1_000 }),
            site: Type.Optional(Type.String({ maxLength: 200 })),
            ttlMs: Type.Optional(
              Type.Integer({ minimum: 1_000, maximum: 7 * DAY_MS, description: `default ${DEFAULT_TTL_MS}` }),
            ),
          },
          Closed,
        ),
      },
    },
    async ({ body, id: requestId }) => {
      const request = {
        edgeId: edgeOf(body.edge),
        tenants: body.tenants.map(tenantOf),
        site: body.site ?? '',
        ttlMs: body.ttlMs ?? DEFAULT_TTL_MS,
        actor,
      }
      await told(body.edge, 'CREATE', request.tenants, requestId)
      return { edge: body.edge, token: await tokens.create(request) }
    },
  )

  app.post<{ Params: { edge: string }; Body: { tenants: string[] } }>(
    '/v1/edges/:edge/tenants',
    {
      schema: {
        summary: 'Set which tenants an edge serves',
        params: EdgeParams,
        body: Type.Object({ tenants: Type.Array(Name, { maxItems: 1_000 }) }, Closed),
      },
    },
    async ({ params, body, id: requestId }) => {
      const edge = edgeOf(params.edge)
      const tenants = body.tenants.map(tenantOf)
      await told(edge, 'UPDATE', [...servedBy(edge), ...tenants], requestId)
      await registry.setTenants(edge, tenants)
      return { edge: params.edge, tenants: body.tenants }
    },
  )

  app.post<{ Params: { edge: string } }>(
    '/v1/edges/:edge/revoke',
    { schema: { summary: 'Revoke an edge for good; its link is cut at once', params: EdgeParams } },
    async ({ params, id: requestId }) => {
      const edge = edgeOf(params.edge)
      await told(edge, 'DELETE', servedBy(edge), requestId)
      await registry.revoke(edge, actor)
      return { edge: params.edge, revoked: true }
    },
  )
}
