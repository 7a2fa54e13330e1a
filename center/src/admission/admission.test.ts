import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, ManualClock, type TenantId, YizhanError } from '@yizhan/kernel'
import type { AdmissionRequest, Lease, RequestPriority } from '../inference/port.js'
import { tenantId } from '../inference/testing/book-harness.js'
import { HeldBackend } from '../inference/testing/held-backend.js'
import { testAdmission } from '../inference/testing/test-admission.js'
import type { AdmissionConfig } from './admission.js'

const a = tenantId('a')
const b = tenantId('b')
const c = tenantId('c')

/** Requests that note their name when they get a place. */
function setUp({ maxRunning = 1, ...queue }: Partial<AdmissionConfig> & { maxRunning?: number } = {}) {
  const clock = new ManualClock()
  const metrics = createMetrics()
  const { admission, pool } = testAdmission(
    { clock, metrics },
    {
      backends: [new HeldBackend()],
      pool: { maxRunning },
      queue: { maxQueued: 100, maxQueuedPerTenant: 50, queueTtlMs: 10_000, ...queue },
    },
  )
  const served: string[] = []
  const leases = new Map<string, Lease>()
  const open = new AbortController().signal
  const enter = (
    name: string,
    from: TenantId,
    options: { priority?: RequestPriority; tokens?: number; signal?: AbortSignal } = {},
  ) => {
    const request: AdmissionRequest = {
      tenant: from,
      priority: options.priority ?? 'interactive',
      estimatedTokens: options.tokens ?? 10,
    }
    const done = admission.enter(request, options.signal ?? open).then((lease) => {
      served.push(name)
      leases.set(name, lease)
    })
    return { request, done }
  }
  /** Ends who runs, and lets the next one in, until nobody is left. */
  const drain = async (tokens?: number) => {
    for (let at = 0; ; at++) {
      await new Promise((resolve) => setImmediate(resolve))
      const name = served[at]
      if (name === undefined) return served
      leases.get(name)?.release(tokens)
    }
  }
  return { clock, metrics, admission, pool, enter, served, leases, drain }
}

function code(expected: string, retryAfter = false) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError)
    assert.equal(thrown.code, expected)
    if (retryAfter) assert.ok(Number(thrown.details.retryAfterMs) >= 1_000)
    return true
  }
}

test('a full queue turns the next one away and says when to come back', async () => {
  const { enter, admission } = setUp({ maxQueued: 2 })
  await enter('running', a).done
  enter('w1', a)
  enter('w2', b)
  await assert.rejects(enter('w3', c).done, code('overloaded', true))
  assert.deepEqual(admission.stats(), { running: 1, queued: 2 })
})

test('one tenant cannot fill the queue of the others', async () => {
  const { enter, drain } = setUp({ maxQueuedPerTenant: 2 })
  await enter('a1', a).done
  enter('a2', a)
  enter('a3', a)
  await assert.rejects(enter('a4', a).done, code('overloaded', true))
  enter('b1', b)
  assert.ok((await drain()).includes('b1'))
})

test('who waits too long is given up, and leaves nothing behind', async () => {
  const { clock, enter, admission, leases, served } = setUp({ queueTtlMs: 500 })
  await enter('running', a).done
  const waiting = enter('late', b)
  clock.advance(499)
  assert.equal(admission.stats().queued, 1)
  clock.advance(1)
  await assert.rejects(waiting.done, code('deadline_exceeded', true))
  leases.get('running')?.release()
  assert.deepEqual(admission.stats(), { running: 0, queued: 0 })
  assert.deepEqual(served, ['running'])
  assert.equal(clock.pending, 0)
})

test('who gives up leaves the queue with the reason given', async () => {
  const { enter, drain, admission, clock } = setUp()
  const stop = new AbortController()
  await enter('running', a).done
  const waiting = enter('gone', a, { signal: stop.signal })
  enter('next', a)
  stop.abort(new YizhanError('cancelled', 'not wanted'))
  await assert.rejects(waiting.done, code('cancelled'))
  await assert.rejects(enter('never', a, { signal: stop.signal }).done, code('cancelled'))
  assert.deepEqual(await drain(), ['running', 'next'])
  assert.deepEqual(admission.stats(), { running: 0, queued: 0 })
  assert.equal(clock.pending, 0)
})

test('a place is given back once, however often it is released', async () => {
  const { enter, admission, leases } = setUp()
  await enter('one', a).done
  enter('two', a)
  enter('three', a)
  leases.get('one')?.release()
  leases.get('one')?.release()
  assert.deepEqual(admission.stats(), { running: 1, queued: 1 })
})

test('as many run at once as there are places', async () => {
  const { enter, admission } = setUp({ maxRunning: 3 })
  for (const name of ['1', '2', '3', '4']) enter(name, a)
  assert.deepEqual(admission.stats(), { running: 3, queued: 1 })
})

test('interactive goes before task before batch, first come first served inside', async () => {
  const { enter, drain } = setUp()
  enter('running', a)
  enter('batch1', a, { priority: 'batch' })
  enter('task1', b, { priority: 'task' })
  enter('talk1', a)
  enter('talk2', a)
  enter('task2', b, { priority: 'task' })
  enter('batch2', a, { priority: 'batch' })
  assert.deepEqual(await drain(), ['running', 'talk1', 'talk2', 'task1', 'task2', 'batch1', 'batch2'])
})

test('a tenant that asks for much does not go before one that asks for little', async () => {
  const { enter, drain } = setUp()
  enter('a0', a)
  for (const n of [1, 2, 3, 4]) enter(`a${n}`, a)
  enter('b1', b)
  enter('b2', b)
  assert.deepEqual(await drain(), ['a0', 'a1', 'b1', 'a2', 'b2', 'a3', 'a4'])
})

test('tokens count, not requests: two small ones weigh as much as one large one', async () => {
  const { enter, drain } = setUp()
  enter('hold', c)
  for (const n of [1, 2]) enter(`large${n}`, a, { tokens: 200 })
  for (const n of [1, 2, 3]) enter(`small${n}`, b, { tokens: 100 })
  assert.deepEqual(await drain(), ['hold', 'large1', 'small1', 'small2', 'large2', 'small3'])
})

test('requests that claim to cost nothing still take turns', async () => {
  const { enter, drain } = setUp()
  enter('hold', c)
  for (const n of [1, 2]) enter(`a${n}`, a, { tokens: 0 })
  for (const n of [1, 2]) enter(`b${n}`, b, { tokens: 0 })
  assert.deepEqual(await drain(), ['hold', 'a1', 'b1', 'a2', 'b2'])
})

test('a wrong estimate is settled at the end', async () => {
  const { enter, served, leases } = setUp()
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  enter('a1', a, { tokens: 10 })
  enter('a2', a, { tokens: 10 })
  for (const n of [1, 2]) enter(`b${n}`, b, { tokens: 100 })
  await turn()
  // The first of a took a hundred times what was said, so b comes twice.
  leases.get('a1')?.release(1_000)
  await turn()
  leases.get('b1')?.release(100)
  await turn()
  assert.deepEqual(served, ['a1', 'b1', 'b2'])
})

test('a tenant that was away starts level and has saved nothing', async () => {
  const { enter, served, leases } = setUp()
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const finish = async () => {
    await turn()
    leases.get(served.at(-1) ?? '')?.release()
  }
  for (let n = 1; n <= 10; n++) enter(`a${n}`, a)
  for (let n = 1; n <= 6; n++) await finish()
  for (let n = 1; n <= 3; n++) enter(`b${n}`, b)
  for (let n = 1; n <= 6; n++) await finish()
  assert.deepEqual(served.slice(7), ['a8', 'b1', 'a9', 'b2', 'a10'])
})

test('a tenant with twice the weight gets twice the tokens', async () => {
  const { enter, drain } = setUp({ weightOf: (who) => (who === a ? 2 : 1) })
  enter('hold', c, { tokens: 1 })
  for (let n = 1; n <= 4; n++) enter(`a${n}`, a)
  for (let n = 1; n <= 2; n++) enter(`b${n}`, b)
  const order = await drain()
  assert.deepEqual(order.slice(0, 4).sort(), ['a1', 'a2', 'b1', 'hold'])
  assert.deepEqual(order.slice(4).sort(), ['a3', 'a4', 'b2'])
})

test('a position tells how many are served before', async () => {
  const { enter, admission, leases } = setUp()
  const running = enter('running', a)
  await running.done
  const batch = enter('batch', a, { priority: 'batch' })
  const a1 = enter('a1', a)
  const a2 = enter('a2', a)
  const a3 = enter('a3', a)
  const b1 = enter('b1', b)
  assert.equal(admission.position(running.request), 0)
  assert.equal(admission.position(a1.request), 0)
  assert.equal(admission.position(b1.request), 1)
  assert.equal(admission.position(a2.request), 2)
  assert.equal(admission.position(a3.request), 3)
  assert.equal(admission.position(batch.request), 4)
  leases.get('running')?.release()
  assert.equal(admission.position(b1.request), 0)
  assert.equal(admission.position(a2.request), 1)
})

test('queue, places, waits and refusals are measured', async () => {
  const { clock, enter, leases, metrics } = setUp({ maxQueued: 1 })
  await enter('one', a).done
  const two = enter('two', a)
  await assert.rejects(enter('three', b).done)
  clock.advance(2_000)
  assert.match(await metrics.render(), /yizhan_admission_queue_length\{priority="interactive"\} 1\n/)
  leases.get('one')?.release()
  await two.done
  assert.equal(leases.get('two')?.queueMs, 2_000)
  const text = await metrics.render()
  assert.match(text, /yizhan_admission_running 1\n/)
  assert.match(text, /yizhan_admission_queue_length\{priority="interactive"\} 0\n/)
  assert.match(text, /yizhan_admission_shed_total\{reason="queue full"\} 1\n/)
  assert.match(text, /yizhan_admission_wait_seconds_sum\{priority="interactive"\} 2\n/)
})

test('when too many wait, the newest of the lowest class goes, of the tenant that has the most there', async () => {
  const { enter, drain } = setUp({ maxQueued: 3 })
  await enter('running', a).done
  enter('b-task', b, { priority: 'task' })
  enter('a-batch1', a, { priority: 'batch' })
  const newest = enter('a-batch2', a, { priority: 'batch' })
  enter('c-talk', c)
  await assert.rejects(newest.done, code('overloaded', true))
  const last = enter('c-batch', c, { priority: 'batch' })
  await assert.rejects(last.done, code('overloaded', true))
  assert.deepEqual(await drain(), ['running', 'c-talk', 'b-task', 'a-batch1'])
})

test('what is written is charged while it is, so that a long answer does not wait for its end to count', async () => {
  const { enter, served, leases } = setUp({ maxRunning: 2 })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  await enter('a1', a).done
  await enter('b1', b).done
  for (const n of [2, 3]) enter(`a${n}`, a)
  for (const n of [2, 3]) enter(`b${n}`, b)
  leases.get('a1')?.charge(1_000)
  leases.get('b1')?.release()
  await turn()
  leases.get('b2')?.release()
  await turn()
  assert.deepEqual(served, ['a1', 'b1', 'b2', 'b3'])
})

test('first come, first served is there to compare with', async () => {
  const { enter, drain } = setUp({ fifo: true })
  enter('a0', a)
  for (const n of [1, 2, 3]) enter(`a${n}`, a)
  enter('b1', b)
  assert.deepEqual(await drain(), ['a0', 'a1', 'a2', 'a3', 'b1'])
})

test('with every backend gone those who wait are told at once, and so is who comes', async () => {
  const { enter, pool, admission } = setUp()
  await enter('running', a).done
  const waiting = enter('waiting', b)
  pool.drain('held', true)
  await assert.rejects(waiting.done, code('unavailable', true))
  await assert.rejects(enter('late', b).done, code('unavailable', true))
  assert.deepEqual(admission.stats(), { running: 1, queued: 0 })
})

test('cancelled requests are counted by how far they were', async () => {
  const { enter, metrics } = setUp()
  const stop = new AbortController()
  await enter('running', a).done
  const waiting = enter('waiting', a, { signal: stop.signal })
  stop.abort(new YizhanError('cancelled', 'not wanted'))
  await assert.rejects(waiting.done)
  assert.match(await metrics.render(), /yizhan_inference_cancelled_total\{stage="queue"\} 1\n/)
})
