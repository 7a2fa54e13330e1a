import { Type } from '@sinclair/typebox'
import { adminCall, isLoopback, YizhanError } from '@yizhan/kernel'
import type { FastifyInstance, FastifyRequest } from 'fastify'

export interface DemoRoutesConfig {
  /** Of the launcher, which has the same routes. */
  readonly socketPath: string
}

/** What the launcher says of itself; the answer of each route. */
export interface DemoState {
  readonly link: 'up' | 'cut'
  readonly center: 'running' | 'stopped' | 'starting'
}

const LAUNCHER_MS = 15_000
const body = (...states: string[]) =>
  Type.Object(
    { state: Type.Union(states.map((state) => Type.Literal(state))) },
    { additionalProperties: false },
  )

/**
 * The demo's switches: `GET /demo`, `POST /demo/link {"state":"up"|"cut"}`, `POST /demo/center
 * {"state":"running"|"killed"}`, handed on to the launcher. For the page on this machine and nobody else.
 */
export function registerDemoRoutes(app: FastifyInstance, { socketPath }: DemoRoutesConfig): void {
  const timeoutMs = LAUNCHER_MS
  app.get('/demo', { onRequest: onlyFromHere }, () =>
    adminCall(socketPath, 'GET', '/demo', undefined, { timeoutMs }),
  )
  for (const [path, states] of [
    ['/demo/link', body('up', 'cut')],
    ['/demo/center', body('running', 'killed')],
  ] as const) {
    app.post(path, { onRequest: [onlyFromHere, onlyFromThePage], schema: { body: states } }, ({ body }) =>
      adminCall(socketPath, 'POST', path, body, { timeoutMs }),
    )
  }
}

/** A page of another name that was re-bound to this machine has that name in Host. */
async function onlyFromHere({ socket, headers }: FastifyRequest): Promise<void> {
  const { origin, host = '' } = headers
  const own = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined
  const here = isLoopback(socket.remoteAddress ?? '') && isLoopback(own?.hostname ?? '')
  if (here && (origin === undefined || origin === `http://${host}`)) return
  throw new YizhanError('permission_denied', 'the switches of the demo are for its own page on this machine')
}

/** Any page on the web can make a browser post; only its own origin can say so, and post JSON without asking first. */
async function onlyFromThePage({ headers }: FastifyRequest): Promise<void> {
  const json = /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')
  if (json && headers.origin !== undefined) return
  throw new YizhanError('permission_denied', 'the switches of the demo take JSON from their own page')
}
