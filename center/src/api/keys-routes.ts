import { Type } from '@sinclair/typebox'
import { type KeyStore, wantedSignals, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'
import type { CenterAudit } from '../audit/index.js'
import type { TenantCatalog } from '../tenants/index.js'
import { knownTenant, TenantParams } from './params.js'

export interface KeyRouteParts {
  readonly catalog: Pick<TenantCatalog, 'current'>
  readonly keys: Pick<KeyStore, 'status' | 'rotateKek' | 'rotateTenant' | 'exportTo'>
  /** Written before anything is done; if it throws, nothing is. */
  readonly audit: CenterAudit
}

const Closed = { additionalProperties: false } as const

/** Keys by count, never a key itself; rotation, and a copy on the center's own machine. */
export function registerKeys(
  app: FastifyInstance,
  { catalog, keys, audit }: KeyRouteParts,
  actor: string,
): void {
  const untilGone = wantedSignals(app, 'the center')

  app.get('/v1/keys', { schema: { summary: 'Keys by kind and epoch, damaged slots' } }, async () =>
    keys.status(),
  )

  app.post(
    '/v1/keys/kek/rotate',
    {
      schema: {
        summary: 'Wrap every key under the newest key-encryption key; go on where it was broken off',
      },
    },
    async ({ id: requestId }, reply) => {
      await audit({ tenant: null, actor, action: 'UPDATE', object: 'keys/kek', requestId })
      return keys.rotateKek(untilGone(reply.raw))
    },
  )

  app.post<{ Params: { tenant: string } }>(
    '/v1/tenants/:tenant/keys/rotate',
    { schema: { summary: 'A new key of the tenant; the older ones still open', params: TenantParams } },
    async ({ params, id: requestId }) => {
      const tenant = knownTenant(catalog, params.tenant)
      await audit({ tenant, actor, action: 'UPDATE', object: 'keys/tenant', requestId })
      return { tenant, ...(await keys.rotateTenant(tenant)) }
    },
  )

  app.post<{ Body: { to: string } }>(
    '/v1/keys/export',
    {
      schema: {
        summary: 'Copy the wrapped keys into a file of the center’s machine, over the former copy',
        body: Type.Object(
          { to: Type.String({ minLength: 1, maxLength: 4_096, description: 'absolute path' }) },
          Closed,
        ),
      },
    },
    async ({ body, id: requestId }, reply) => {
      if (!body.to.startsWith('/') || body.to.includes('\0')) {
        throw new YizhanError('invalid_argument', 'the path of the copy is not absolute')
      }
      await audit({ tenant: null, actor, action: 'READ', object: 'keys/copy', requestId })
      return { to: body.to, ...(await keys.exportTo(body.to, untilGone(reply.raw))) }
    },
  )
}
