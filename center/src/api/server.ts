import { createHash, timingSafeEqual } from 'node:crypto'
import swagger from '@fastify/swagger'
import {
  isLoopback,
  type Logger,
  listenHttp,
  type Running,
  requestIdOf,
  useErrorReplies,
  useRequestIds,
  YizhanError,
} from '@yizhan/kernel'
import Fastify from 'fastify'
import { registerProbes } from './probes.js'
import { type ApiParts, registerRoutes } from './routes.js'

export interface ApiConfig {
  readonly host: string
  readonly port: number
  /** Bearer token that every route but the probes asks for. */
  readonly token: string
  /** How long requests under way have when the server stops; default 2,000. */
  readonly drainMs?: number
}

const DRAIN_MS = 2_000

export interface Api extends Running {
  readonly url: string
}

/**
 * The HTTP API. Loopback only until logins exist: another host is refused with `config_invalid`, a taken port with
 * `port_taken`. `stop` ends an apply under way, and gives every other request two seconds.
 */
export async function startApi(parts: ApiParts & { readonly log: Logger }, config: ApiConfig): Promise<Api> {
  refuseOpenApi(config.host)
  const app = Fastify({ logger: false, bodyLimit: 1024 * 1024, genReqId: requestIdOf })
  useErrorReplies(app, parts.log)
  useRequestIds(app)
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
  let stopping: Promise<void> | undefined
  const stop = async () => {
    // A client that never ends its request would keep the server open for ever.
    const timer = setTimeout(() => app.server.closeAllConnections(), config.drainMs ?? DRAIN_MS)
    await app.close()
    clearTimeout(timer)
  }
  return {
    url,
    done,
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

/** Throws `config_invalid` unless only this machine can reach the API: it has a token, but no logins yet. */
export function refuseOpenApi(host: string): void {
  if (isLoopback(host)) return
  throw new YizhanError('config_invalid', `api.host: ${host} is not a loopback address`, {
    hint: 'put a reverse proxy with its own login in front, or use ssh -L',
  })
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
