import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { YizhanError } from '../errors.js'

/**
 * For routes that wait or work long: a signal per request that aborts once nobody wants its answer any more, with
 * `cancelled` when the client has gone and `unavailable` when the server stops. Call it while routes are registered.
 */
export function wantedSignals(app: FastifyInstance, name: string): (response: ServerResponse) => AbortSignal {
  const stopping = new AbortController()
  app.addHook('preClose', async () => {
    stopping.abort(new YizhanError('unavailable', `${name} is stopping`))
  })
  return (response) => AbortSignal.any([clientGone(response), stopping.signal])
}

/** Not `request.signal`: it aborts as soon as the body has been read, since that is when the request closes. */
function clientGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new YizhanError('cancelled', 'the client went away'))
  })
  return gone.signal
}
