import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import type { GenerateRequest } from '@yizhan/center/backends'
import type { StubSettings } from '../simulators/engine/settings.js'
import { StubProcess } from '../simulators/engine/stub-process.js'
import { fileScope } from '../support/file-scope.js'
import type { Scope } from '../support/scope.js'
import { type Behaviour, backendContract, type Subject } from './contract.js'
import { ASKED, never } from './requests.js'
import { openBackend } from './settings.js'

const SETTINGS: Record<Behaviour, Partial<StubSettings>> = {
  answers: { tokenMs: 1 },
  wide: { fault: 'split-utf8', tokens: 5 },
  stalls: { fault: 'stall', after: 2 },
  silent: { firstMs: 3_600_000 },
  empty: { tokens: 0 },
  cut: { tokens: 50 },
  breaks: { fault: 'reset', after: 2 },
  busy: { fault: 'rate-limit' },
  fails: { fault: 'error' },
  'too-long': { maxInput: 10 },
}

/** An address of this machine where nothing listens. */
async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
}

const file = fileScope()
/** One for the contract's tests, which run one after the other. */
let stub: Promise<StubProcess> | undefined

const start =
  (given: Readonly<Record<string, unknown>>) =>
  async (scope: Scope, behaviour: Behaviour): Promise<Subject> => {
    stub ??= StubProcess.start(file)
    const engine = await stub
    await engine.reset()
    await engine.set(SETTINGS[behaviour])
    const settings = { model: 'stub', ...given, ...(behaviour === 'cut' ? { maxTokens: 3 } : {}) }
    const { backend } = await openBackend(scope, 'openai', { url: engine.url, ...settings })
    const { backend: absent } = await openBackend(scope, 'openai', { url: await deadUrl(), ...settings })
    assert.ok(backend && absent)
    return { backend, absent, request: ASKED, idle: () => engine.reaches('running', 0) }
  }

backendContract('openai', start({ continues: 'vllm' }))
backendContract('openai completions', start({ api: 'completions' }))

test('a client that goes frees the engine, which counts it; one that ignores it keeps only itself', async (t) => {
  const stub = await StubProcess.start(t)
  const { backend } = await openBackend(t, 'openai', { url: stub.url })
  const leave = async () => {
    for await (const piece of backend?.generate(ASKED, never()) ?? []) {
      assert.equal(piece.type, 'text')
      return
    }
  }
  await stub.set({ fault: 'stall', after: 1 })
  await leave()
  await stub.reaches('cancelledAfterFirst', 1)
  await stub.set({ fault: 'ignores-disconnect', tokens: 2, tokenMs: 3_600_000 })
  await leave()
  await stub.reaches('ignored', 1)
  assert.equal((await stub.counts()).running, 1)
})

test('the engine says how busy it is, and the vectors of its model are of length 1', async (t) => {
  const stub = await StubProcess.start(t, ['--slots', '1', '--cache-tokens', '1600'])
  const { backend, embedder } = await openBackend(t, 'openai', {
    url: stub.url,
    embedding: { model: 'e', dimensions: 16, batch: 2 },
  })
  assert.ok(backend?.load && embedder)
  await stub.set({ fault: 'stall', after: 1 })
  const stop = new AbortController()
  const answers = [1, 2].map(async () => {
    for await (const _ of backend.generate(ASKED, stop.signal));
  })
  await stub.reaches('running', 1)
  await stub.reaches('waiting', 1)
  const load = await backend.load(never())
  assert.deepEqual([load?.running, load?.waiting, load?.cacheTokens], [1, 1, 1600])
  assert.ok((load?.cacheUsage ?? 0) > 0)
  stop.abort(new Error('enough'))
  await Promise.allSettled(answers)
  const { vectors, tokens } = await embedder.embed(['一', 'two', 'three'], never())
  assert.equal(vectors.length, 3)
  for (const vector of vectors) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6)
  assert.ok(tokens > 0)
})

test('a chat with tools goes through as it is, and their calls come back', async (t) => {
  const stub = await StubProcess.start(t)
  const { backend } = await openBackend(t, 'openai', { url: stub.url, apiKey: 'k' })
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }]
  const request: GenerateRequest = { ...ASKED, chat: { messages: [{ role: 'user', content: 'x' }], tools } }
  let name = ''
  let args = ''
  let finish = ''
  for await (const piece of backend?.generate(request, never()) ?? []) {
    if (piece.type === 'tool-calls') {
      for (const call of piece.calls) {
        name += call.name ?? ''
        args += call.arguments ?? ''
      }
    } else if (piece.type === 'end') finish = piece.finish
  }
  assert.deepEqual([name, JSON.parse(args), finish], ['weather', { city: '北京' }, 'tool-calls'])
  const [seen] = await stub.requests()
  assert.deepEqual(JSON.parse(seen?.body ?? '').tools, tools)
  assert.equal(seen?.headers.authorization, 'Bearer k')
})
