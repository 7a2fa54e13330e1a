import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createOutbound, ManualClock, YizhanError } from '@yizhan/kernel'
import {
  collect,
  DONE,
  delta,
  event,
  failsWith,
  finish,
  open,
  question,
  startServer,
  stream,
  until,
} from '../../testing/model-server.js'
import { createOpenAi } from './openai.js'

test('what is no stream of answers is a typed failure', async (t) => {
  const cases: Record<string, (response: ServerResponse) => void> = {
    'an event that is not JSON': (response) => stream(response).end('data: {"choices": [\n\n'),
    'an event that is no object': (response) => stream(response).end('data: 7\n\n'),
    'bytes that are not UTF-8': (response) =>
      stream(response).end(Buffer.from(delta('a\u00ff') + finish() + DONE, 'latin1')),
    'a character cut off at the end': (response) =>
      stream(response).end(Buffer.concat([Buffer.from(delta('a') + finish()), Buffer.from([0xe4, 0xb8])])),
    'an event without end': (response) => stream(response).end(`data: ${'x'.repeat(300 * 1024)}`),
    'nothing at all': (response) => stream(response).end(),
    'plain JSON': (response) => response.end('{"choices":[{"message":{"content":"hi"}}]}'),
    'an answer without text': (response) => stream(response).end(finish() + DONE),
    'only thoughts': (response) =>
      stream(response).end(
        event({ choices: [{ delta: { reasoning_content: 'hm' } }] }) + finish('length') + DONE,
      ),
    'a stream that stops in the middle': (response) => stream(response).end(delta('half')),
    'a connection that breaks in the middle': (response) => {
      stream(response).write(delta('half'))
      setImmediate(() => response.destroy())
    },
    'an error event': (response) => stream(response).end(event({ error: { message: 'boom', code: 500 } })),
  }
  const names = Object.keys(cases)
  const { backend } = await startServer(t, (response, _request, body) => {
    // The question stands last, behind the documents.
    const name = JSON.parse(body).messages.at(-1).content.split('\n').at(-1)
    cases[name]?.(response)
  })
  for (const name of names) {
    await assert.rejects(
      collect(backend().generate({ ...question, question: name }, open())),
      failsWith('backend_failed', true),
      name,
    )
  }
})

test('each status is a typed failure, and its words are never repeated', async (t) => {
  let status = 200
  let body = ''
  let headers: Record<string, string> = {}
  const { backend } = await startServer(t, (response) => {
    response.writeHead(status, headers).end(body)
  })
  const fails = async (check: (thrown: unknown) => boolean) => {
    await assert.rejects(collect(backend({ apiKey: 'k-s3cret' }).generate(question, open())), (thrown) => {
      assert.ok(!JSON.stringify([String(thrown), thrown]).includes('s3cret'))
      return check(thrown)
    })
  }
  body = JSON.stringify({ error: { message: 'Incorrect API key: k-s3cret', code: 'invalid_api_key' } })
  status = 401
  await fails(failsWith('backend_failed', false, { status: 401, codes: ['invalid_api_key'] }))
  status = 403
  await fails(failsWith('backend_failed', false))
  status = 404
  await fails(failsWith('backend_failed', false))
  status = 400
  await fails(failsWith('backend_failed', false))
  status = 503
  body = '<html>'
  await fails(failsWith('backend_failed', true, { status: 503 }))
  status = 307
  headers = { location: 'http://169.254.169.254/' }
  await fails(failsWith('backend_failed', false, { status: 307 }))
  status = 429
  headers = { 'retry-after': '7' }
  await fails(failsWith('overloaded', true, { retryAfterMs: 7_000 }))
  headers = { 'retry-after-ms': '250' }
  await fails(failsWith('overloaded', true, { retryAfterMs: 250 }))
  headers = { 'retry-after': new Date(1_800_000_000_000 + 90_000).toUTCString() }
  await fails(failsWith('overloaded', true, { retryAfterMs: 90_000 }))
  headers = { 'retry-after': 'soon' }
  await fails(failsWith('overloaded', true, { retryAfterMs: undefined }))
  body = JSON.stringify({ error: { message: 'You exceeded your quota', type: 'insufficient_quota' } })
  await fails(failsWith('overloaded', false, { status: 429 }))
})

test('a server that is not there is a failure that may pass', async (t) => {
  const outbound = createOutbound()
  t.after(() => outbound.close())
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  server.close()
  await once(server, 'close')
  const backend = createOpenAi({ http: outbound, clock: new ManualClock() }, { url, model: 'm' })
  await assert.rejects(collect(backend.generate(question, open())), failsWith('backend_failed', true))
  await assert.rejects(backend.probe(open()), failsWith('backend_failed', true))
})

test('a server that says nothing is given up, before the first token and between tokens', async (t) => {
  let say = ''
  let closed = 0
  const { backend, clock, requests } = await startServer(t, (response) => {
    response.on('close', () => closed++)
    if (say !== '') stream(response).write(say)
  })
  const limits = { firstTokenMs: 1_000, betweenTokensMs: 500, totalMs: 60_000 }
  const silent = collect(backend(limits).generate(question, open()))
  silent.catch(() => undefined)
  await until(() => requests.length === 1)
  clock.advance(1_000)
  await assert.rejects(silent, failsWith('deadline_exceeded', true, { phase: 'first token' }))
  await until(() => closed === 1)

  // A role without text is no token yet.
  say = event({ choices: [{ delta: { role: 'assistant', content: '' } }] }) + delta('a')
  const half = backend(limits).generate(question, open())[Symbol.asyncIterator]()
  assert.equal((await half.next()).value?.type, 'text')
  const next = half.next()
  clock.advance(500)
  await assert.rejects(next, failsWith('deadline_exceeded', true, { phase: 'between tokens' }))
  await until(() => closed === 2)

  const slow = backend({ ...limits, totalMs: 2_000 })
    .generate(question, open())
    [Symbol.asyncIterator]()
  assert.equal((await slow.next()).value?.type, 'text')
  // The reader takes its time: that counts for the whole, not as silence of the server.
  clock.advance(1_999)
  const more = slow.next()
  clock.advance(1)
  await assert.rejects(more, failsWith('deadline_exceeded', true, { phase: 'total' }))
  await until(() => closed === 3)
  assert.equal(clock.pending, 0)
})

test('a server that takes a request and sends no head is given up', async (t) => {
  const { backend, clock, requests } = await startServer(t, () => undefined)
  const late = collect(backend({ headersMs: 400, firstTokenMs: 1_000 }).generate(question, open()))
  late.catch(() => undefined)
  await until(() => requests.length === 1)
  clock.advance(400)
  await assert.rejects(late, failsWith('deadline_exceeded', true, { phase: 'headers' }))
  assert.equal(clock.pending, 0)
})

test('what the head took of the time to the first token is gone', async (t) => {
  const outbound = createOutbound()
  t.after(() => outbound.close())
  let heads = 0
  const request = async (...asked: Parameters<typeof outbound.request>) => {
    const response = await outbound.request(...asked)
    heads++
    return response
  }
  let sendHead = (): void => undefined
  const { backend, clock, requests } = await startServer(t, (response) => {
    sendHead = () => stream(response).flushHeaders()
  })
  const http = { request: request as typeof outbound.request }
  const silent = collect(
    backend({ headersMs: 400, firstTokenMs: 1_000 }, { http }).generate(question, open()),
  )
  silent.catch(() => undefined)
  await until(() => requests.length === 1)
  clock.advance(399)
  sendHead()
  await until(() => heads === 1)
  clock.advance(601)
  await assert.rejects(silent, failsWith('deadline_exceeded', true, { phase: 'first token' }))
})

test('an abort closes the connection to the server at once, with the reason that was given', async (t) => {
  let closed = 0
  const { backend, clock, requests } = await startServer(t, (response) => {
    response.on('close', () => closed++)
    stream(response).write(delta('a'))
  })
  const stop = new AbortController()
  const answer = backend().generate(question, stop.signal)[Symbol.asyncIterator]()
  await answer.next()
  const next = answer.next()
  stop.abort(new YizhanError('cancelled', 'not wanted'))
  await assert.rejects(next, failsWith('cancelled', false))
  await until(() => closed === 1)

  const left = backend().generate(question, open())[Symbol.asyncIterator]()
  await left.next()
  await left.return?.()
  await until(() => closed === 2)

  await assert.rejects(collect(backend().generate(question, stop.signal)), failsWith('cancelled', false))
  assert.equal(requests.length, 2)
  assert.equal(clock.pending, 0)
})
