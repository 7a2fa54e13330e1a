import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOutbound, ManualClock } from '@yizhan/kernel'
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
} from '../../testing/model-server.js'
import { createOpenAiEmbedder } from './embedder.js'

test('a usage that cannot be right is not believed', async (t) => {
  let usage: Record<string, unknown> = {}
  const { backend } = await startServer(t, (response) => {
    stream(response).end(delta('four') + finish() + event({ choices: [], usage }) + DONE)
  })
  const counted = async () => {
    const { end } = await collect(backend().generate({ ...question, passages: [] }, open()))
    return [end?.inputTokens, end?.outputTokens]
  }
  const [input] = await counted()
  assert.ok(input !== undefined && input > 0)
  for (usage of [
    { prompt_tokens: -1, completion_tokens: 7 },
    { prompt_tokens: 0, completion_tokens: 7 },
    { prompt_tokens: 1e9, completion_tokens: 7 },
    { prompt_tokens: 10, completion_tokens: 1e12 },
    { prompt_tokens: '10', completion_tokens: 1.5 },
  ]) {
    assert.deepEqual(await counted(), [input, 1], JSON.stringify(usage))
  }
  usage = { prompt_tokens: 10, completion_tokens: 7 }
  assert.deepEqual(await counted(), [10, 7])
})

test('parts of tool calls come as they are streamed, and such an answer needs no text', async (t) => {
  const { backend } = await startServer(t, (response) => {
    const call = (value: unknown) => event({ choices: [{ delta: { tool_calls: [value] } }] })
    stream(response).end(
      call({ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }) +
        call({ index: 0, function: { arguments: '{}' } }) +
        call('none') +
        finish('tool_calls') +
        DONE,
    )
  })
  const pieces = []
  const asked = { ...question, passages: [], chat: { messages: [{ role: 'user', content: 'x' }] } }
  for await (const piece of backend().generate(asked, open())) pieces.push(piece)
  assert.deepEqual(pieces.slice(0, -1), [
    { type: 'tool-calls', calls: [{ index: 0, id: 'c1', name: 'f', arguments: '' }] },
    { type: 'tool-calls', calls: [{ index: 0, arguments: '{}' }] },
  ])
  const last = pieces.at(-1)
  assert.equal(last?.type === 'end' && last.finish, 'tool-calls')
})

test('a prompt that is too long is told as such, in whatever words', async (t) => {
  let body: unknown
  const { backend } = await startServer(t, (response) => {
    response.writeHead(400).end(JSON.stringify(body))
  })
  for (body of [
    { error: { code: 'context_length_exceeded', message: '' } },
    { error: { code: 400, type: 'exceed_context_size_error', message: '' } },
    { object: 'error', code: 400, message: "This model's maximum context length is 4096 tokens." },
    {
      error: {
        code: 400,
        message: "The input (9 tokens) is longer than the model's context length (8 tokens).",
      },
    },
  ]) {
    await assert.rejects(collect(backend().generate(question, open())), failsWith('too_large', false))
  }
  body = { error: { message: 'bad schema', type: 'BadRequestError', code: 400 } }
  await assert.rejects(collect(backend().generate(question, open())), failsWith('backend_failed', false))
  const foreign = { ...question, chat: { messages: [{ role: 'user', content: 'x' }] } }
  await assert.rejects(collect(backend().generate(foreign, open())), failsWith('invalid_argument', false))
})

test('what was written before counts as part of the answer, and an engine may find it whole', async (t) => {
  let rest = '2].'
  const { backend } = await startServer(t, (response) => {
    stream(response).end((rest === '' ? '' : delta(rest)) + finish() + DONE)
  })
  const going = () =>
    collect(backend({ continues: 'vllm' }).generate({ ...question, prefix: 'As said [' }, open()))
  const given = await going()
  assert.deepEqual([given.text, given.documents, given.end?.outputTokens], ['2].', ['two.md'], 1])
  rest = ''
  assert.equal((await going()).end?.finish, 'stop')
})

test('what an engine tells of its load is asked where the settings say, and silence is no failure', async (t) => {
  let status = 200
  const { backend, requests, url } = await startServer(t, (response) => {
    response.writeHead(status).end('vllm:num_requests_running 2\nvllm:num_requests_waiting 1\n')
  })
  assert.deepEqual(await backend().load?.(open()), { running: 2, waiting: 1 })
  assert.deepEqual(await backend({ metricsUrl: `${url}/other` }).load?.(open()), { running: 2, waiting: 1 })
  status = 404
  assert.equal(await backend().load?.(open()), undefined)
  assert.equal(await backend({ metricsUrl: 'none' }).load?.(open()), undefined)
  assert.deepEqual(
    requests.map(({ path }) => path),
    ['/metrics', '/other', '/metrics'],
  )
  status = 500
  await assert.rejects(backend().load?.(open()) ?? Promise.resolve(), failsWith('backend_failed', true))
})

test('vectors come in the order of the texts, at length 1, in as many requests as are needed', async (t) => {
  const { url, requests } = await startServer(t, (response, _request, body) => {
    const { input } = JSON.parse(body)
    const data = input.map((text: string, index: number) => ({ index, embedding: [text.length, 0] }))
    response.end(JSON.stringify({ data: data.reverse(), usage: { prompt_tokens: 4 } }))
  })
  const http = createOutbound()
  t.after(() => http.close())
  const config = { name: 'e', url, model: 'm', dimensions: 2, batch: 2 }
  const embedder = createOpenAiEmbedder({ http, clock: new ManualClock() }, config)
  const { vectors, tokens } = await embedder.embed(['a', 'bb', 'ccc'], open())
  assert.deepEqual(
    vectors.map((vector) => [...vector]),
    [
      [1, 0],
      [1, 0],
      [1, 0],
    ],
  )
  assert.equal(tokens, 8)
  assert.deepEqual(
    requests.map(({ body }) => JSON.parse(body).input),
    [['a', 'bb'], ['ccc']],
  )
})

test('vectors that are not one for each text, or of another length, are a failure', async (t) => {
  let data: unknown
  const { url } = await startServer(t, (response) => {
    response.end(JSON.stringify({ data }))
  })
  const http = createOutbound()
  t.after(() => http.close())
  const config = { name: 'e', url, model: 'm', dimensions: 2, batch: 8 }
  const embedder = createOpenAiEmbedder({ http, clock: new ManualClock() }, config)
  const one = (embedding: unknown, index = 0) => ({ index, embedding })
  for (data of [
    undefined,
    [],
    [one([1, 0])],
    [one([1, 0]), one([1, 0])],
    [one([1, 0]), one([1, 0], 2)],
    [one('AAAA'), one([1, 0], 1)],
    [one([0, 0]), one([1, 0], 1)],
    [one(['x', 1]), one([1, 0], 1)],
  ]) {
    await assert.rejects(
      embedder.embed(['a', 'b'], open()),
      failsWith('backend_failed', true),
      JSON.stringify(data),
    )
  }
  data = [one([1, 0, 0]), one([1, 0, 0], 1)]
  await assert.rejects(embedder.embed(['a', 'b'], open()), failsWith('backend_failed', false, { given: 3 }))
})
