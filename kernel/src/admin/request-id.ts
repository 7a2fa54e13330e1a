import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'

const WELL_FORMED = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/

/** For fastify's `genReqId`: the caller's own `x-request-id` if it is 1–64 of `A-Z a-z 0-9 . _ : -`, else a random one. */
export function requestIdOf(request: { readonly headers: IncomingHttpHeaders }): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && WELL_FORMED.test(given) ? given : randomUUID()
}

/** Every answer names its request's id, which also stands in the audit, as `x-request-id`. */
export function useRequestIds(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
}
