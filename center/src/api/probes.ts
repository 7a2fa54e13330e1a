import type { Metrics } from '@yizhan/kernel'
import type { FastifyInstance } from 'fastify'

export interface ProbeParts {
  readonly metrics: Metrics
  /** Undefined when every part works, else what does not. */
  notReady(): string | undefined
}

/** `/healthz`, `/readyz` and `/metrics`, which need no token. */
export function registerProbes(app: FastifyInstance, parts: ProbeParts): void {
  app.get('/healthz', { schema: { hide: true } }, async () => ({ ok: true }))
  app.get('/readyz', { schema: { hide: true } }, async (_request, reply) => {
    const why = parts.notReady()
    return why === undefined ? { ready: true } : reply.code(503).send({ ready: false, why })
  })
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await parts.metrics.render()),
  )
}
