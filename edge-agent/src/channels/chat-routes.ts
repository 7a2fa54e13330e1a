import type { IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants } from 'node:zlib'
import compress from '@fastify/compress'
import fastifyStatic from '@fastify/static'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import type { ChannelAdapter } from './port.js'

export interface ChatRoutesDeps {
  readonly channel: ChannelAdapter & {
    readonly maxPacketBytes: number
    upgradeProblem(request: IncomingMessage): string | undefined
    handleWebSocket(socket: WebSocket, request: IncomingMessage): void
  }
}

export interface ChatRoutesConfig {
  /** Directory of the chat page. */
  readonly webDir: string
}

// No inline script or style, nothing from elsewhere, no frame around it. `'self'` covers the page's own WebSocket.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // Markup becomes elements through the sanitizer only.
  "require-trusted-types-for 'script'",
  'trusted-types dompurify',
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  // Asked for again with its ETag: a page after an upgrade is never half old.
  'cache-control': 'no-cache',
}

// Twice as fast as the default and within a tenth of its size; every first load compresses anew.
const BROTLI_QUALITY = 5

/** What the page takes from elsewhere as it is, by the name it has there. */
const LIBRARIES: Readonly<Record<string, string>> = {
  'mqtt.js': 'mqtt/dist/mqtt.min',
  'marked.js': 'marked',
  'purify.js': 'dompurify/dist/purify.min.js',
}

const PROTOCOLS = ['mqtt', 'mqttv3.1']

/** The chat page at `/`, MQTT over WebSocket at `/mqtt`, `/healthz` for load balancers. */
export async function registerChatRoutes(
  app: FastifyInstance,
  { channel }: ChatRoutesDeps,
  { webDir }: ChatRoutesConfig,
): Promise<void> {
  await app.register(websocket, {
    options: {
      maxPayload: channel.maxPacketBytes,
      handleProtocols: (offered: Set<string>) => PROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
    },
    // A client that breaks the framing; the broker sees its connection end.
    errorHandler: (_error, socket) => socket.terminate(),
  })
  app.get(
    '/mqtt',
    {
      websocket: true,
      preValidation: async (request, reply) => {
        if (!request.ws) return
        const problem = channel.upgradeProblem(request.raw)
        if (problem !== undefined) {
          await reply.code(403).send({ error: { code: 'permission_denied', message: problem } })
        }
      },
    },
    (socket, request) => channel.handleWebSocket(socket, request.raw),
  )
  app.get('/healthz', async (_request, reply) => {
    const { state } = channel.health()
    await reply.code(state === 'closed' ? 503 : 200).send({ status: state === 'closed' ? 'closed' : 'ok' })
  })
  await app.register(compress, {
    encodings: ['br', 'gzip'],
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } },
  })
  await app.register(fastifyStatic, {
    root: webDir,
    cacheControl: false,
    setHeaders(response, path) {
      // Of what a browser opens as a document; forty modules need not say it again.
      if (!/\.(js|css)$/.test(path)) response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY)
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    },
  })
  const { resolve } = createRequire(import.meta.url)
  for (const [name, module] of Object.entries(LIBRARIES)) {
    const file = resolve(module)
    app.get(`/${name}`, (_request, reply) => reply.sendFile(basename(file), dirname(file)))
  }
  // The page puts streamed pieces together with the same code as the terminal client.
  const shared = fileURLToPath(new URL('../chat/', import.meta.url))
  app.get('/streamed-text.js', (_request, reply) => reply.sendFile('streamed-text.js', shared))
}
