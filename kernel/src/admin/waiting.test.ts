import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { YizhanError } from '../errors.js'
import { wantedSignals } from './waiting.js'

/** A server whose one route waits for ever; tells each signal that it waits with. */
async function waitingServer() {
  const app = Fastify()
  const signals: AbortSignal[] = []
  const arrived: (() => void)[] = []
  const wanted = wantedSignals(app, 'the server')
  app.post('/wait', async (_request, reply) => {
    const signal = wanted(reply.raw)
    signals.push(signal)
    const ended = new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    )
    for (const tell of arrived.splice(0)) tell()
    return await ended
  })
  app.get('/other', async () => 'ok')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, url, signals, arrival: () => new Promise<void>((resolve) => arrived.push(resolve)) }
}

const codeOf = (signal: AbortSignal | undefined) =>
  signal?.reason instanceof YizhanError ? signal.reason.code : undefined

test('who goes away ends the wait, and not the reading of the body before', async (t) => {
  const { app, url, signals, arrival } = await waitingServer()
  t.after(() => app.close())
  const client = new AbortController()
  const here = arrival()
  const gone = fetch(`${url}/wait`, { method: 'POST', body: 'x', signal: client.signal })
  await here
  // The body has been read to its end by now: that must not count as the client's going.
  assert.equal(await (await fetch(`${url}/other`)).text(), 'ok')
  assert.equal(signals[0]?.aborted, false)
  const ended = new Promise<void>((resolve) => signals[0]?.addEventListener('abort', () => resolve()))
  client.abort()
  await assert.rejects(gone)
  await ended
  assert.equal(codeOf(signals[0]), 'cancelled')
})

test('a server that stops ends every wait', async () => {
  const { app, url, signals, arrival } = await waitingServer()
  const here = arrival()
  const answer = fetch(`${url}/wait`, { method: 'POST' })
  await here
  await app.close()
  assert.equal((await answer).status, 500)
  assert.equal(codeOf(signals[0]), 'unavailable')
})
