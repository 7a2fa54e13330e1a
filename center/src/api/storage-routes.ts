import { Type } from '@sinclair/typebox'
import { wantedSignals } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { CenterAudit } from '../audit/index.js'
import type { ScopeCheck, StorageUpkeep, TenantHome, TenantMove } from '../storage/index.js'
import { Name, TenantParams, tenantOf } from './params.js'

export interface StorageRouteParts {
  readonly upkeep: StorageUpkeep
  /** Written before anything is done; if it throws, nothing is. */
  readonly audit: CenterAudit
}

const Closed = { additionalProperties: false } as const
const Place = Type.String({ minLength: 1, maxLength: 64, description: 'such as shard-1 or postgres' })

/** Where tenants live, whether their data is whole, and moves between places. */
export function registerStorage(
  app: FastifyInstance,
  { upkeep, audit }: StorageRouteParts,
  actor: string,
): void {
  const untilGone = wantedSignals(app, 'the center')

  app.get('/v1/storage/places', { schema: { summary: 'Places with their tenants and bytes' } }, async () =>
    upkeep.places(),
  )

  app.get<{ Querystring: { cursor?: string; limit?: number } }>(
    '/v1/storage/tenants',
    {
      schema: {
        summary: 'Where every tenant lives, in the order of their ids',
        querystring: Type.Object(
          {
            cursor: Type.Optional(Name),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, description: 'default 100' })),
          },
          Closed,
        ),
      },
    },
    async ({ query }) => {
      const { tenants, cursor } = await upkeep.tenants(query)
      return { tenants: tenants.map(shownHome), ...(cursor === undefined ? {} : { cursor }) }
    },
  )

  app.get<{ Params: { tenant: string } }>(
    '/v1/storage/tenants/:tenant',
    { schema: { summary: 'Where a tenant lives, and what is stored of it', params: TenantParams } },
    async ({ params }) => {
      const tenant = tenantOf(params.tenant)
      return { ...shownHome(await upkeep.tenant(tenant)), diskBytes: await upkeep.size(tenant) }
    },
  )

  app.get('/v1/storage/moves', { schema: { summary: 'Moves that have not ended' } }, async () =>
    upkeep.moves().map(shownMove),
  )

  app.post(
    '/v1/storage/moves/settle',
    { schema: { summary: 'Undo or end the moves that a crash left; those that remain' } },
    async () => (await upkeep.settleMoves()).map(shownMove),
  )

  app.post(
    '/v1/storage/system/check',
    { schema: { summary: 'Read everything that belongs to no tenant, and hold it against its head' } },
    async (_request, reply) => ({
      tenant: null,
      ...shownCheck(await upkeep.check(null, untilGone(reply.raw))),
    }),
  )

  app.post<{ Params: { tenant: string } }>(
    '/v1/storage/tenants/:tenant/check',
    {
      schema: { summary: 'Read everything of a tenant, and hold it against its head', params: TenantParams },
    },
    async ({ params }, reply) => {
      const tenant = tenantOf(params.tenant)
      return { tenant, ...shownCheck(await upkeep.check(tenant, untilGone(reply.raw))) }
    },
  )

  app.post<{ Params: { tenant: string }; Body: { to: string } }>(
    '/v1/storage/tenants/:tenant/move',
    {
      schema: {
        summary: 'Move a tenant; it takes no writes meanwhile; undone if the caller goes away',
        params: TenantParams,
        body: Type.Object({ to: Place }, Closed),
      },
    },
    async ({ params, body, id: requestId }, reply) => {
      const tenant = tenantOf(params.tenant)
      const { place } = await upkeep.tenant(tenant)
      const known = (await upkeep.places()).some((one) => one.place === body.to)
      if (known && place !== body.to) {
        await audit({ tenant, actor, action: 'UPDATE', object: `storage/${body.to}`, requestId })
      }
      return upkeep.move(tenant, body.to, untilGone(reply.raw))
    },
  )

  app.post<{ Body: { tenant?: string } }>(
    '/v1/storage/compact',
    {
      schema: {
        summary: 'Give freed space back, of one tenant or of everything',
        body: Type.Object({ tenant: Type.Optional(Name) }, Closed),
      },
    },
    async ({ body }, reply) => {
      const bytes = async () => (await upkeep.places()).reduce((sum, place) => sum + place.bytes, 0)
      const before = await bytes()
      const scope = body.tenant === undefined ? undefined : tenantOf(body.tenant)
      await upkeep.compact(scope, untilGone(reply.raw))
      return { bytesBefore: before, bytesAfter: await bytes() }
    },
  )

  app.post<{ Params: { tenant: string } }>(
    '/v1/storage/tenants/:tenant/reseal',
    { schema: { summary: 'Seal every record of a tenant anew under its newest keys', params: TenantParams } },
    async ({ params, id: requestId }, reply) => {
      const tenant = tenantOf(params.tenant)
      await upkeep.tenant(tenant)
      await audit({ tenant, actor, action: 'UPDATE', object: 'storage/seals', requestId })
      return { tenant, ...(await upkeep.reseal(tenant, untilGone(reply.raw))) }
    },
  )
}

function shownHome({ tenant, place, head, move }: TenantHome): Record<string, unknown> {
  return {
    tenant,
    place,
    records: head?.records ?? 0,
    bytes: head?.bytes ?? 0,
    auditEntries: head?.auditSequence ?? 0,
    ...(move ? { move: `${move.step}: ${move.from} to ${move.to}` } : {}),
  }
}

function shownMove({ since, ...move }: TenantMove): Record<string, unknown> {
  return { ...move, since: new Date(since).toISOString() }
}

/** Keys are ids; the list of problems is cut, their number is not. */
function shownCheck({ records, auditEntries, problems, problemCount }: ScopeCheck): Record<string, unknown> {
  return { records, auditEntries, problemCount, problems: problems.slice(0, 100) }
}
