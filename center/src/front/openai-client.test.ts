import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import OpenAI from 'openai'
import { citationOf } from '../inference/citation.js'
import { passage } from '../inference/testing/book-harness.js'
import { type FrontOptions, KEY, startTestFront } from './testing/front.js'

/** The official client, as it comes. */
async function start(t: TestContext, options: FrontOptions = {}) {
  const it = await startTestFront(t, options)
  const client = new OpenAI({ baseURL: `${it.front.url}/v1`, apiKey: KEY, maxRetries: 0 })
  return { ...it, client }
}

const MODEL = 'held-1'
const ask = (content: string) => ({ model: MODEL, messages: [{ role: 'user' as const, content }] })

test('a whole answer has text, usage and the model that gave it', async (t) => {
  const { client, backend } = await start(t)
  const running = backend.next()
  const answer = client.chat.completions.create(ask('你好'))
  const run = await running
  run.give('您', '好')
  run.end()
  const { choices, usage, model, object } = await answer
  assert.deepEqual(
    [choices[0]?.message.content, choices[0]?.finish_reason, model, object],
    ['您好', 'stop', MODEL, 'chat.completion'],
  )
  assert.deepEqual(usage, { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 })
  assert.equal(run.request.question, '你好')
  assert.equal(run.request.user, 'key:k1')
})

test('a stream brings each piece when it comes, then the usage that was asked for', async (t) => {
  const { client, backend } = await start(t)
  const running = backend.next()
  const stream = await Promise.all([
    client.chat.completions.create({ ...ask('hi'), stream: true, stream_options: { include_usage: true } }),
    running.then((run) => run.give('Hel')),
  ]).then(([given]) => given)
  const seen: string[] = []
  for await (const { choices, usage } of stream) {
    const [choice] = choices
    seen.push(
      usage ? `usage ${usage.total_tokens}` : `${choice?.delta.content ?? ''}${choice?.finish_reason ?? ''}`,
    )
    // The second piece is given only now: the first was on its way before.
    if (seen.length === 1) backend.last.give('lo 🙂')
    if (seen.length === 2) backend.last.end('length')
  }
  assert.deepEqual(seen, ['Hel', 'lo 🙂', 'length', 'usage 16'])
})

test('calls of tools come whole and in parts, and their results go back', async (t) => {
  const { client, backend } = await start(t)
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: { type: 'object' } } }]
  const callOnce = async (finish: () => Promise<unknown>) => {
    const running = backend.next()
    const answer = finish()
    const run = await running
    run.give({ type: 'tool-calls', calls: [{ index: 0, id: 'c1', name: 'weather', arguments: '{"at":' }] })
    run.give({
      type: 'tool-calls',
      calls: [
        { index: 0, arguments: '"Beijing"}' },
        { index: 1, id: 'c2', name: 'now' },
      ],
    })
    run.end('stop')
    return { run, answer: (await answer) as OpenAI.ChatCompletion }
  }
  const whole = await callOnce(() => client.chat.completions.create({ ...ask('weather?'), tools }))
  assert.deepEqual((whole.run.request.chat as { tools: unknown }).tools, tools)
  const calls = [
    { id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"at":"Beijing"}' } },
    { id: 'c2', type: 'function', function: { name: 'now', arguments: '' } },
  ]
  assert.deepEqual(whole.answer.choices[0]?.message.tool_calls, calls)
  assert.equal(whole.answer.choices[0]?.message.content, null)
  assert.equal(whole.answer.choices[0]?.finish_reason, 'tool_calls')
  // The client's own gathering of a stream.
  const streamed = await callOnce(() =>
    client.chat.completions.stream({ ...ask('weather?'), tools }).finalChatCompletion(),
  )
  const strip = streamed.answer.choices[0]?.message.tool_calls?.map((call) =>
    call.type === 'function'
      ? {
          id: call.id,
          type: call.type,
          function: { name: call.function.name, arguments: call.function.arguments },
        }
      : call,
  )
  assert.deepEqual(strip, calls)
  const running = backend.next()
  const messages = [
    { role: 'user' as const, content: 'weather?' },
    {
      role: 'assistant' as const,
      content: null,
      tool_calls: whole.answer.choices[0]?.message.tool_calls ?? [],
    },
    { role: 'tool' as const, tool_call_id: 'c1', content: 'sunny' },
  ]
  const last = client.chat.completions.create({ model: MODEL, messages, tools })
  const run = await running
  run.give('Sunny.')
  run.end()
  assert.equal((await last).choices[0]?.message.content, 'Sunny.')
  assert.deepEqual((run.request.chat as { messages: unknown }).messages, messages)
})

test('what other libraries send is understood: parts of content, developer, nulls, both names of the limit', async (t) => {
  const { client, backend } = await start(t)
  const running = backend.next()
  const image = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AAAA' } }
  const answer = client.chat.completions.create({
    model: 'default',
    messages: [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'Be' },
          { type: 'text', text: 'brief.' },
        ],
      },
      { role: 'user', content: 'before' },
      { role: 'assistant', content: 'yes' },
      { role: 'user', content: [{ type: 'text', text: 'What is it?' }, image], name: 'li' },
    ],
    max_completion_tokens: 20,
    temperature: null,
    n: 1,
    user: 'li',
    metadata: { a: 'b' },
    seed: 7,
    prompt_cache_key: 'conversation 1',
    service_tier: 'flex',
  })
  const run = await running
  run.end()
  await answer
  const { chat, question, history, conversation } = run.request
  assert.deepEqual(chat, {
    messages: [
      { role: 'system', content: 'Be\nbrief.' },
      { role: 'user', content: 'before' },
      { role: 'assistant', content: 'yes' },
      { role: 'user', content: [{ type: 'text', text: 'What is it?' }, image], name: 'li' },
    ],
    seed: 7,
    max_tokens: 20,
  })
  assert.equal(question, 'What is it?')
  assert.deepEqual(history, [
    { role: 'user', text: 'before' },
    { role: 'assistant', text: 'yes' },
  ])
  assert.equal(conversation, 'k1/conversation 1')
})

test('wrong requests are refused as OpenAI does, naming what is wrong, and no engine is asked', async (t) => {
  const { client, backend } = await start(t)
  const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: 'yzk_acme_x_y', maxRetries: 0 })
  const cases: [
    () => Promise<unknown>,
    new (...args: never[]) => unknown,
    number,
    string | null,
    string | null,
  ][] = [
    [() => stranger.models.list(), OpenAI.AuthenticationError, 401, 'invalid_api_key', null],
    [
      () => client.chat.completions.create({ ...ask('x'), model: 'gpt-9' }),
      OpenAI.NotFoundError,
      404,
      'model_not_found',
      'model',
    ],
    [() => client.models.retrieve('gpt-9'), OpenAI.NotFoundError, 404, 'model_not_found', 'model'],
    [() => client.chat.completions.create({ ...ask('x'), n: 2 }), OpenAI.BadRequestError, 400, null, 'n'],
    [
      () => client.chat.completions.create({ ...ask('x'), logprobs: true }),
      OpenAI.BadRequestError,
      400,
      null,
      'logprobs',
    ],
    [
      () => client.chat.completions.create({ model: MODEL, messages: [] }),
      OpenAI.BadRequestError,
      400,
      null,
      'messages',
    ],
    [
      () => client.chat.completions.create({ ...ask('x'), ...{ continue_final_message: true } }),
      OpenAI.BadRequestError,
      400,
      null,
      'continue_final_message',
    ],
    [
      () => client.chat.completions.create(ask('x'.repeat(1024 * 1024))),
      OpenAI.APIError,
      413,
      'request_too_large',
      null,
    ],
    [
      () => client.responses.create({ model: MODEL, input: 'x' }),
      OpenAI.NotFoundError,
      404,
      'unknown_url',
      null,
    ],
    [
      () => client.embeddings.create({ model: 'none', input: 'x' }),
      OpenAI.NotFoundError,
      404,
      'model_not_found',
      'model',
    ],
  ]
  for (const [call, kind, status, code, param] of cases) {
    await assert.rejects(call, (thrown) => {
      assert.ok(thrown instanceof OpenAI.APIError, String(thrown))
      assert.ok(thrown instanceof kind, `${thrown.status} ${thrown.message}`)
      assert.deepEqual([thrown.status, thrown.code ?? null, thrown.param ?? null], [status, code, param])
      assert.ok(thrown.requestID)
      return true
    })
  }
  assert.equal(backend.runs.length, 0)
})

test('failures of engines keep their meaning: what to mend, what to try again and when', async (t) => {
  // A front each: an engine that is busy is left alone for a while.
  const failing = async (error: YizhanError) => {
    const { client, backend } = await start(t)
    const running = backend.next()
    const answer = client.chat.completions.create(ask('x'))
    ;(await running).give(error)
    return answer.then(
      () => assert.fail('it was answered'),
      (thrown: unknown) => {
        assert.ok(thrown instanceof OpenAI.APIError)
        const { status, code, headers } = thrown
        return [status, code, headers?.get('retry-after'), headers?.get('x-should-retry')]
      },
    )
  }
  const busy = new YizhanError('overloaded', 'busy', { details: { retryAfterMs: 1_500 } })
  assert.deepEqual(await failing(busy), [429, 'rate_limit_exceeded', '2', null])
  const spent = new YizhanError('overloaded', 'the quota is used up', { retryable: false })
  assert.deepEqual(await failing(spent), [429, 'insufficient_quota', null, 'false'])
  const long = new YizhanError('invalid_argument', 'refused', {
    details: { status: 400, codes: ['context_length_exceeded'] },
  })
  assert.deepEqual(await failing(long), [400, 'context_length_exceeded', null, null])
  assert.deepEqual(await failing(new YizhanError('backend_failed', 'x')), [502, 'engine_failed', null, null])
  assert.deepEqual(await failing(new YizhanError('deadline_exceeded', 'x')), [504, 'timeout', null, null])
})

test('an engine that fails in the middle of a stream ends it with an error, and what it wrote stays', async (t) => {
  const { client, backend } = await start(t)
  const running = backend.next()
  const opening = client.chat.completions.create({ ...ask('x'), stream: true })
  const run = await running
  run.give('half')
  const seen: string[] = []
  await assert.rejects(
    async () => {
      for await (const { choices } of await opening) {
        seen.push(choices[0]?.delta.content ?? '')
        run.give(new YizhanError('backend_failed', 'the engine broke'))
      }
    },
    (thrown) => thrown instanceof OpenAI.APIError && thrown.code === 'engine_failed',
  )
  assert.deepEqual(seen, ['half'])
})

test('another engine that begins anew replaces what is not sent yet, and ends a stream that has begun', async (t) => {
  const { client, backend } = await start(t)
  const anew = [{ type: 'text', text: 'old' }, { type: 'superseded' }, { type: 'text', text: 'new' }] as const
  let running = backend.next()
  const whole = client.chat.completions.create(ask('x'))
  ;(await running).give(...anew)
  backend.last.end()
  assert.equal((await whole).choices[0]?.message.content, 'new')
  running = backend.next()
  const stream = client.chat.completions.create({ ...ask('x'), stream: true })
  ;(await running).give(...anew)
  backend.last.end()
  await assert.rejects(async () => {
    for await (const _ of await stream);
  }, OpenAI.APIError)
})

test('a client that leaves frees the engine and its place, before the answer and in it', async (t) => {
  const { client, backend, admission } = await start(t)
  for (const begun of [false, true]) {
    const leaving = new AbortController()
    const running = backend.next()
    const answer = client.chat.completions.create({ ...ask('x'), stream: true }, { signal: leaving.signal })
    const run = await running
    if (begun) {
      run.give('a')
      const [first] = await Promise.all([(await answer)[Symbol.asyncIterator]().next()])
      assert.equal(first.done, false)
    }
    const gone = once(run.signal, 'abort')
    leaving.abort()
    if (!begun) await assert.rejects(answer)
    await gone
    while (admission.stats().running > 0) await new Promise(setImmediate)
  }
})

test('a request that waits for a place leaves the queue with its client', async (t) => {
  const { client, backend, admission } = await start(t)
  const running = Array.from({ length: 10 }, () => backend.next())
  const held = running.map(() => client.chat.completions.create(ask('x')))
  await Promise.all(running)
  const leaving = new AbortController()
  const waiting = client.chat.completions.create(ask('late'), { signal: leaving.signal })
  while (admission.stats().queued === 0) await new Promise(setImmediate)
  leaving.abort()
  await assert.rejects(waiting)
  while (admission.stats().queued === 1) await new Promise(setImmediate)
  for (const run of backend.runs) run.end()
  await Promise.all(held)
  assert.equal(backend.runs.length, 10)
})

test('the tenant’s documents are looked in only when asked, and what the answer rests on comes along', async (t) => {
  const { client, backend, searches } = await start(t, { passages: [passage] })
  const running = backend.next()
  const body = { ...ask('how high?'), yizhan: { retrieval: true, knowledge: ['travel'] } }
  const answer = client.chat.completions.create(body)
  const run = await running
  assert.deepEqual(run.request.passages, [passage])
  const { messages } = run.request.chat as { messages: { role: string; content: string }[] }
  assert.deepEqual(
    messages.map(({ role }) => role),
    ['system', 'user', 'user'],
  )
  assert.match(messages[1]?.content ?? '', /\[1\] D › H\ntext\n/)
  assert.deepEqual(searches, [{ tenant: 'acme', query: 'how high?', knowledge: ['travel'] }])
  run.give('so', { type: 'citations', citations: [citationOf(passage)] })
  run.end()
  const { yizhan } = (await answer) as unknown as { yizhan: { citations: { document: string }[] } }
  assert.equal(yizhan.citations[0]?.document, 'd.md')
  const plain = backend.next()
  const other = client.chat.completions.create(ask('how high?'))
  assert.deepEqual((await plain).request.passages, [])
  backend.last.end()
  await other
  assert.equal(searches.length, 1)
})

test('vectors come as floats and as bytes, and models are listed', async (t) => {
  const embedder = {
    name: 'e',
    model: 'embed-1',
    dimensions: 2,
    embed: async (texts: readonly string[]) => ({
      vectors: texts.map((text) => Float32Array.of(text.length, 0.5)),
      tokens: 3,
    }),
  }
  const { client } = await start(t, { embedders: [embedder] })
  for (const encoding_format of ['float', undefined] as const) {
    const { data, usage } = await client.embeddings.create({
      model: 'embed-1',
      input: ['ab', 'cde'],
      ...(encoding_format ? { encoding_format } : {}),
    })
    assert.deepEqual(
      data.map(({ embedding }) => [...embedding]),
      [
        [2, 0.5],
        [3, 0.5],
      ],
    )
    assert.equal(usage.total_tokens, 3)
  }
  await assert.rejects(
    client.embeddings.create({ model: 'embed-1', input: 'a', dimensions: 3 }),
    OpenAI.BadRequestError,
  )
  const ids = (await client.models.list()).data.map(({ id }) => id)
  assert.deepEqual(ids, ['held-1', 'embed-1'])
  assert.equal((await client.models.retrieve('embed-1')).owned_by, 'yizhan')
})
