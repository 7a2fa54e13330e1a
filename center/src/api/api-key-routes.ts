import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import type { ApiKey, ApiKeys } from '../front/api-keys.js'
import type { TenantCatalog } from '../tenants/index.js'
import { knownTenant, Name, TenantParams, timeIn } from './params.js'

export interface ApiKeyRouteParts {
  readonly catalog: Pick<TenantCatalog, 'current'>
  readonly apiKeys: Pick<ApiKeys, 'create' | 'list' | 'revoke'>
}

const Closed = { additionalProperties: false } as const
const Label = Type.String({ minLength: 1, maxLength: 100 })

/** Keys by which programs reach the OpenAI-compatible front. A secret is told once, when it is made. */
export function registerApiKeys(
  app: FastifyInstance,
  { catalog, apiKeys }: ApiKeyRouteParts,
  actor: string,
): void {
  app.get<{ Params: { tenant: string } }>(
    '/v1/tenants/:tenant/api-keys',
    { schema: { summary: 'The tenant’s API keys, without their secrets', params: TenantParams } },
    async ({ params }) => apiKeys.list(knownTenant(catalog, params.tenant)).map(told),
  )

  app.post<{ Params: { tenant: string }; Body: { name: string; user?: string; expiresAt?: string } }>(
    '/v1/tenants/:tenant/api-keys',
    {
      schema: {
        summary: 'A new API key; its secret is told this once',
        params: TenantParams,
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 100, description: 'what it is for' }),
            user: Type.Optional({ ...Label, description: 'pseudonym that its requests count as' }),
            expiresAt: Type.Optional(Type.String({ description: 'ISO 8601', maxLength: 40 })),
          },
          Closed,
        ),
      },
    },
    async ({ params, body, id: requestId }) => {
      const { expiresAt, ...rest } = body
      const key = {
        ...rest,
        ...(expiresAt === undefined ? {} : { expiresAt: timeIn('expiresAt', expiresAt) }),
      }
      const { secret, ...made } = await apiKeys.create(knownTenant(catalog, params.tenant), key, {
        actor,
        requestId,
      })
      return { ...told(made), secret }
    },
  )

  app.post<{ Params: { tenant: string; key: string } }>(
    '/v1/tenants/:tenant/api-keys/:key/revoke',
    {
      schema: {
        summary: 'Revoke an API key for good',
        params: Type.Object({ tenant: Name, key: Type.String({ pattern: '^[0-9a-z]{1,40}$' }) }),
      },
    },
    async ({ params, id: requestId }) =>
      told(await apiKeys.revoke(knownTenant(catalog, params.tenant), params.key, { actor, requestId })),
  )
}

function told({ createdAt, expiresAt, revokedAt, ...key }: ApiKey): Record<string, unknown> {
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    ...key,
    createdAt: iso(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: iso(expiresAt) }),
    ...(revokedAt === undefined ? {} : { revokedAt: iso(revokedAt) }),
  }
}
