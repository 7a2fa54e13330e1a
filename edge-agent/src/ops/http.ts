import {
  isLoopback,
  type Logger,
  listenHttp,
  type Metrics,
  type Running,
  useErrorReplies,
  validatorCompiler,
} from '@yizhan/kernel'
import Fastify from 'fastify'
import {
  type AuthMode,
  type ChatRoutesDeps,
  refuseOpenBind,
  registerChatRoutes,
  registerDemoRoutes,
} from '../channels/index.js'
import type { TenantHost } from '../tenants/index.js'

export interface HttpConfig {
  readonly host: string
  readonly port: number
  /** Of the chat behind the page: `open` is allowed on a loopback address only. */
  readonly authMode: AuthMode
  readonly webDir: string
  /** Socket of the demo's launcher, if the page shall have its switches; on a loopback address only. */
  readonly demoSocket?: string | undefined
}

export interface Http extends Running {
  readonly url: string
}

/** The chat page with its WebSocket, `/readyz` (a tenant is served) and, on a loopback address, `/metrics`. Throws `port_taken`, `config_invalid`. */
export async function startHttp(
  deps: {
    readonly tenants: Pick<TenantHost, 'list'>
    readonly channel: ChatRoutesDeps['channel']
    readonly metrics: Metrics
    readonly log: Logger
  },
  config: HttpConfig,
): Promise<Http> {
  refuseOpenBind(config.authMode, config.host, 'http.host')
  const app = Fastify({ logger: false, bodyLimit: 64 * 1024, forceCloseConnections: true })
  useErrorReplies(app, deps.log)
  app.setValidatorCompiler(validatorCompiler)
  await registerChatRoutes(app, { channel: deps.channel }, { webDir: config.webDir })
  app.get('/readyz', async (_request, reply) => {
    // Whose tenants are served here is nobody's business who has not logged in.
    const ready = deps.tenants.list().length > 0
    return reply.code(ready ? 200 : 503).send({ ready })
  })
  if (isLoopback(config.host) && config.demoSocket !== undefined) {
    registerDemoRoutes(app, { socketPath: config.demoSocket })
  }
  if (isLoopback(config.host)) {
    app.get('/metrics', async (_request, reply) =>
      reply.type(deps.metrics.contentType).send(await deps.metrics.render()),
    )
  }
  const url = await listenHttp(app, { ...config, setting: 'http.port (or --http-port)' })
  const done = new Promise<void>((resolve) => app.server.once('close', resolve))
  return { url, done, stop: async () => app.close() }
}
