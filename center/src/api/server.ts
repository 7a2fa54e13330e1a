import { createHash, timingSafeEqual } from 'node:crypto'
import swagger from '@fastify/swagger'
import { type Logger, listenHttp, type Running, useErrorReplies, YizhanError } from '@yizhan/kernel'
import Fastify, { type FastifyInstance } from 'fastify'
import { type ApiParts, registerProbes, registerRoutes } from './routes.js'

export interface ApiConfig {
  readonly host: string
  readonly port: number
  /** Bearer token that every route but the probes asks for. */
  readonly token: string
}

export interface Api extends Running {
  readonly url: string
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/

/**
 * The HTTP API. Loopback only until logins exist: another host is refused with `config_invalid`, a taken port with
 * `port_taken`. `stop` lets requests under way finish.
 */
export async function startApi(parts: ApiParts & { readonly log: Logger }, config: ApiConfig): Promise<Api> {
  if (!LOOPBACK.test(config.host)) {
    throw new YizhanError('config_invalid', `api.host: ${config.host} is not a loopback address`, {
      hint: 'put a reverse proxy with its own login in front, or use ssh -L',
    })
  }
  const app = Fastify({ logger: false, bodyLimit: 1024 * 1024 })
  useErrorReplies(app, parts.log)
  await app.register(swagger, {
    openapi: {
      info: { title: 'Yizhan center', version: '1' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  })
  registerProbes(app, parts)
  await app.register(async (guarded) => {
    guarded.addHook('onRequest', async (request) => checkToken(request.headers.authorization, config.token))
    registerRoutes(guarded, parts, 'api-token')
    guarded.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  })
  const url = await listenHttp(app, { ...config, setting: 'api.port (or --api-port)' })
  const done = new Promise<void>((resolve) => app.server.once('close', resolve))
  return {
    url,
    done,
    stop: async () => app.close(),
  }
}

/** Constant in time: digests of equal length are compared. */
function checkToken(header: string | undefined, token: string): void {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const given = header?.startsWith('Bearer ') ? header.slice(7) : ''
  if (!timingSafeEqual(digest(given), digest(token))) {
    throw new YizhanError('unauthenticated', 'a bearer token is needed', {
      hint: 'it stands in <state>/api-token',
    })
  }
}
