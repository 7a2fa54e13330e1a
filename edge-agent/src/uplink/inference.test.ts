import assert from 'node:assert/strict'
import test from 'node:test'
import { errorOf, resultOf, sha256, submitted } from './testing/asked.js'
import { startTestCenter } from './testing/center.js'
import { ask, startTestEdge } from './testing/edge.js'
import { startTestProxy } from './testing/proxy.js'
import { TestSink } from './testing/sink.js'

test('a stream that is cut in the middle goes on where it was: no piece lost, none twice', async (t) => {
  const center = await startTestCenter(t)
  const proxy = await startTestProxy(t, center.linkAddress)
  const edge = await startTestEdge(t, center, { config: { linkAddress: proxy.address } })
  const { sink, run } = await submitted(center, edge)
  const words = Array.from({ length: 300 }, (_, i) => `第${i}句, sentence ${i}. `)
  for (const [i, word] of words.entries()) {
    run.say(word)
    if (i % 60 !== 30) continue
    // Some of what was just said is under way, some was read, some is in neither's hands.
    await sink.has(i - 7)
    proxy.cut()
    await center.book.submits.next()
  }
  run.finish()
  const result = await resultOf(sink)
  assert.equal(sha256(result.text), sha256(words.join('')))
  assert.equal(sha256(sink.text), sha256(words.join('')))
  assert.deepEqual(
    sink.pieces,
    words.map((_, i) => `1/${i + 1}`),
  )
  assert.equal(sink.ends, 1)
  assert.match(await edge.metrics.render(), /yizhan_inference_resumed_total 5/)
})

test('a final that was lost with the link is said again', async (t) => {
  const center = await startTestCenter(t)
  const proxy = await startTestProxy(t, center.linkAddress)
  const edge = await startTestEdge(t, center, { config: { linkAddress: proxy.address } })
  const { sink, run } = await submitted(center, edge)
  run.say('all of it')
  await sink.has(1)
  proxy.hang()
  run.finish()
  proxy.cut()
  const again = await center.book.submits.next()
  assert.deepEqual([again.submit.resume?.attempt, again.submit.resume?.seq], [1, 1])
  run.finish()
  assert.equal((await resultOf(sink)).text, 'all of it')
})

test('a higher attempt takes the place of the text so far, and late frames of the lower one are dropped', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  run.say('first try, ')
  run.say('half of it')
  await sink.has(2)
  run.attempt = 2
  run.pieces.length = 0
  run.accepted(0)
  run.tokens(3, ' (late)', 1)
  run.say('second try')
  run.finish()
  assert.equal((await resultOf(sink)).text, 'second try')
  assert.equal(sink.text, 'second try')
  assert.deepEqual(sink.starts, [1, 2])
  assert.match(await edge.metrics.render(), /stream="inference",reason="attempt"\} 1/)
})

test('credit is given after half a window', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center, { config: { windowBytes: 4096 } })
  const { run, submit } = await submitted(center, edge)
  assert.equal(submit.windowBytes, 4096)
  run.say('x'.repeat(1500))
  run.say('x'.repeat(548))
  const { credit } = await center.book.credits.next()
  assert.deepEqual([credit.attempt, credit.ackSeq, credit.windowBytes], [1, 2, 4096])
})

test('requests beyond the limit wait in order and follow as places get free', async (t) => {
  const center = await startTestCenter(t)
  const limits = {
    $typeName: 'yizhan.v1.EdgePolicy' as const,
    maintenance: false,
    maxInFlight: 2,
    maxTextChars: 0,
    offlineLeaseMs: 0n,
  }
  center.desired = center.sign({ revision: 1n, policy: limits })
  const edge = await startTestEdge(t, center)
  await center.results.next()
  const sinks = ['a', 'b', 'c', 'd'].map((id) => {
    const sink = new TestSink()
    edge.uplink.infer(ask(id), sink)
    return sink
  })
  const [a, b] = [await center.book.submits.next(), await center.book.submits.next()]
  assert.deepEqual([a.id, b.id], ['a', 'b'])
  b.run.finish()
  await sinks[1]?.ended
  const c = await center.book.submits.next()
  assert.equal(c.id, 'c')
  c.run.say('c has a place')
  await sinks[2]?.has(1)
  assert.equal(center.book.submits.all.length, 3)
  a.run.fail('backend_failed', true)
  await sinks[0]?.ended
  assert.equal((await center.book.submits.next()).id, 'd')
})

test('a request that the center refuses before a run fails with its code', async (t) => {
  const center = await startTestCenter(t)
  center.book.present = (run) => run.fail('permission_denied', false, 0)
  const edge = await startTestEdge(t, center)
  const { sink } = await submitted(center, edge)
  const error = await errorOf(sink)
  assert.deepEqual([error.code, error.retryable], ['permission_denied', false])
})

test('a cancel ends the request here at once and reaches the center', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, handle, run } = await submitted(center, edge)
  run.say('half')
  await sink.has(1)
  handle.cancel('the user said so')
  assert.equal((await errorOf(sink)).code, 'cancelled')
  assert.equal((await center.book.cancels.next()).cancel.reason, 'the user said so')
  handle.cancel('again')
  run.finish()
  assert.equal(sink.ends, 1)
})

test('a request cancelled while the link is away is cancelled at the center when it is back', async (t) => {
  const center = await startTestCenter(t)
  const proxy = await startTestProxy(t, center.linkAddress)
  const edge = await startTestEdge(t, center, { config: { linkAddress: proxy.address } })
  await edge.reached('ready')
  const { sink, handle } = await submitted(center, edge)
  proxy.admit(false)
  proxy.cut()
  await edge.reached('backing-off')
  handle.cancel('gone')
  await errorOf(sink)
  proxy.admit(true)
  assert.equal((await center.book.cancels.next()).id, 'turn-1')
})

test('requests made without a link are presented when there is one', async (t) => {
  const center = await startTestCenter(t)
  const proxy = await startTestProxy(t, center.linkAddress)
  proxy.admit(false)
  const edge = await startTestEdge(t, center, { config: { linkAddress: proxy.address } })
  const never = new TestSink()
  const sink = new TestSink()
  edge.uplink.infer(ask('never'), never).cancel('changed my mind')
  edge.uplink.infer(ask('turn-1'), sink)
  proxy.admit(true)
  const { run } = await center.book.submits.next()
  assert.equal(run.id, 'turn-1')
  run.finish()
  await resultOf(sink)
  assert.equal((await errorOf(never)).code, 'cancelled')
  assert.equal(center.book.cancels.all.length, 0)
})

test('a center that does not serve inference is not asked; the next one is', async (t) => {
  const center = await startTestCenter(t)
  center.greet = (call) => center.welcome(call, { capabilities: ['bundles'] })
  const edge = await startTestEdge(t, center)
  await edge.reached('ready')
  const sink = new TestSink()
  edge.uplink.infer(ask('turn-1'), sink)
  await assert.rejects(edge.uplink.renew(new AbortController().signal), { code: 'unavailable' })
  center.greet = (call) => center.welcome(call)
  center.dropLink()
  const { run } = await center.book.submits.next()
  assert.equal(run.generation, 2n)
  run.finish()
  await resultOf(sink)
})

test('an end-ack names the attempt that was kept', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, handle, run } = await submitted(center, edge)
  run.finish()
  await resultOf(sink)
  handle.endAck()
  assert.deepEqual(await center.book.endAcks.next(), { id: 'turn-1', attempt: 1 })
})

test('a request presented again to a new reader starts from its first piece', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  run.say('one ')
  await sink.has(1)
  const second = await submitted(center, edge)
  assert.equal(second.submit.resume, undefined)
  run.say('two')
  run.finish()
  assert.equal((await resultOf(second.sink)).text, 'one two')
  assert.equal(second.sink.text, 'one two')
  assert.equal(sink.ends, 0)
})

test('a stream that ends while the link holds is opened again', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  run.say('one ')
  await sink.has(1)
  center.book.endStream()
  await center.book.submits.next()
  center.garbage = Buffer.from('ffffffffffffffffffff', 'hex')
  run.say('two')
  await center.book.submits.next()
  run.finish()
  assert.equal((await resultOf(sink)).text, 'one two')
  assert.equal(edge.uplink.link.s, 'ready')
  assert.equal(center.hellos.all.length, 1)
})

test('a reader that throws takes nobody with it', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const bad = new TestSink()
  bad.tokens = () => {
    throw new Error('broken reader')
  }
  edge.uplink.infer(ask('turn-0'), bad)
  const { run: badRun } = await center.book.submits.next()
  const { sink, run } = await submitted(center, edge)
  badRun.say('x')
  run.say('fine')
  run.finish()
  badRun.finish()
  assert.equal((await resultOf(sink)).text, 'fine')
  assert.equal((await resultOf(bad)).text, 'x')
})

test('what runs when the center drains is finished on the old link, the rest waits for the new one', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink, run } = await submitted(center, edge)
  const value = {
    $typeName: 'yizhan.v1.Drain' as const,
    reason: 'upgrade',
    deadlineMs: 60_000,
    reconnectAfterMs: 100,
  }
  center.send({ case: 'drain', value })
  await edge.reached('backing-off')
  const late = new TestSink()
  edge.uplink.infer(ask('turn-2'), late)
  run.say('finished')
  run.finish()
  assert.equal((await resultOf(sink)).text, 'finished')
  await edge.reached('ready')
  const next = await center.book.submits.next()
  assert.deepEqual([next.id, next.run.generation], ['turn-2', 2n])
})

test('a stop tells no reader anything', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  const { sink } = await submitted(center, edge)
  await edge.uplink.stop('restart')
  assert.equal(sink.ends, 0)
})
