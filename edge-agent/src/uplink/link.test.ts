import assert from 'node:assert/strict'
import test from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import { TestCa } from './testing/ca.js'
import { startTestCenter } from './testing/center.js'
import { enrolInto, startTestEdge, type TestEdge, testDirectory } from './testing/edge.js'
import { startTestProxy } from './testing/proxy.js'
import { EDGE_ID, TRUST_DOMAIN } from './testing/registrar.js'

/** Moves the clock on second by second, letting everything that a second brings about happen. */
async function advanceWhileReady(clock: ManualClock, edge: TestEdge): Promise<void> {
  while (edge.uplink.link.s === 'ready') {
    clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a server with another CA is told nothing', async (t) => {
  const center = await startTestCenter(t)
  const impostor = await startTestCenter(t, { ca: new TestCa() })
  const edge = await startTestEdge(t, center, { config: { linkAddress: impostor.linkAddress } })
  const state = await edge.reached('backing-off')
  assert.match(state.reason, /certificate/)
  assert.equal(impostor.hellos.all.length, 0)
})

for (const uri of [
  `spiffe://${TRUST_DOMAIN}/edge/${EDGE_ID}`,
  'spiffe://other.yizhan/center',
  `spiffe://${TRUST_DOMAIN}/center/`,
  `SPIFFE://${TRUST_DOMAIN}/center`,
]) {
  test(`a server of the right CA that is ${uri} is told nothing`, async (t) => {
    const center = await startTestCenter(t, { uri })
    const edge = await startTestEdge(t, center)
    const state = await edge.reached('backing-off')
    assert.match(state.reason, /not the center|not one of ours/)
    assert.equal(center.hellos.all.length, 0)
  })
}

test('a link says hello and heartbeats, and says goodbye when it stops', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const ready = await edge.reached('ready')
  assert.equal(ready.generation, 1n)
  const hello = await center.hellos.next()
  assert.deepEqual([hello.journalEpoch, hello.appliedRevision, hello.site], [7n, 0n, 'beijing'])
  assert.equal((await center.heartbeats.next()).waitingTurns, 3)
  await edge.uplink.stop('test')
  assert.equal(edge.uplink.link.s, 'stopped')
  assert.equal((await center.goodbyes.next()).reason, 'stopping')
})

test('an edge without an identity and without a token stays unenrolled and stops cleanly', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center, { dir: testDirectory(t) })
  assert.equal(edge.uplink.link.s, 'unenrolled')
  assert.equal(edge.uplink.identity, undefined)
  await edge.uplink.stop('test')
  assert.equal(center.hellos.all.length, 0)
})

test('an edge with a token enrols in the background, again and again until it works', async (t) => {
  const center = await startTestCenter(t)
  const { enrollAddress } = center
  center.registrar.loseAnswers = 2
  const config = { enrollAddress, token: center.registrar.token }
  const edge = await startTestEdge(t, center, { dir: testDirectory(t), config })
  assert.match((await edge.reached('backing-off')).reason, /lost/)
  await edge.reached('ready')
  assert.equal(center.registrar.enrollments.all.length, 3)
})

test('a refused token is shown as refused, with the reason', async (t) => {
  const center = await startTestCenter(t)
  const token = `yzj1.${Buffer.alloc(16).toString('base64url')}.${center.ca.pin.toString('base64url')}`
  const config = { enrollAddress: center.enrollAddress, token }
  const edge = await startTestEdge(t, center, { dir: testDirectory(t), config })
  const refused = await edge.reached('refused')
  assert.deepEqual([refused.code, refused.reason], ['permission_denied', 'the token is not valid'])
})

test('an expired certificate is shown as refused, says what to do, and a new token mends it', async (t) => {
  const center = await startTestCenter(t)
  const life = center.registrar.life
  center.registrar.life = { from: Date.now() - 7_200_000, to: Date.now() - 3_600_000 }
  const dir = testDirectory(t)
  await enrolInto(dir, center)
  center.registrar.life = life
  const edge = await startTestEdge(t, center, { dir })
  const refused = await edge.reached('refused')
  assert.equal(refused.code, 'unauthenticated')
  assert.match(refused.reason, /expired at .*: enrol it again with a new join token/)
  await edge.uplink.stop('test')
  const config = { enrollAddress: center.enrollAddress, token: center.registrar.token }
  const again = await startTestEdge(t, center, { dir, config })
  await again.reached('ready')
})

test('unanswered heartbeats end a half-open link within 45 s, and it comes back', async (t) => {
  const center = await startTestCenter(t)
  const proxy = await startTestProxy(t, center.linkAddress)
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock, config: { linkAddress: proxy.address } })
  await edge.reached('ready')
  await center.heartbeats.next()
  proxy.hang()
  const start = clock.monotonic()
  await advanceWhileReady(clock, edge)
  assert.ok(clock.monotonic() - start <= 45_000, `seen after ${clock.monotonic() - start} ms`)
  assert.match((await edge.reached('backing-off')).reason, /heartbeats were not answered/)
  clock.advance(30_000)
  await edge.reached('ready')
})

test('a center that asks for rare heartbeats does not make a half-open link last', async (t) => {
  const center = await startTestCenter(t)
  center.heartbeatMs = 3_600_000
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock })
  await edge.reached('ready')
  center.answersHeartbeats = false
  const start = clock.monotonic()
  await advanceWhileReady(clock, edge)
  assert.ok(clock.monotonic() - start <= 45_000)
})

test('a wall clock that jumps by days does not end a link', async (t) => {
  const center = await startTestCenter(t)
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock })
  await edge.reached('ready')
  for (const days of [10, -20, 10, 0, 0]) {
    await center.heartbeats.next()
    clock.jumpWall(days * 86_400_000)
    clock.advance(10_000)
  }
  await center.heartbeats.next()
  assert.deepEqual([edge.uplink.link.s, center.hellos.all.length], ['ready', 1])
})

test('a link that flaps keeps its backoff; one that held for 30 s starts anew', async (t) => {
  const center = await startTestCenter(t)
  const clock = new ManualClock(Date.now())
  const config = { backoffBaseMs: 500, backoffMaxMs: 30_000 }
  const edge = await startTestEdge(t, center, { clock, config })
  const waits: number[] = []
  for (let i = 0; i < 8; i++) {
    await edge.reached('ready')
    center.dropLink()
    const { until } = await edge.reached('backing-off')
    waits.push(until - clock.wall())
    clock.advance(until - clock.wall())
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000])
  await edge.reached('ready')
  clock.advance(9_000)
  for (let held = 9_000; held < 36_000; held += 9_000) {
    await center.heartbeats.next()
    clock.advance(9_000)
  }
  center.dropLink()
  const { until, attempt } = await edge.reached('backing-off')
  assert.deepEqual([until - clock.wall(), attempt], [250, 1])
})

test('after a loss the edge spreads its return over the window that the center asked for', async (t) => {
  const center = await startTestCenter(t)
  center.greet = (call) => center.welcome(call, { reconnectSpreadMs: 20_000 })
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock })
  await edge.reached('ready')
  center.dropLink()
  const { until } = await edge.reached('backing-off')
  assert.equal(until - clock.wall(), 10_000)
})

test('every try is spread until there is a link again: a center that comes back meets all of them', async (t) => {
  const center = await startTestCenter(t)
  center.greet = (call) => center.welcome(call, { reconnectSpreadMs: 20_000 })
  const proxy = await startTestProxy(t, center.linkAddress)
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock, config: { linkAddress: proxy.address } })
  await edge.reached('ready')
  proxy.admit(false)
  proxy.cut()
  await edge.states.first((state) => state.s === 'backing-off' && state.attempt === 1)
  clock.advance(10_000)
  const second = await edge.states.first((state) => state.s === 'backing-off' && state.attempt === 2)
  assert.ok(second.s === 'backing-off')
  assert.equal(second.until - clock.wall(), 10_000)
})

test('a refused link says why and is tried again slowly', async (t) => {
  const center = await startTestCenter(t)
  center.greet = (call) => center.refuse('version_skew', call)
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock, config: { refusedRetryMs: 60_000 } })
  const refused = await edge.reached('refused')
  assert.equal(refused.code, 'version_skew')
  assert.ok(refused.until - clock.wall() >= 60_000)
  center.greet = (call) => center.welcome(call)
  clock.advance(refused.until - clock.wall())
  await edge.reached('ready')
})

test('a center that speaks a newer protocol only is refused by the edge', async (t) => {
  const center = await startTestCenter(t)
  center.greet = (call) => center.welcome(call, { protocol: 99 })
  const edge = await startTestEdge(t, center)
  assert.equal((await edge.reached('refused')).code, 'version_skew')
})

test('a drain makes the edge leave and come back when it was asked to', async (t) => {
  const center = await startTestCenter(t)
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock })
  await edge.reached('ready')
  const value = {
    $typeName: 'yizhan.v1.Drain' as const,
    reason: 'upgrade',
    deadlineMs: 5_000,
    reconnectAfterMs: 7_000,
  }
  center.send({ case: 'drain', value })
  const away = await edge.reached('backing-off')
  assert.match(away.reason, /upgrade/)
  assert.equal(away.until - clock.wall(), 7_000)
  assert.equal((await center.goodbyes.next()).reason, 'drained')
  clock.advance(7_000)
  assert.equal((await edge.reached('ready')).generation, 2n)
})

test('frames of an old generation and frames out of place are dropped and counted', async (t) => {
  const center = await startTestCenter(t)
  center.greet = (call) => {
    center.send({ case: 'desiredState', value: center.sign({ revision: 9n }) }, 0n, call)
    center.welcome(call)
  }
  const edge = await startTestEdge(t, center)
  await edge.reached('ready')
  center.send({ case: 'desiredState', value: center.sign({ revision: 8n }) }, 0n)
  center.send({ case: 'desiredState', value: center.sign({ revision: 1n }) })
  assert.equal((await edge.applied.next()).state.revision, 1n)
  assert.equal(edge.applied.all.length, 1)
  const text = await edge.metrics.render()
  assert.match(text, /frames_dropped_total\{stream="link",reason="out_of_place"\} 1/)
  assert.match(text, /frames_dropped_total\{stream="link",reason="generation"\} 1/)
})

test('bytes that are no message end the link, not the process, and it comes back', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  await edge.reached('ready')
  center.garbage = Buffer.from('ffffffffffffffffffff', 'hex')
  center.send({ case: undefined })
  await edge.reached('backing-off')
  assert.equal((await edge.reached('ready')).generation, 2n)
})

test('a center that is not there is tried for ever', async (t) => {
  const center = await startTestCenter(t)
  const proxy = await startTestProxy(t, center.linkAddress)
  proxy.admit(false)
  const edge = await startTestEdge(t, center, { config: { linkAddress: proxy.address } })
  for (let attempt = 1; attempt <= 12; attempt++)
    assert.equal((await edge.reached('backing-off')).attempt, attempt)
  proxy.admit(true)
  await edge.reached('ready')
})
