import { Type } from '@sinclair/typebox'
import { wantedSignals } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { ListedVersion, ModelDesk } from '../models/index.js'
import type { TenantCatalog, TenantSummary } from '../tenants/index.js'
import { knownTenant, Name, TenantParams } from './params.js'

export interface ModelRouteParts {
  readonly catalog: Pick<TenantCatalog, 'current'>
  readonly models: Pick<ModelDesk, 'list' | 'train' | 'publish' | 'rollBack' | 'evaluate'>
}

const Closed = { additionalProperties: false } as const
const Numbered = Type.Optional(Type.Integer({ minimum: 1, description: 'of the version' }))

interface OfTenant {
  readonly Params: { readonly tenant: string }
}

/** Versions of a tenant's model, apart from an apply. `actor` stands in the audit. */
export function registerModels(
  app: FastifyInstance,
  { catalog, models }: ModelRouteParts,
  actor: string,
): void {
  const untilGone = wantedSignals(app, 'the center')
  const at = '/v1/tenants/:tenant/models'
  const Params = Type.Object({ tenant: Name })

  app.get<OfTenant>(
    at,
    { schema: { summary: 'Versions of the model with their reports, newest first', params: TenantParams } },
    async ({ params }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      return { versions: (await models.list(tenant, untilGone(reply.raw))).map(shown) }
    },
  )

  app.post<OfTenant>(
    `${at}/train`,
    {
      schema: {
        summary: 'Train a candidate on the directory in force and on labelled questions',
        params: Params,
        body: Type.Object({}, Closed),
      },
    },
    async ({ params, id }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      return shown(await models.train(tenant, { actor, requestId: id }, untilGone(reply.raw)))
    },
  )

  app.get<OfTenant & { Querystring: { version?: number } }>(
    `${at}/evaluation`,
    {
      schema: {
        summary: 'Hold a version against the tests and held-out questions; default: the one in force',
        params: Params,
        querystring: Type.Object({ version: Numbered }, Closed),
      },
    },
    async ({ params, query: { version }, id }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      const by = { actor, requestId: id }
      return await models.evaluate(tenant, numbered(version), by, untilGone(reply.raw))
    },
  )

  app.post<OfTenant & { Body: { version?: number; force?: boolean } }>(
    `${at}/publish`,
    {
      schema: {
        summary: 'Put the candidate in force, unless it is worse than what is',
        params: Params,
        body: Type.Object(
          {
            version: Numbered,
            force: Type.Optional(Type.Boolean({ description: 'although it is worse; default false' })),
          },
          Closed,
        ),
      },
    },
    async ({ params, body: { version, force = false }, id }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      const by = { actor, requestId: id }
      const options = { ...numbered(version), force }
      return inForce(await models.publish(tenant, options, by, untilGone(reply.raw)))
    },
  )

  app.post<OfTenant & { Body: { version?: number } }>(
    `${at}/rollback`,
    {
      schema: {
        summary: 'Put a former version in force again; default: the one before',
        params: Params,
        body: Type.Object({ version: Numbered }, Closed),
      },
    },
    async ({ params, body: { version }, id }, reply) => {
      const tenant = knownTenant(catalog, params.tenant)
      const by = { actor, requestId: id }
      return inForce(await models.rollBack(tenant, numbered(version), by, untilGone(reply.raw)))
    },
  )
}

function numbered(version: number | undefined): { readonly number?: number } {
  return version === undefined ? {} : { number: version }
}

function shown({ number, madeAt, publishedAt, ...version }: ListedVersion) {
  return {
    version: number,
    ...version,
    madeAt: new Date(madeAt).toISOString(),
    ...(publishedAt === undefined ? {} : { publishedAt: new Date(publishedAt).toISOString() }),
  }
}

function inForce({ appliedAt, ...summary }: TenantSummary) {
  return { ...summary, appliedAt: new Date(appliedAt).toISOString() }
}
