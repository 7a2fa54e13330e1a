import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId, createMetrics, ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import { BackendChain } from './backend-chain.js'
import type { Backend, GenerateRequest, Piece } from './port.js'

const tenant = (() => {
  const id = asTenantId('acme')
  assert.ok(id)
  return id
})()
const request: GenerateRequest = { tenant, question: 'q', locale: 'en', history: [], passages: [] }

type Step = Piece | YizhanError | 'hang'
const text = (value: string): Piece => ({ type: 'text', text: value })
const end: Piece = { type: 'end', finish: 'stop' }
const broken = (retryable = true, retryAfterMs?: number) =>
  new YizhanError('backend_failed', 'broken', {
    retryable,
    ...(retryAfterMs ? { details: { retryAfterMs } } : {}),
  })

/** A backend that goes through one script a run; the last one again and again. It ignores an abort. */
function backend(name: string, scripts: readonly (readonly Step[])[]): Backend & { runs: number } {
  return {
    name,
    model: `model of ${name}`,
    runs: 0,
    async *generate() {
      const script = scripts[Math.min(this.runs++, scripts.length - 1)] ?? []
      for (const step of script) {
        if (step === 'hang') await new Promise(() => undefined)
        else if (step instanceof YizhanError) throw step
        else yield step
      }
    },
    async probe() {},
  }
}

function setUp(backends: readonly Backend[]) {
  const clock = new ManualClock()
  const metrics = createMetrics()
  const chain = new BackendChain(
    { backends, clock, log: silentLogger(), metrics, random: () => 0.5 },
    { retries: 3, retryBaseMs: 200, retryMaxMs: 5_000, firstTokenMs: 1_000 },
  )
  const asked: string[] = []
  const stop = new AbortController()
  let outcome: string | undefined
  const answer = async () => {
    let all = ''
    for await (const piece of chain.generate(request, stop.signal, (asking) => asked.push(asking.name))) {
      if (piece.type === 'text') all += piece.text
    }
    return all
  }
  const result = answer().finally(() => {
    outcome = 'over'
  })
  result.catch(() => undefined)
  /** Lets timers run until the answer is there; tells how many milliseconds it took. */
  const run = async () => {
    const from = clock.monotonic()
    while (outcome === undefined) {
      await new Promise((resolve) => setImmediate(resolve))
      if (outcome === undefined) clock.advance(10)
    }
    return clock.monotonic() - from
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return { clock, metrics, asked, stop, result, run, turn }
}

test('no backend at all is a typed failure', async () => {
  await assert.rejects(setUp([]).result, { code: 'unavailable' })
})

test('a backend that breaks its promise is a typed failure', async () => {
  const stops = setUp([backend('a', [[]])])
  await stops.run()
  await assert.rejects(stops.result, { code: 'backend_failed' })
  const throws = setUp([
    {
      ...backend('a', []),
      generate() {
        throw new TypeError('bug')
      },
    },
  ])
  await assert.rejects(throws.result, { code: 'internal', retryable: false })
})

test('after a failure before the first text another backend answers, at once', async () => {
  const { asked, result, run } = setUp([backend('a', [[broken()]]), backend('b', [[text('hi'), end]])])
  assert.equal(await run(), 0)
  assert.equal(await result, 'hi')
  assert.deepEqual(asked, ['a', 'b'])
})

test('the only backend is tried three times more, ever later', async () => {
  const { asked, result, run, metrics } = setUp([backend('a', [[broken()]])])
  const ms = await run()
  await assert.rejects(result, { code: 'backend_failed' })
  assert.deepEqual(asked, ['a', 'a', 'a', 'a'])
  assert.ok(ms >= 700 && ms <= 730, `${ms} ms`) // half of 200, 400, 800
  assert.match(
    await metrics.render(),
    /yizhan_inference_backend_failures_total\{backend="a",code="backend_failed"\} 4\n/,
  )
})

test('with two that fail both are tried in turn', async () => {
  const { asked, run } = setUp([backend('a', [[broken()]]), backend('b', [[broken()]])])
  await run()
  assert.deepEqual(asked, ['a', 'b', 'a', 'b'])
})

test('a backend that can never answer is not asked again', async () => {
  const { asked, result, run } = setUp([
    backend('a', [[broken(false)]]),
    backend('b', [[broken()], [text('b'), end]]),
  ])
  await run()
  assert.equal(await result, 'b')
  assert.deepEqual(asked, ['a', 'b', 'b'])
})

test('the time that a backend asks for is kept, unless it is too long to wait', async () => {
  const waits = setUp([backend('a', [[broken(true, 3_000)], [text('a'), end]])])
  const ms = await waits.run()
  assert.equal(await waits.result, 'a')
  assert.ok(ms >= 3_000 && ms < 3_030)
  const leaves = setUp([backend('a', [[broken(true, 60_000)]])])
  await leaves.run()
  await assert.rejects(leaves.result, { code: 'backend_failed' })
  assert.deepEqual(leaves.asked, ['a'])
})

test('after the first text a failure is the end', async () => {
  const { asked, result, run } = setUp([backend('a', [[text('half'), broken()]]), backend('b', [[end]])])
  await run()
  await assert.rejects(result, { code: 'backend_failed', retryable: true })
  assert.deepEqual(asked, ['a'])
})

test('a backend that hangs before its first text is left for the next one', async () => {
  const { asked, result, run } = setUp([backend('a', [['hang']]), backend('b', [[text('b'), end]])])
  const ms = await run()
  assert.equal(await result, 'b')
  assert.ok(ms >= 1_000 && ms < 1_030)
  assert.deepEqual(asked, ['a', 'b'])
})

test('an abort ends the wait at once, even if the backend ignores it', async () => {
  const hanging = setUp([backend('a', [[text('x'), 'hang']])])
  await hanging.turn()
  hanging.stop.abort(new YizhanError('cancelled', 'not wanted'))
  await assert.rejects(hanging.result, { code: 'cancelled' })
  assert.equal(hanging.clock.pending, 0)
  const between = setUp([backend('a', [[broken()]])])
  await between.turn()
  between.stop.abort(new YizhanError('cancelled', 'not wanted'))
  await assert.rejects(between.result, { code: 'cancelled' })
  assert.deepEqual(between.asked, ['a'])
  assert.equal(between.clock.pending, 0)
})

test('the backend is told to stop when nobody reads on', async () => {
  let aborted = false
  const listening: Backend = {
    ...backend('a', []),
    async *generate(_request, signal) {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      yield text('a')
      yield text('b')
    },
  }
  const clock = new ManualClock()
  const chain = new BackendChain(
    { backends: [listening], clock, log: silentLogger(), metrics: createMetrics(), random: Math.random },
    { retries: 3, retryBaseMs: 200, retryMaxMs: 5_000, firstTokenMs: 1_000 },
  )
  const stream = chain.generate(request, new AbortController().signal, () => undefined)
  await stream.next()
  await stream.return(undefined)
  assert.equal(aborted, true)
  assert.equal(clock.pending, 0)
})
