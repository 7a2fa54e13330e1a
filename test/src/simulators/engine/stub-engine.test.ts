import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRecord } from './answer.js'
import type { StubSettings } from './settings.js'
import { StubProcess } from './stub-process.js'

const ask = (stub: StubProcess, body: Record<string, unknown>, headers: Record<string, string> = {}) =>
  fetch(`${stub.url}/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      model: 'stub',
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'what about #q-1?' }],
      ...body,
    }),
  })

/** The data of a stream's events, as far as they came. */
async function events(response: Response): Promise<string[]> {
  let text = ''
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
  } catch {
    // A reset: what came before it counts.
  }
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''))
}

function textOf(data: readonly string[]): string {
  return data
    .filter((event) => event.startsWith('{') && event.endsWith('}'))
    .map((event) => {
      const value = JSON.parse(event)
      return value.choices?.[0]?.delta?.content ?? ''
    })
    .join('')
}

test('what the stub does not know is refused, with what it knows', async (t) => {
  const stub = await StubProcess.start(t)
  for (const wrong of [{ fault: 'typo' }, { nothing: 1 }, { tokens: -1 }, { tokens: 'many' }]) {
    await assert.rejects(stub.set(wrong as never), /400/, JSON.stringify(wrong))
  }
  assert.equal((await ask(stub, { model: 'stub:fault=typo' })).status, 400)
  assert.equal((await ask(stub, {}, { 'x-stub': 'speed=1' })).status, 400)
  assert.equal((await fetch(`${stub.url}/chat/completions`, { method: 'POST', body: '{' })).status, 400)
  await assert.rejects(stub.reaches('nothing', 1), /does not count/)
})

test('an answer follows from the question, goes on after a prefix, and is counted', async (t) => {
  const stub = await StubProcess.start(t, ['--set', 'tokens=3'])
  const data = await events(await ask(stub, {}))
  assert.equal(textOf(data), '1/#q-1;2/#q-1;3/#q-1;')
  assert.equal(textOf(data), stub.answer('#q-1', 3))
  assert.equal(data.at(-1), '[DONE]')
  assert.deepEqual(JSON.parse(data.at(-2) ?? '').usage, {
    prompt_tokens: 4,
    completion_tokens: 3,
    total_tokens: 7,
  })
  const messages = [
    { role: 'user', content: '#q-1' },
    { role: 'assistant', content: '1/#q-1;2/#' },
  ]
  const rest = await events(await ask(stub, { messages, continue_final_message: true }))
  assert.equal(textOf(rest), 'q-1;3/#q-1;')
  const whole = await (await ask(stub, { stream: false, max_tokens: 2 })).json()
  assert.ok(isRecord(whole) && Array.isArray(whole.choices))
  assert.deepEqual(whole.choices[0], {
    index: 0,
    message: { role: 'assistant', content: '1/#q-1;2/#q-1;' },
    finish_reason: 'length',
  })
  const counts = await stub.counts()
  assert.deepEqual(
    [counts.requests, counts.completed, counts.running, counts.inFlightTokens, counts.tokens],
    [3, 3, 0, 0, 7],
  )
})

test('each fault breaks an answer in its way, set for so many requests, by header and by model', async (t) => {
  const stub = await StubProcess.start(t)
  const broken = async (settings: Partial<StubSettings>) => {
    await stub.set({ ...settings, times: 1 })
    return ask(stub, {})
  }
  const cut = await events(await broken({ fault: 'cut', after: 2 }))
  assert.equal(textOf(cut), '1/#q-1;2/#q-1;')
  assert.notEqual(cut.at(-1), '[DONE]')
  assert.equal(textOf(await events(await broken({ fault: 'reset', after: 1 }))), '1/#q-1;')
  assert.equal((await events(await broken({ fault: 'malformed', after: 0 }))).at(-1)?.endsWith('}'), false)
  assert.match((await events(await broken({ fault: 'error-event' }))).at(-1) ?? '', /"error"/)
  assert.match(textOf(await events(await broken({ fault: 'split-utf8' }))), /^1\/#q-1驿😀;/)
  assert.equal((await broken({ fault: 'error', status: 503 })).status, 503)
  const limited = await broken({ fault: 'rate-limit', retryAfterMs: 1_500 })
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '2'])
  assert.match(await (await broken({ fault: 'quota' })).text(), /insufficient_quota/)
  assert.equal((await broken({ maxInput: 3 })).status, 400)
  assert.match((await events(await broken({ fault: 'wrong-usage' }))).at(-2) ?? '', /-7/)

  await stub.set({ fault: 'error', times: 2 })
  assert.deepEqual([(await ask(stub, {})).status, (await ask(stub, {})).status], [500, 500])
  assert.equal((await ask(stub, {})).status, 200)
  assert.equal((await ask(stub, { model: 'stub:fault=quota' })).status, 429)
  assert.equal((await ask(stub, {}, { 'x-stub': 'fault=quota' })).status, 429)
  assert.equal((await stub.counts()).faulted, 12)
})

test('a stalled answer waits for its release; one whose client goes is counted as cancelled', async (t) => {
  const stub = await StubProcess.start(t, ['--set', 'tokens=4', '--slots', '1'])
  await stub.set({ fault: 'stall', after: 2 })
  const released = events(await ask(stub, {}))
  await stub.reaches('running', 1)
  await stub.release()
  assert.equal(textOf(await released), stub.answer('#q-1', 4))

  await stub.set({ fault: 'late-headers' })
  const late = ask(stub, {})
  await stub.reaches('running', 1)
  await stub.set({ fault: 'stall', after: 2 })
  await stub.release()
  assert.equal(textOf(await events(await late)), stub.answer('#q-1', 4))

  const stop = new AbortController()
  const given = fetch(`${stub.url}/chat/completions`, {
    method: 'POST',
    signal: stop.signal,
    body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'x' }] }),
  })
  await given
  const waits = ask(stub, { model: 'stub:fault=none' })
  await stub.reaches('waiting', 1)
  const metrics = await (await fetch(stub.url.replace('/v1', '/metrics'))).text()
  assert.match(metrics, /^vllm:num_requests_running\{.*\} 1$/m)
  assert.match(metrics, /^vllm:num_requests_waiting\{.*\} 1$/m)
  stop.abort()
  await stub.reaches('cancelledAfterFirst', 1)
  assert.equal(textOf(await events(await waits)), stub.answer('#q-1', 4))

  await stub.set({ fault: 'ignores-disconnect', firstMs: 60_000 })
  const away = new AbortController()
  const ignored = fetch(`${stub.url}/completions`, {
    method: 'POST',
    signal: away.signal,
    body: JSON.stringify({ model: 'm', stream: true, prompt: 'x' }),
  })
  await ignored
  away.abort()
  await stub.reaches('ignored', 1)
  assert.equal((await stub.counts()).running, 1)
})

test('tools are called, vectors have length 1, and what was asked can be looked at', async (t) => {
  const stub = await StubProcess.start(t)
  const tools = [{ type: 'function', function: { name: 'weather', parameters: {} } }]
  const data = await events(await ask(stub, { tools }, { authorization: 'Bearer k' }))
  const calls = data.flatMap((event) => {
    const value = event.startsWith('{') ? JSON.parse(event) : {}
    return value.choices?.[0]?.delta?.tool_calls ?? []
  })
  assert.equal(calls[0].function.name, 'weather')
  assert.deepEqual(JSON.parse(calls.map((call) => call.function.arguments).join('')), { city: '北京' })
  const response = await fetch(`${stub.url}/embeddings`, {
    method: 'POST',
    body: JSON.stringify({ model: 'e', input: ['一', 'two'] }),
  })
  const { data: vectors } = (await response.json()) as { data: { embedding: number[] }[] }
  assert.equal(vectors.length, 2)
  for (const { embedding } of vectors) assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-6)
  const seen = await stub.requests()
  assert.deepEqual(
    seen.map(({ path }) => path),
    ['/v1/chat/completions', '/v1/embeddings'],
  )
  assert.equal(seen[0]?.headers.authorization, 'Bearer k')
})
