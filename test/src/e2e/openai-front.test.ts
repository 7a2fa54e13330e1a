import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import OpenAI from 'openai'
import { StubProcess } from '../simulators/engine/stub-process.js'
import { ACME, Installation } from '../support/installation.js'

/** What a client that goes away costs at most; far less is usual. */
const ABORTED_WITHIN_MS = 100

test('the official client chats through the center with an engine, and its key closes', async (t) => {
  const stub = await StubProcess.start(t)
  const all = await Installation.start(t, {
    ...stub.settings,
    YIZHAN_FRONT__PORT: '0',
    // A limit that the test reaches at its end.
    YIZHAN_INFERENCE__QUOTAS__USER__REQUESTS_PER_MINUTE: '8',
  })
  await all.apply(ACME)
  const { front } = await all.center.ready
  const made = await all.centerCommand('api-keys', 'create', 'test', '--tenant', 'acme')
  const options = { baseURL: `${front}/v1`, maxRetries: 0 }
  const client = new OpenAI({ ...options, apiKey: String(made.secret) })
  const { data } = await client.models.list()
  const model = data.find(({ id }) => id !== 'extractive')?.id ?? assert.fail('the engine is listed')
  const ask = (content: string) => ({ model, messages: [{ role: 'user' as const, content }] })

  await t.test('whole and streamed answers are the engine’s, with its usage', async () => {
    const whole = await client.chat.completions.create(ask('one #a'))
    assert.equal(whole.choices[0]?.message.content, stub.answer('#a'))
    assert.equal(whole.usage?.completion_tokens, 20)
    const stream = await client.chat.completions.create({
      ...ask('two #b'),
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    let tokens = 0
    for await (const { choices, usage } of stream) {
      text += choices[0]?.delta.content ?? ''
      tokens += usage?.completion_tokens ?? 0
    }
    assert.deepEqual([text, tokens], [stub.answer('#b'), 20])
  })

  await t.test('tools are offered to the engine and its call comes back', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: {} } }]
    const { choices } = await client.chat.completions.create({ ...ask('weather #c'), tools })
    const [call] = choices[0]?.message.tool_calls ?? []
    assert.equal(call?.type === 'function' && call.function.name, 'weather')
  })

  await t.test('the tenant’s documents go to the engine fenced, and are cited', async () => {
    const body = { ...ask('出差住宿标准是多少 #d'), yizhan: { retrieval: true } }
    const answer = (await client.chat.completions.create(body)) as unknown as {
      yizhan: { citations: unknown[]; prompt: string }
    }
    assert.ok(answer.yizhan.citations.length > 0)
    const sent = JSON.parse((await stub.requests()).at(-1)?.body ?? '{}') as {
      messages: { role: string; content: string }[]
    }
    assert.match(sent.messages.at(-2)?.content ?? '', /<<<[0-9a-f]{24} \[1\] /)
    assert.equal(sent.messages.at(-1)?.content, '出差住宿标准是多少 #d')
  })

  await t.test('a client that goes away is gone from the engine at once', async () => {
    await stub.set({ tokenMs: 20, tokens: 500 })
    const leaving = new AbortController()
    const stream = await client.chat.completions.create(
      { ...ask('long #e'), stream: true },
      { signal: leaving.signal },
    )
    await stream[Symbol.asyncIterator]().next()
    const left = performance.now()
    leaving.abort()
    await stub.reaches('cancelledAfterFirst', 1)
    t.diagnostic(
      `the engine saw it after ${(performance.now() - left).toFixed(1)} ms (goal ${ABORTED_WITHIN_MS})`,
    )
    await stub.set({ tokenMs: 0, tokens: 20 })
  })

  await t.test(
    'beyond the user’s quota it is told to come back later, then that its key is closed',
    async () => {
      const spend = async () => {
        for (let i = 0; i < 8; i++) await client.chat.completions.create(ask(`more #f${i}`))
      }
      await assert.rejects(spend, (thrown) => {
        assert.ok(thrown instanceof OpenAI.RateLimitError)
        assert.ok(Number(thrown.headers?.get('retry-after')) > 0)
        return true
      })
      await all.centerCommand('api-keys', 'revoke', String(made.id), '--tenant', 'acme', '--yes')
      await assert.rejects(client.models.list(), OpenAI.AuthenticationError)
    },
  )
})
