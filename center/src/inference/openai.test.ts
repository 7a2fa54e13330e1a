import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { asTenantId, createOutbound, ManualClock, YizhanError } from '@yizhan/kernel'
import { createOpenAi, type OpenAiConfig } from './openai.js'
import type { GenerateRequest, Passage, Piece } from './port.js'

type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void | Promise<void>

/** A model server on a real port that does what the test says. */
async function startServer(t: TestContext, answer: Answer) {
  const requests: { path: string; headers: IncomingMessage['headers']; body: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      requests.push({ path: request.url ?? '', headers: request.headers, body })
      void answer(response, request, body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const outbound = createOutbound()
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await outbound.close()
  })
  const clock = new ManualClock()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const backend = (config: Partial<OpenAiConfig> = {}) =>
    createOpenAi({ fetch: outbound.fetch, clock }, { url, model: 'm-1', ...config })
  return { url, clock, requests, backend }
}

const tenant = (() => {
  const id = asTenantId('acme')
  assert.ok(id)
  return id
})()

const passages: Passage[] = ['one', 'two', 'three'].map((name, index) => ({
  document: `${name}.md`,
  title: name.toUpperCase(),
  heading: 'H',
  text: `text of ${name}`,
  score: 1 - index / 10,
}))

const question: GenerateRequest = { tenant, question: '怎么连 VPN？', locale: 'zh-CN', history: [], passages }
const open = () => new AbortController().signal

async function collect(stream: AsyncIterable<Piece>) {
  const pieces: Piece[] = []
  for await (const piece of stream) pieces.push(piece)
  const end = pieces.find((piece) => piece.type === 'end')
  const cited = pieces.find((piece) => piece.type === 'citations')
  return {
    text: pieces.map((piece) => (piece.type === 'text' ? piece.text : '')).join(''),
    texts: pieces.filter((piece) => piece.type === 'text').length,
    documents: cited?.citations.map((citation) => citation.document) ?? [],
    end,
  }
}

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const delta = (content: string) => event({ choices: [{ index: 0, delta: { content } }] })
const finish = (reason = 'stop') => event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] })
const DONE = 'data: [DONE]\n\n'

function stream(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' })
}

function failsWith(code: string, retryable: boolean, details: Record<string, unknown> = {}) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError, String(thrown))
    assert.equal(thrown.code, code)
    assert.equal(thrown.retryable, retryable)
    for (const [key, value] of Object.entries(details)) assert.deepEqual(thrown.details[key], value, key)
    return true
  }
}

test('an address that is none, or holds a password, is refused without being repeated', () => {
  for (const url of ['', 'not an address', 'ftp://host', 'http://me:s3cret@host/v1']) {
    assert.throws(
      () => createOpenAi({ fetch: createOutbound().fetch, clock: new ManualClock() }, { url, model: 'm' }),
      (thrown: unknown) => {
        assert.ok(thrown instanceof YizhanError)
        assert.equal(thrown.code, 'config_invalid')
        assert.ok(!thrown.message.includes('s3cret'))
        return true
      },
    )
  }
})

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
    const name = JSON.parse(body).messages.at(-1).content
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
  const backend = createOpenAi({ fetch: outbound.fetch, clock: new ManualClock() }, { url, model: 'm' })
  await assert.rejects(collect(backend.generate(question, open())), failsWith('backend_failed', true))
  await assert.rejects(backend.probe(open()), failsWith('backend_failed', true))
})

test('an answer streams piece by piece, with the citations that it names and the usage', async (t) => {
  const { backend, requests } = await startServer(t, (response) => {
    stream(response)
    response.write(': keep-alive\r\n\r\n')
    response.write(event({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }))
    response.write(delta('打开「安全接入」[2]，'))
    response.write(delta('扫码登录【3】。'))
    response.write(finish())
    response.write(event({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 34 } }))
    response.end(DONE)
  })
  const given = await collect(
    backend({ apiKey: 'k-1', maxTokens: 50, temperature: 0 }).generate(question, open()),
  )
  assert.equal(given.text, '打开「安全接入」[2]，扫码登录【3】。')
  assert.equal(given.texts, 2)
  assert.deepEqual(given.documents, ['two.md', 'three.md'])
  assert.deepEqual(given.end, { type: 'end', finish: 'stop', inputTokens: 12, outputTokens: 34 })
  const [request] = requests
  assert.equal(request?.path, '/v1/chat/completions')
  assert.equal(request?.headers.authorization, 'Bearer k-1')
  const body = JSON.parse(request?.body ?? '')
  assert.deepEqual(
    { ...body, messages: [] },
    {
      model: 'm-1',
      messages: [],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 50,
      temperature: 0,
    },
  )
  assert.equal(body.messages[0].role, 'system')
  assert.match(body.messages[0].content, /\[1\] ONE › H\ntext of one\n\n\[2\] TWO › H\ntext of two/)
  assert.match(body.messages[0].content, /zh-CN/)
  assert.deepEqual(body.messages.at(-1), { role: 'user', content: question.question })
})

test('an answer that names no passage cites those that it was given', async (t) => {
  const { backend } = await startServer(t, (response) => {
    stream(response).end(delta('Scan the code. [9]') + finish() + DONE)
  })
  assert.deepEqual((await collect(backend().generate(question, open()))).documents, [
    'one.md',
    'two.md',
    'three.md',
  ])
  assert.deepEqual((await collect(backend().generate({ ...question, passages: [] }, open()))).documents, [])
})

test('however the bytes are cut, the text is the same', async (t) => {
  const text = '您好，😀 打开「安全接入」。\n\u2028done'
  const bytes = Buffer.from(
    `\uFEFF${[...text].map((character) => delta(character)).join('')}${finish()}${DONE}`,
  )
  let size = 1
  const { backend } = await startServer(t, async (response) => {
    stream(response).socket?.setNoDelay(true)
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size))
      // Lets each piece go out by itself, so that the reader meets the cut.
      if (at % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    response.end()
  })
  for (size of [1, 2, 3, 5, 7, 64, bytes.length]) {
    assert.equal((await collect(backend().generate(question, open()))).text, text, `${size} bytes a piece`)
  }
})

test('what a model thinks is not part of its answer', async (t) => {
  const { backend } = await startServer(t, (response) => {
    const thought = event({ choices: [{ delta: { reasoning_content: 'secret thought', content: null } }] })
    stream(response).end(thought + delta('answer') + finish() + DONE)
  })
  assert.equal((await collect(backend().generate(question, open()))).text, 'answer')
})

test('a stream without [DONE] is whole if it said that it finished', async (t) => {
  const { backend } = await startServer(t, (response) => {
    stream(response).end(delta('a') + finish('length').trimEnd())
  })
  const given = await collect(backend().generate(question, open()))
  assert.equal(given.text, 'a')
  assert.equal(given.end?.finish, 'length')
})

test('a server that leaves the connection open after [DONE] does not hold the answer back for long', async (t) => {
  const { backend, clock } = await startServer(t, (response) => {
    stream(response).write(delta('a') + finish() + DONE)
  })
  const answer = collect(backend().generate(question, open()))
  let over = false
  void answer.finally(() => {
    over = true
  })
  await until(() => {
    clock.advance(1)
    return over
  })
  assert.equal((await answer).end?.finish, 'stop')
  assert.equal(clock.pending, 0)
})

test('an answer held back by a filter is no answer', async (t) => {
  const { backend } = await startServer(t, (response) => {
    stream(response).end(finish('content_filter') + DONE)
  })
  assert.equal((await collect(backend().generate(question, open()))).end?.finish, 'no-answer')
})

/** Lets the event loop turn until the sockets have done their part. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

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

test('connections are used again after an answer', async (t) => {
  const ports = new Set<number | undefined>()
  const { backend } = await startServer(t, (response, request) => {
    ports.add(request.socket.remotePort)
    stream(response).end(delta('a') + finish() + DONE)
  })
  for (let n = 0; n < 8; n++) await collect(backend().generate(question, open()))
  // The pool may open a second one while the first is being given back.
  assert.ok(ports.size <= 2, `${ports.size} connections`)
})

test('the address may be given with its version, without, or whole', async (t) => {
  const { backend, requests, url } = await startServer(t, (response) => {
    stream(response).end(delta('a') + finish() + DONE)
  })
  const paths: Record<string, string> = {
    '': '/v1/chat/completions',
    '/': '/v1/chat/completions',
    '/v1': '/v1/chat/completions',
    '/v1/': '/v1/chat/completions',
    '/api/paas/v4': '/api/paas/v4/chat/completions',
    '/v1/chat/completions': '/v1/chat/completions',
  }
  for (const path of Object.keys(paths)) {
    await collect(backend({ url: url + path }).generate(question, open()))
  }
  assert.deepEqual(
    requests.map((request) => request.path),
    Object.values(paths),
  )
})

test('a probe asks for the models; a server without such a list is alive, one that refuses the key is not', async (t) => {
  let status = 200
  const { backend, clock, requests } = await startServer(t, (response) => {
    if (status > 0) response.writeHead(status).end('{}')
  })
  await backend({ apiKey: 'k' }).probe(open())
  assert.equal(requests[0]?.path, '/v1/models')
  assert.equal(requests[0]?.headers.authorization, 'Bearer k')
  status = 404
  await backend().probe(open())
  status = 401
  await assert.rejects(backend().probe(open()), failsWith('backend_failed', false))
  status = 0
  const silent = backend().probe(open())
  silent.catch(() => undefined)
  await until(() => requests.length === 4)
  clock.advance(5_000)
  await assert.rejects(silent, failsWith('deadline_exceeded', true))
  assert.equal(clock.pending, 0)
})
