import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId, createMetrics, ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import type { Turn } from '../ledger/index.js'
import { textMessage } from '../ledger/testing.js'
import { type LaneHold, Lanes, type LanesConfig } from './lanes.js'

let seq = 0

function turn(name: string, conversation: string, tenant = 'acme'): Turn {
  seq += 1
  const message = textMessage(name, { tenantId: tenant, conversationId: conversation })
  const id = asTenantId(tenant) ?? assert.fail()
  return { id: name, tenant: id, message, state: 'received', version: 0, receivedSeq: seq, receivedAt: 0 }
}

interface Started {
  readonly hold: LaneHold
  readonly signal: AbortSignal
  readonly end: () => void
  readonly fail: (error: Error) => void
}

function makeLanes(config: Partial<LanesConfig> = {}) {
  const clock = new ManualClock()
  const started = new Map<string, Started>()
  const lanes = new Lanes(
    { clock, log: silentLogger(), metrics: createMetrics() },
    { maxConcurrent: 4, handlerMs: 1_000, parkedMs: 60_000, ...config },
    (one, signal, hold) =>
      new Promise<void>((resolve, reject) => {
        started.set(one.id, { hold, signal, end: resolve, fail: reject })
      }),
  )
  const names = () => [...started.keys()]
  const get = (name: string) => started.get(name) ?? assert.fail(`${name} has not started`)
  return { lanes, clock, names, get }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

test('a turn whose handler rejects does not hold up its conversation', async () => {
  const { lanes, names, get } = makeLanes()
  lanes.enter(turn('a', 'room'))
  lanes.enter(turn('b', 'room'))
  await settle()
  get('a').fail(new Error('broken'))
  await settle()
  assert.deepEqual(names(), ['a', 'b'])
})

test('one at a time within a conversation, side by side across conversations', async () => {
  const { lanes, names, get } = makeLanes()
  for (const name of ['a1', 'a2', 'a3']) lanes.enter(turn(name, 'a'))
  lanes.enter(turn('b1', 'b'))
  await settle()
  assert.deepEqual(names(), ['a1', 'b1'])
  get('a1').end()
  await settle()
  get('a2').end()
  await settle()
  assert.deepEqual(names(), ['a1', 'b1', 'a2', 'a3'])
})

test('the same conversation id of another tenant is another conversation', async () => {
  const { lanes, names } = makeLanes()
  lanes.enter(turn('a', 'room', 'acme'))
  lanes.enter(turn('b', 'room', 'other'))
  await settle()
  assert.deepEqual(names(), ['a', 'b'])
})

test('no more than the limit run, and a parked turn gives its place but not its lane', async () => {
  const { lanes, names, get } = makeLanes({ maxConcurrent: 1 })
  lanes.enter(turn('a1', 'a'))
  lanes.enter(turn('a2', 'a'))
  lanes.enter(turn('b1', 'b'))
  await settle()
  assert.deepEqual(names(), ['a1'])
  get('a1').hold.park()
  await settle()
  assert.deepEqual(names(), ['a1', 'b1'])
  get('b1').end()
  await settle()
  assert.deepEqual(names(), ['a1', 'b1'], 'a2 waits for a1')
  get('a1').end()
  await settle()
  assert.deepEqual(names(), ['a1', 'b1', 'a2'])
})

test('a released lane goes on at once, and its end does not count twice', async () => {
  const { lanes, names, get } = makeLanes({ maxConcurrent: 1 })
  for (const name of ['a1', 'a2', 'a3']) lanes.enter(turn(name, 'a'))
  await settle()
  get('a1').hold.release()
  get('a1').hold.release()
  await settle()
  assert.deepEqual(names(), ['a1', 'a2'])
  get('a1').end()
  await settle()
  assert.deepEqual(names(), ['a1', 'a2'])
})

test('a tenant with many conversations does not starve another', async () => {
  const { lanes, names, get } = makeLanes({ maxConcurrent: 1 })
  for (let i = 0; i < 6; i++) lanes.enter(turn(`big${i}`, `big-room-${i}`, 'big'))
  lanes.enter(turn('small0', 'small-room-0', 'small'))
  lanes.enter(turn('small1', 'small-room-1', 'small'))
  await settle()
  for (let i = 0; i < 5; i++) {
    get(names().at(-1) ?? '').end()
    await settle()
  }
  assert.deepEqual(names(), ['big0', 'big1', 'small0', 'big2', 'small1', 'big3'])
})

test('ten thousand waiting turns of one tenant delay another by its share, in one lane or in many', async () => {
  const { lanes, names, get } = makeLanes({ maxConcurrent: 4 })
  for (let i = 0; i < 5_000; i++) {
    lanes.enter(turn(`lane${i}`, 'big-room', 'big'))
    lanes.enter(turn(`room${i}`, `big-room-${i}`, 'big'))
  }
  for (let i = 0; i < 10; i++) lanes.enter(turn(`small${i}`, `small-room-${i}`, 'small'))
  await settle()
  for (let ended = 0; !names().includes('small9'); ended++) {
    assert.ok(ended < 24, 'ten turns start within twice their number, and what ran before')
    get(names()[ended] ?? '').end()
    await settle()
  }
})

test('what waits is counted in bytes too, and given back', async () => {
  const { lanes, get } = makeLanes({ maxConcurrent: 1 })
  lanes.enter(turn('a', 'room'))
  const long = turn('b', 'room')
  long.message.text = 'x'.repeat(4_000)
  lanes.enter(long)
  await settle()
  assert.ok(lanes.waitingBytes >= 8_000)
  assert.equal(lanes.cancel(long, new YizhanError('cancelled', 'x')), 'queued')
  assert.equal(lanes.waitingBytes, 0)
  get('a').end()
})

test('a handler that exceeds its deadline is aborted with its reason and the lane goes on', async () => {
  const { lanes, clock, names, get } = makeLanes()
  lanes.enter(turn('a', 'room'))
  lanes.enter(turn('b', 'room'))
  await settle()
  clock.advance(999)
  assert.equal(get('a').signal.aborted, false)
  clock.advance(1)
  assert.equal((get('a').signal.reason as YizhanError).code, 'deadline_exceeded')
  await settle()
  assert.deepEqual(names(), ['a', 'b'])
  clock.advance(999)
  get('b').end()
  await settle()
  clock.advance(10_000)
  assert.equal(get('b').signal.aborted, false, 'a deadline ends with its turn')
})

test('a parked turn has the longer deadline', async () => {
  const { lanes, clock, get } = makeLanes()
  lanes.enter(turn('a', 'room'))
  await settle()
  get('a').hold.park()
  clock.advance(59_999)
  assert.equal(get('a').signal.aborted, false)
  clock.advance(1)
  assert.equal(get('a').signal.aborted, true)
})

test('a bypassing turn starts beside its conversation, up to a limit', async () => {
  const { lanes, names } = makeLanes({ maxBypassing: 1 })
  lanes.enter(turn('a', 'room'))
  lanes.bypass(turn('cancel', 'room'))
  lanes.bypass(turn('status', 'room'))
  await settle()
  assert.deepEqual(names(), ['a', 'cancel'])
  assert.equal(lanes.waiting(), 1)
})

test('a waiting turn is taken out, a running one is aborted, another is absent', async () => {
  const { lanes, names, get } = makeLanes()
  const reason = new YizhanError('cancelled', 'x')
  const [a, b, c] = [turn('a', 'room'), turn('b', 'room'), turn('c', 'room')]
  for (const one of [a, b]) lanes.enter(one)
  await settle()
  assert.deepEqual(
    [a, b, c].map((one) => lanes.cancel(one, reason)),
    ['running', 'queued', 'absent'],
  )
  assert.equal(get('a').signal.reason, reason)
  get('a').end()
  await settle()
  assert.deepEqual(names(), ['a'])
})

test('idle conversations leave nothing behind', async () => {
  const { lanes, get } = makeLanes({ maxConcurrent: 1 })
  lanes.enter(turn('busy', 'busy'))
  const waiting = Array.from({ length: 100 }, (_, i) => turn(`t${i}`, `room-${i}`))
  for (const one of waiting) lanes.enter(one)
  assert.equal(lanes.waiting('acme'), 100)
  for (const one of waiting.slice(1)) lanes.cancel(one, new YizhanError('cancelled', 'x'))
  await settle()
  get('busy').end()
  await settle()
  get('t0').end()
  await settle()
  assert.deepEqual([lanes.size, lanes.waiting(), lanes.waiting('acme')], [0, 0, 0])
})

test('stop aborts what runs, starts nothing more and waits for what settles', async () => {
  const { lanes, names, get } = makeLanes({ maxConcurrent: 1 })
  lanes.enter(turn('a', 'room'))
  lanes.enter(turn('b', 'room'))
  await settle()
  let stopped = false
  const stopping = lanes.stop('test').then(() => {
    stopped = true
  })
  await settle()
  assert.deepEqual([stopped, (get('a').signal.reason as YizhanError).code], [false, 'unavailable'])
  get('a').end()
  await stopping
  lanes.enter(turn('c', 'room'))
  lanes.bypass(turn('d', 'room'))
  await settle()
  assert.deepEqual(names(), ['a'])
})
