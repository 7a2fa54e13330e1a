import { readFile } from 'node:fs/promises'
import {
  type Clock,
  isLoopback,
  type Logger,
  listenHttp,
  type Metrics,
  type Running,
  requestIdOf,
  useRequestIds,
  validatorCompiler,
  wantedSignals,
  YizhanError,
} from '@yizhan/kernel'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Admission, Backend, Embedder, Retriever } from '../inference/port.js'
import type { ApiKeys, Caller } from './api-keys.js'
import { ChatRun } from './chat.js'
import { ChatBody } from './chat-body.js'
import { chatOrder, isAnyModel } from './chat-order.js'
import type { FrontConfig } from './config.js'
import { EmbeddingsBody, embeddings } from './embeddings.js'
import { frontMeters } from './meters.js'
import { useOpenAiErrors } from './openai-error.js'

/** The center's own certificate, PEM; it may be exchanged while the listener serves. */
export interface FrontTls {
  current(): { readonly key: string; readonly cert: string; readonly ca: string }
  onChange(fn: () => void): () => void
}

export interface FrontDeps {
  readonly keys: Pick<ApiKeys, 'caller'>
  readonly backends: readonly Backend[]
  readonly embedders: readonly Embedder[]
  readonly admission: Admission
  readonly retriever: Retriever
  readonly tls: FrontTls
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
}

export interface Front extends Running {
  readonly url: string
}

/** How long requests under way have when the front stops. */
const DRAIN_MS = 2_000
const REQUEST_MS = 60_000

/**
 * The OpenAI-compatible front: `/v1/chat/completions`, `/v1/embeddings`, `/v1/models`, each with a tenant's API key. `stop`
 * aborts what runs after two seconds. Throws `config_invalid`, `port_taken`.
 */
export async function startFront(deps: FrontDeps, config: FrontConfig & { port: number }): Promise<Front> {
  const { keys, log, metrics } = deps
  const https = await tlsOf(deps.tls, config)
  const options = {
    logger: false,
    bodyLimit: config.maxBodyBytes,
    genReqId: requestIdOf,
    requestTimeout: REQUEST_MS,
  } as const
  const app = (https ? Fastify({ ...options, https: https.options }) : Fastify(options)) as FastifyInstance
  app.server.maxConnections = config.maxConnections
  const meters = frontMeters(metrics)
  const callers = new WeakMap<FastifyRequest, Caller>()
  app.setValidatorCompiler(validatorCompiler)
  useOpenAiErrors(app, log)
  useRequestIds(app)
  await app.register(async (guarded) => {
    // Before the body is read.
    guarded.addHook('onRequest', async (request) => {
      const caller = keys.caller(bearerOf(request.headers.authorization))
      if (!caller) {
        meters.refused('key')
        throw new YizhanError('unauthenticated', 'Incorrect API key provided', { hint: 'api-keys create' })
      }
      callers.set(request, caller)
    })
    const callerOf = (request: FastifyRequest): Caller => {
      const caller = callers.get(request)
      if (!caller) throw new YizhanError('internal', 'a request came past its key')
      return caller
    }
    registerRoutes(guarded, { ...deps, meters, callerOf }, config)
  })
  const plainUrl = await listenHttp(app, { host: config.host, port: config.port, setting: 'front.port' })
  const forget = https?.watch(app)
  const done = new Promise<void>((resolve) => app.server.once('close', resolve))
  let stopping: Promise<void> | undefined
  const stop = async () => {
    forget?.()
    const timer = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS)
    await app.close()
    clearTimeout(timer)
  }
  return {
    url: https ? plainUrl.replace(/^http:/, 'https:') : plainUrl,
    done,
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

function registerRoutes(
  app: FastifyInstance,
  deps: FrontDeps & {
    readonly meters: ReturnType<typeof frontMeters>
    callerOf(request: FastifyRequest): Caller
  },
  config: FrontConfig,
): void {
  const { backends, callerOf, clock, embedders } = deps
  const wanted = wantedSignals(app, 'the center')
  const created = Math.floor(clock.wall() / 1_000)
  const models = () => {
    const ids = new Set([...backends, ...embedders].map(({ model }) => model))
    return [...ids].map((id) => ({ id, object: 'model', created, owned_by: 'yizhan' }))
  }

  app.get('/v1/models', async () => ({ object: 'list', data: models() }))

  app.get<{ Params: { '*': string } }>('/v1/models/*', async ({ params }) => {
    const model = models().find(({ id }) => id === params['*'])
    if (!model) throw unknownModel(params['*'])
    return model
  })

  app.post<{ Body: ChatBody }>(
    '/v1/chat/completions',
    { schema: { body: ChatBody } },
    async (request, reply) => {
      const { body } = request
      const { traceparent } = request.headers
      const given = typeof traceparent === 'string' ? traceparent : undefined
      const order = chatOrder(callerOf(request), body, given)
      if (!backends.some(order.fits)) throw unknownModel(body.model)
      const run = new ChatRun(deps, config, order, request.id)
      const signal = wanted(reply.raw)
      if (!order.stream) return run.whole(signal)
      await run.stream(reply.raw, { 'x-request-id': request.id }, signal)
      return reply.hijack()
    },
  )

  app.post<{ Body: EmbeddingsBody }>(
    '/v1/embeddings',
    { schema: { body: EmbeddingsBody } },
    async (request, reply) => {
      const { body } = request
      const embedder = isAnyModel(body.model)
        ? embedders[0]
        : embedders.find(({ model }) => model === body.model)
      if (!embedder) throw unknownModel(body.model)
      return embeddings({ ...deps, embedder }, callerOf(request), body, wanted(reply.raw))
    },
  )
}

function unknownModel(model: string): YizhanError {
  return new YizhanError(
    'not_found',
    `The model ${JSON.stringify(model.slice(0, 200))} does not exist here`,
    {
      details: { param: 'model', openAiCode: 'model_not_found' },
    },
  )
}

function bearerOf(header: string | undefined): string {
  return /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? ''
}

interface Https {
  readonly options: { readonly key: string; readonly cert: string; readonly minVersion: 'TLSv1.2' }
  watch(app: FastifyInstance): () => void
}

/** Undefined: plain HTTP, on this machine or behind a proxy. */
async function tlsOf(own: FrontTls, { host, tls }: FrontConfig): Promise<Https | undefined> {
  const { certFile, keyFile, mode } = tls
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new YizhanError('config_invalid', 'front.tls names a certificate or a key without the other')
  }
  const on = mode === undefined ? !isLoopback(host) || certFile !== undefined : mode === 'on'
  if (!on) return undefined
  // Programs of others speak to it, and some of them stop at 1.2.
  const minVersion = 'TLSv1.2'
  if (certFile !== undefined && keyFile !== undefined) {
    const [cert, key] = await Promise.all([pem(certFile, 'certFile'), pem(keyFile, 'keyFile')])
    return { options: { cert, key, minVersion }, watch: () => () => undefined }
  }
  const now = () => {
    const { key, cert, ca } = own.current()
    return { key, cert: `${cert}\n${ca}`, minVersion } as const
  }
  return {
    options: now(),
    watch: (app) =>
      own.onChange(() => {
        if ('setSecureContext' in app.server)
          (app.server as import('node:https').Server).setSecureContext(now())
      }),
  }
}

async function pem(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new YizhanError('config_invalid', `front.tls.${setting} cannot be read`, { cause })
  }
}
