import { type FastifyInstance, type FastifyServerOptions, fastify } from 'fastify'

/** Imported late: whoever only calls a server, or has none, would load a third of the kernel's time for nothing. */
export function newApp(options: FastifyServerOptions): FastifyInstance {
  return fastify(options)
}
