import { type EdgeId, type TenantId, wantedSignals, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { TenantCatalog, TenantInForce } from '../tenants/index.js'
import { registerApply } from './apply-routes.js'
import { knownTenant, TenantParams } from './params.js'

/** How far an edge is with the bundle that is in force for a tenant. */
export interface EdgeProgress {
  readonly edge: EdgeId
  readonly site: string
  readonly linked: boolean
  /** It runs what is in force. */
  readonly applied: boolean
  /** Why it refused that. */
  readonly rejected?: string
}

export interface TenantRouteParts {
  readonly catalog: TenantCatalog
  /** The edges that serve a tenant. */
  readonly progress: (tenant: TenantId) => Promise<readonly EdgeProgress[]>
}

/** What people ask of tenants and their directories. */
export function registerTenants(app: FastifyInstance, parts: TenantRouteParts, actor: string): void {
  const { catalog, progress } = parts

  app.get('/v1/tenants', { schema: { summary: 'Every tenant with what is in force' } }, async () =>
    catalog.list(),
  )

  const untilGone = wantedSignals(app, 'the center')
  registerApply(app, catalog, actor)

  app.get<{ Params: { tenant: string } }>(
    '/v1/tenants/:tenant',
    { schema: { summary: 'What a tenant consists of', params: TenantParams } },
    async ({ params }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      return described(await found(catalog, tenant, untilGone(reply.raw)))
    },
  )

  app.get<{ Params: { tenant: string } }>(
    '/v1/tenants/:tenant/files',
    { schema: { summary: 'The directory in force, in base64', params: TenantParams } },
    async ({ params }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      const { files, summary } = await found(catalog, tenant, untilGone(reply.raw))
      return {
        tenant,
        version: summary.version,
        files: Object.fromEntries(
          [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]),
        ),
      }
    },
  )

  app.get<{ Params: { tenant: string } }>(
    '/v1/tenants/:tenant/edges',
    { schema: { summary: 'Which edges run what is in force', params: TenantParams } },
    async ({ params }) => {
      const tenant = knownTenant(catalog, params.tenant)
      return { tenant, digest: catalog.current(tenant)?.digest ?? '', edges: await progress(tenant) }
    },
  )
}

async function found(catalog: TenantCatalog, tenant: TenantId, signal: AbortSignal): Promise<TenantInForce> {
  const inForce = await catalog.inForce(tenant, signal)
  if (inForce) return inForce
  throw new YizhanError('not_found', 'no tenant of this name has been applied', { hint: 'tenant list' })
}

function described({ summary, appliedBy, source, kept }: TenantInForce): Record<string, unknown> {
  const base = { ...summary, appliedAt: new Date(summary.appliedAt).toISOString(), appliedBy }
  if (!source) {
    throw new YizhanError('failed_precondition', 'this version cannot read what is in force', {
      hint: `apply the directory of ${summary.tenant} again`,
    })
  }
  const { file, examples, documents, channels, sites, tasks, tests } = source
  const questions = new Map<string, number>()
  for (const { intent } of examples) questions.set(intent, (questions.get(intent) ?? 0) + 1)
  return {
    ...base,
    intents: Object.entries(file.intents).map(([id, { reply, slots }]) => ({
      id,
      kind: reply.kind,
      questions: questions.get(id) ?? 0,
      ...(slots ? { slots: slots.map(({ name }) => name) } : {}),
    })),
    documents: documents.map(({ id, title, knowledge }) => ({ file: id, title, knowledge })),
    cards: Object.keys(file.cards ?? {}),
    handoffs: (file.handoffs ?? []).map(({ name }) => name),
    tasks: tasks.map(({ task_id }) => task_id),
    channels: channels.map(({ name }) => name),
    sites: sites.length,
    tests: tests.length,
    kept,
  }
}
