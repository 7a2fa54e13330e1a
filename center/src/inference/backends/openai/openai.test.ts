import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOutbound, ManualClock, YizhanError } from '@yizhan/kernel'
import { createPersonas } from '../../personas.js'
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

test('an address that is none, or holds a password, is refused without being repeated', () => {
  for (const url of ['', 'not an address', 'ftp://host', 'http://me:s3cret@host/v1']) {
    assert.throws(
      () => createOpenAi({ http: createOutbound(), clock: new ManualClock() }, { url, model: 'm' }),
      (thrown: unknown) => {
        assert.ok(thrown instanceof YizhanError)
        assert.equal(thrown.code, 'config_invalid')
        assert.ok(!thrown.message.includes('s3cret'))
        return true
      },
    )
  }
})

test('an answer streams piece by piece, with the citations that it names and the usage', async (t) => {
  let goOn = (): void => undefined
  const { backend, requests } = await startServer(t, async (response) => {
    stream(response)
    response.write(': keep-alive\r\n\r\n')
    response.write(event({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }))
    response.write(delta('打开「安全') + delta('接入」[2]，'))
    await new Promise<void>((resolve) => {
      goOn = resolve
    })
    response.write(delta('扫码登录【3】。'))
    response.write(finish())
    response.write(event({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 34 } }))
    response.end(DONE)
  })
  const answer = backend({ apiKey: 'k-1', maxTokens: 50, temperature: 0 }).generate(question, open())
  const pieces = answer[Symbol.asyncIterator]()
  // What came together is one piece.
  assert.deepEqual((await pieces.next()).value, { type: 'text', text: '打开「安全接入」[2]，' })
  goOn()
  const given = await collect({ [Symbol.asyncIterator]: () => pieces })
  assert.equal(given.text, '扫码登录【3】。')
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
  assert.match(body.messages[0].content, /zh-CN/)
  const { role, content } = body.messages.at(-1)
  assert.equal(role, 'user')
  assert.match(content, /\[1\] ONE › H\ntext of one\n.*\[2\] TWO › H\ntext of two\n/s)
  assert.ok(content.endsWith(`\n${question.question}`))
})

test('how a tenant speaks goes to the model in the language of the answer', async (t) => {
  const { backend, requests } = await startServer(t, (response) => {
    stream(response).end(delta('好') + finish() + DONE)
  })
  const personas = createPersonas()
  personas.replace(question.tenant, { en: 'You are Yi.', zh: '你是小驿。' })
  await collect(backend({}, { personaOf: personas.of }).generate(question, open()))
  const [system] = JSON.parse(requests[0]?.body ?? '').messages
  assert.match(system.content, /^你是小驿。\n\n你是企业内部的问答助手。/)
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
