import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import type { Quotas, QuotaUse } from '../admission/index.js'
import type { CenterAudit } from '../audit/index.js'
import type { Pool } from '../inference/index.js'
import type { TenantCatalog } from '../tenants/index.js'
import { TenantParams, tenantOf } from './params.js'

export interface InferenceRouteParts {
  readonly pool: Pick<Pool, 'state' | 'drain'>
  readonly quotas: Pick<Quotas, 'use'>
  readonly catalog: Pick<TenantCatalog, 'list'>
  /** Written before anything is done; if it throws, nothing is. */
  readonly audit: CenterAudit
}

const BackendParams = Type.Object({ backend: Type.String({ minLength: 1, maxLength: 64 }) })

/** The backends and what tenants have used of them. */
export function registerInference(
  app: FastifyInstance,
  { pool, quotas, catalog, audit }: InferenceRouteParts,
  actor: string,
): void {
  app.get(
    '/v1/backends',
    { schema: { summary: 'Every backend: state, credit, what runs there' } },
    async () => pool.state(),
  )

  for (const verb of ['drain', 'undrain'] as const) {
    app.post<{ Params: { backend: string } }>(
      `/v1/backends/:backend/${verb}`,
      {
        schema: {
          summary:
            verb === 'drain'
              ? 'Give a backend nothing new; what runs there goes on. Until a restart'
              : 'Give a backend requests again',
          params: BackendParams,
        },
      },
      async ({ params, id: requestId }) => {
        const known = pool.state().some(({ name }) => name === params.backend)
        if (known) {
          await audit({
            tenant: null,
            actor,
            action: 'UPDATE',
            object: `backends/${params.backend}`,
            requestId,
          })
        }
        return pool.drain(params.backend, verb === 'drain')
      },
    )
  }

  app.get(
    '/v1/quotas',
    { schema: { summary: 'What every tenant may use, and has used this month' } },
    async () => catalog.list().map(({ tenant }) => ({ tenant, ...shown(quotas.use(tenant)) })),
  )

  app.get<{ Params: { tenant: string } }>(
    '/v1/tenants/:tenant/quota',
    { schema: { summary: 'What a tenant may use, and has used this month', params: TenantParams } },
    async ({ params }) => {
      const tenant = tenantOf(params.tenant)
      return { tenant, ...shown(quotas.use(tenant)) }
    },
  )
}

function shown({ open, monthTokens, limits, userLimits }: QuotaUse): Record<string, unknown> {
  return { open, monthTokens, limits, userLimits }
}
