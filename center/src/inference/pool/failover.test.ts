import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, ManualClock, YizhanError } from '@yizhan/kernel'
import type { Backend, GenerateRequest, Piece } from '../port.js'
import { tenant } from '../testing/book-harness.js'
import { type AdmissionOptions, testAdmission } from '../testing/test-admission.js'
import type { MemberConfig } from './member.js'

const request: GenerateRequest = { tenant, question: 'q', locale: 'en', history: [], passages: [] }

type Step = Piece | YizhanError | 'hang'
const text = (value: string): Piece => ({ type: 'text', text: value })
const end: Piece = { type: 'end', finish: 'stop', outputTokens: 1 }
const broken = (retryable = true, details: Record<string, unknown> = {}) =>
  new YizhanError('backend_failed', 'broken', { retryable, details })
const slowDown = (retryAfterMs: number) =>
  new YizhanError('overloaded', 'slow down', { details: { status: 429, retryAfterMs } })

/** A backend that goes through one script a run; the last one again and again. It ignores an abort. */
function backend(
  name: string,
  scripts: readonly (readonly Step[])[],
  more: Partial<Backend> & { config?: Partial<MemberConfig> } = {},
): Backend & { runs: number; prefixes: (string | undefined)[]; config?: Partial<MemberConfig> } {
  return {
    name,
    model: `model of ${name}`,
    runs: 0,
    prefixes: [],
    async *generate({ prefix }) {
      this.prefixes.push(prefix)
      const script = scripts[Math.min(this.runs++, scripts.length - 1)] ?? []
      for (const step of script) {
        if (step === 'hang') await new Promise(() => undefined)
        else if (step instanceof YizhanError) throw step
        else yield step
      }
    },
    async probe() {},
    ...more,
  }
}

const backup = (name: string, scripts: readonly (readonly Step[])[]) =>
  backend(name, scripts, { config: { channel: 'backup' } })

function setUp(backends: AdmissionOptions['backends'], options: Partial<AdmissionOptions> = {}) {
  const clock = new ManualClock()
  const metrics = createMetrics()
  const { admission, pool } = testAdmission(
    { clock, metrics },
    { member: { firstTokenMs: 1_000, betweenTokensMs: 2_000 }, ...options, backends },
  )
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  /** Asks one request; `run` lets timers run until its answer is there, and tells how many milliseconds it took. */
  const ask = () => {
    const asked: string[] = []
    const stop = new AbortController()
    let isOver = false
    const answer = async () => {
      const lease = await admission.enter(
        { tenant, priority: 'interactive', estimatedTokens: 1 },
        stop.signal,
      )
      try {
        const told: string[] = []
        for await (const piece of lease.generate(request, stop.signal, ({ name }) => asked.push(name))) {
          if (piece.type === 'text') told.push(piece.text)
          if (piece.type === 'superseded') told.push('|')
          if (piece.type === 'end') told.push(`.${piece.outputTokens ?? ''}`)
        }
        return told.join('')
      } finally {
        lease.release()
      }
    }
    const result = answer().finally(() => {
      isOver = true
    })
    result.catch(() => undefined)
    const run = async () => {
      const from = clock.monotonic()
      while (!isOver) {
        await turn()
        if (!isOver) clock.advance(10)
      }
      return clock.monotonic() - from
    }
    return { asked, stop, result, run }
  }
  return { clock, metrics, pool, ask, turn }
}

/** One request, asked to its end. */
async function asked(backends: AdmissionOptions['backends']) {
  const set = setUp(backends)
  const one = set.ask()
  const ms = await one.run()
  return { ...set, ...one, ms }
}

test('no backend at all is a typed failure', async () => {
  const { result } = await asked([])
  await assert.rejects(result, { code: 'unavailable' })
})

test('a backend that breaks its promise is a typed failure', async () => {
  const stops = await asked([backend('a', [[]])])
  await assert.rejects(stops.result, { code: 'backend_failed' })
  const throws = await asked([
    backend('a', [], {
      generate() {
        throw new TypeError('bug')
      },
    }),
  ])
  await assert.rejects(throws.result, { code: 'internal', retryable: false })
})

test('after a failure before the first text another backend answers, at once', async () => {
  const {
    asked: names,
    result,
    ms,
  } = await asked([backend('a', [[broken()]]), backend('b', [[text('hi'), end]])])
  assert.equal(await result, 'hi.1')
  assert.equal(ms, 0)
  assert.deepEqual(names, ['a', 'b'])
})

test('the only backend is tried three times more, ever later', async () => {
  const { asked: names, result, ms, metrics } = await asked([backend('a', [[broken()]])])
  await assert.rejects(result, { code: 'backend_failed' })
  assert.deepEqual(names, ['a', 'a', 'a', 'a'])
  assert.ok(ms >= 700 && ms <= 730, `${ms} ms`) // half of 200, 400, 800
  const counted = await metrics.render()
  assert.match(counted, /yizhan_inference_backend_failures_total\{backend="a",code="backend_failed"\} 4\n/)
  assert.match(counted, /yizhan_pool_retries_total\{where="same"\} 3\n/)
})

test('with two that fail both are tried in turn', async () => {
  const { asked: names } = await asked([backend('a', [[broken()]]), backend('b', [[broken()]])])
  assert.deepEqual(names, ['a', 'b', 'a', 'b'])
})

test('the backup is asked when the tries of the primary are used up, and has as many of its own', async () => {
  const { asked: names, result } = await asked([
    backup('z', [[broken()], [text('z'), end]]),
    backend('a', [[broken()]]),
  ])
  assert.equal(await result, 'z.1')
  assert.deepEqual(names, ['a', 'a', 'a', 'a', 'z', 'z'])
})

test('a backend that can never answer is not asked again', async () => {
  const { asked: names, result } = await asked([
    backend('a', [[broken(false)]]),
    backend('b', [[broken()], [text('b'), end]]),
  ])
  assert.equal(await result, 'b.1')
  assert.deepEqual(names, ['a', 'b', 'b'])
})

test('the time that a backend asks for is kept, unless it is too long to wait', async () => {
  const waits = await asked([backend('a', [[broken(true, { retryAfterMs: 3_000 })], [text('a'), end]])])
  assert.equal(await waits.result, 'a.1')
  assert.ok(waits.ms >= 3_000 && waits.ms < 3_030, `${waits.ms} ms`)
  const leaves = await asked([backend('a', [[broken(true, { retryAfterMs: 60_000 })]])])
  await assert.rejects(leaves.result, { code: 'backend_failed' })
  assert.deepEqual(leaves.asked, ['a'])
})

test('a backend whose money ran out is left alone by every request for a while; the backup answers', async () => {
  const broke = new YizhanError('overloaded', 'no quota', { retryable: false, details: { status: 402 } })
  const primary = backend('a', [[broke], [text('a'), end]])
  const { ask, clock } = setUp([primary, backup('z', [[text('z'), end]])])
  for (const _ of [1, 2]) {
    const one = ask()
    await one.run()
    assert.equal(await one.result, 'z.1')
  }
  assert.equal(primary.runs, 1)
  clock.advance(60_000)
  const later = ask()
  await later.run()
  assert.equal(await later.result, 'a.1')
})

test('who says to slow down is left alone as long as it says', async () => {
  const busy = backend('a', [[slowDown(4_000)], [text('a'), end]])
  const { ask, clock } = setUp([busy, backend('b', [[text('b'), end]])])
  const first = ask()
  await first.run()
  assert.equal(await first.result, 'b.1')
  const second = ask()
  await second.run()
  assert.deepEqual(second.asked, ['b'])
  clock.advance(4_000)
  const third = ask()
  await third.run()
  assert.deepEqual(third.asked, ['a'])
})

test('in the middle of an answer another backend begins anew, and says so', async () => {
  const {
    result,
    asked: names,
    metrics,
  } = await asked([backend('a', [[text('half'), broken()]]), backend('b', [[text('wh'), text('ole'), end]])])
  assert.equal(await result, 'half|whole.1')
  assert.deepEqual(names, ['a', 'b'])
  assert.match(await metrics.render(), /yizhan_pool_failovers_total\{how="superseded"\} 1\n/)
})

test('a backend that can goes on after what was told, and both parts are counted', async () => {
  const other = backend('b', [[text('time'), end]], { continues: true })
  const { result } = await asked([backend('a', [[text('half '), text('the '), broken()]]), other])
  assert.equal(await result, 'half the time.4')
  assert.deepEqual(other.prefixes, ['half the '])
})

test('a tool call that was begun is never gone on with', async () => {
  const calls: Piece = { type: 'tool-calls', calls: [{ index: 0, id: 'c', name: 'f', arguments: '{"a' }] }
  const other = backend('b', [[text('b'), end]], { continues: true })
  const { result } = await asked([backend('a', [[calls, broken()]]), other])
  assert.equal(await result, '|b.1')
  assert.deepEqual(other.prefixes, [undefined])
})

test('an answer that breaks everywhere fails at last, with what was told still standing', async () => {
  const { result, asked: names } = await asked([backend('a', [[text('half'), broken()]])])
  await assert.rejects(result, { code: 'backend_failed' })
  assert.equal(names.length, 4)
})

test('a backend that hangs is left for the next one, before its first text and between two', async () => {
  const before = await asked([backend('a', [['hang']]), backend('b', [[text('b'), end]])])
  assert.equal(await before.result, 'b.1')
  assert.ok(before.ms >= 1_000 && before.ms < 1_030, `${before.ms} ms`)
  const between = await asked([backend('a', [[text('x'), 'hang']]), backend('b', [[text('b'), end]])])
  assert.equal(await between.result, 'x|b.1')
  assert.ok(between.ms >= 2_000 && between.ms < 2_030, `${between.ms} ms`)
})

test('for a backend that hangs nobody waits twice if the backup can answer; alone it is tried again', async () => {
  const { asked: names, ms } = await asked([backup('z', [[text('z'), end]]), backend('a', [['hang']])])
  assert.deepEqual(names, ['a', 'z'])
  assert.ok(ms < 1_100, `${ms} ms`)
  const alone = await asked([backend('a', [['hang'], [text('a'), end]])])
  assert.equal(await alone.result, 'a.1')
})

test('a backend that fails and fails is no longer asked, and after a while tried with one request', async () => {
  const a = backend('a', [[broken()], [broken()], [broken()], [broken()], [broken()], ['hang']])
  const { ask, pool, clock, metrics } = setUp([a, backend('b', [[text('b'), end]])], {
    member: { firstTokenMs: 30_000 },
  })
  const state = () => pool.state().find(({ name }) => name === 'a')?.breaker
  for (let n = 0; n < 5; n++) await ask().run()
  assert.deepEqual([a.runs, state()], [5, 'open'])
  await ask().run()
  assert.equal(a.runs, 5)
  assert.match(await metrics.render(), /yizhan_pool_breaker_state\{backend="a"\} 2\n/)
  clock.advance(10_000)
  const trial = ask()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([trial.asked, state()], [['a'], 'half-open'])
  const beside = ask()
  await beside.run()
  assert.deepEqual(beside.asked, ['b'])
  // Nobody waits for the trial any more: that says nothing, and the next one is the trial.
  trial.stop.abort(new YizhanError('cancelled', 'not wanted'))
  await trial.run()
  await assert.rejects(trial.result, { code: 'cancelled' })
  assert.equal(state(), 'open')
  const next = ask()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([next.asked, state()], [['a'], 'half-open'])
  next.stop.abort(new YizhanError('cancelled', 'not wanted'))
  await next.run()
})

test('what the request or its asker did says nothing of a backend', async () => {
  const refuses = backend('a', [[broken(false, { status: 400 })], [broken(true, { status: 409 })]])
  const { ask, pool } = setUp([refuses, backup('z', [[text('z'), end]])])
  for (let n = 0; n < 6; n++) await ask().run()
  const hanging = backend('h', [['hang']])
  const cancelled = setUp([hanging])
  for (let n = 0; n < 10; n++) {
    const one = cancelled.ask()
    await cancelled.turn()
    one.stop.abort(new YizhanError('cancelled', 'not wanted'))
    await one.run()
  }
  assert.equal(pool.state()[0]?.breaker, 'closed')
  assert.equal(cancelled.pool.state()[0]?.breaker, 'closed')
})

test('an abort ends the wait at once, even if the backend ignores it, and frees the room', async () => {
  const { ask, pool, turn, clock } = setUp([backend('a', [[text('x'), 'hang']])])
  const one = ask()
  await turn()
  assert.equal(pool.state()[0]?.running, 1)
  one.stop.abort(new YizhanError('cancelled', 'not wanted'))
  await assert.rejects(one.result, { code: 'cancelled' })
  assert.deepEqual([pool.state()[0]?.running, pool.state()[0]?.inFlightTokens], [0, 0])
  assert.equal(clock.pending, 0)
  const between = setUp([backend('a', [[broken()]])])
  const two = between.ask()
  await between.turn()
  two.stop.abort(new YizhanError('cancelled', 'not wanted'))
  await assert.rejects(two.result, { code: 'cancelled' })
  assert.deepEqual(two.asked, ['a'])
  assert.equal(between.clock.pending, 0)
})

test('the backend is told to stop when nobody reads on', async () => {
  let aborted = false
  const listening = backend('a', [], {
    async *generate(_request, signal) {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      yield text('a')
      yield text('b')
    },
  })
  const clock = new ManualClock()
  const { admission } = testAdmission({ clock, metrics: createMetrics() }, { backends: [listening] })
  const { signal } = new AbortController()
  const lease = await admission.enter({ tenant, priority: 'interactive', estimatedTokens: 1 }, signal)
  for await (const piece of lease.generate(request, signal, () => undefined)) {
    if (piece.type === 'text') break
  }
  lease.release()
  assert.equal(aborted, true)
  assert.equal(clock.pending, 0)
})

test('who reads slowly does not make the backend slow', async () => {
  const clock = new ManualClock()
  const { admission } = testAdmission(
    { clock, metrics: createMetrics() },
    { backends: [backend('a', [[text('a'), text('b'), end]])], member: { betweenTokensMs: 1_000 } },
  )
  const { signal } = new AbortController()
  const lease = await admission.enter({ tenant, priority: 'interactive', estimatedTokens: 1 }, signal)
  let all = ''
  for await (const piece of lease.generate(request, signal, () => undefined)) {
    clock.advance(60_000)
    if (piece.type === 'text') all += piece.text
  }
  assert.equal(all, 'ab')
})
