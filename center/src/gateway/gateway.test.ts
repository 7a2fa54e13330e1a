import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import {
  advanceUntil,
  connectFrame,
  edgeId,
  heartbeatFrame,
  startTestGateway,
  submitFrame,
  until,
} from './test-gateway.js'

const goodbye = { case: 'goodbye', value: { $typeName: 'yizhan.v1.Goodbye', reason: 'drained' } } as const

test('stop asks every edge to leave and is done when they have left', async (t) => {
  const center = await startTestGateway(t, { drainMs: 2_000, reconnectSpreadMs: 8_000 })
  center.registry.add(edgeId('wuhan-1'), [])
  const links = [await center.edge().link(), await center.edge('wuhan-1').link()]
  const stopped = center.gateway.stop('upgrade')
  for (const { link, welcome } of links) {
    const { frame } = await link.next()
    assert.ok(frame.case === 'drain')
    assert.equal(frame.value.reason, 'upgrade')
    assert.equal(frame.value.deadlineMs, 2_000)
    assert.ok(frame.value.reconnectAfterMs <= 8_000)
    link.call.write(connectFrame(welcome.linkGeneration, goodbye))
    assert.equal(await link.code(), 'ok')
  }
  await stopped
  await center.gateway.done
  assert.equal(center.clock.monotonic(), 0, 'no deadline was waited for')
})

test('an edge that does not leave is ended at the deadline, and its run is left alone', async (t) => {
  const center = await startTestGateway(t, { drainMs: 2_000 })
  const edge = center.edge()
  const { link, welcome } = await edge.link()
  const infer = edge.infer()
  infer.call.write(submitFrame(welcome.linkGeneration, 'r1'))
  const { sink, calls } = await center.book.presented.next()
  const stopped = center.gateway.stop('upgrade')
  assert.equal((await link.next()).frame.case, 'drain')
  sink.tokens(1, 1, 'goes on until then')
  assert.equal((await infer.next()).frame.case, 'tokens')
  center.clock.advance(1_999)
  assert.equal(center.gateway.links().length, 1)
  center.clock.advance(1)
  const end = await link.ended
  assert.ok(end !== 'ok')
  assert.equal(end.code, 'unavailable')
  assert.equal(end.retryable, true)
  assert.equal(await infer.code(), 'unavailable')
  assert.equal(await calls.next(), 'detach')
  assert.deepEqual(calls.left, [])
  await advanceUntil(center.clock, stopped)
})

test('while it drains, no new link is taken', async (t) => {
  const center = await startTestGateway(t)
  const { link, welcome } = await center.edge().link()
  const other = center.edge()
  const early = await other.link()
  assert.equal(await link.code(), 'conflict')
  const drained = center.gateway.drain('maintenance')
  assert.equal((await early.link.next()).frame.case, 'drain')
  const end = await other.connect().ended
  assert.ok(end !== 'ok')
  assert.equal(end.code, 'unavailable')
  assert.ok(Number(end.details.retryAfterMs) > 0)
  early.link.call.write(connectFrame(early.welcome.linkGeneration, goodbye))
  await drained
  assert.ok(early.welcome.linkGeneration > welcome.linkGeneration)
})

test('stop is idempotent, closes both ports, and leaves no timer behind', async (t) => {
  const center = await startTestGateway(t)
  const { linkPort, enrollPort } = center.gateway
  const { link } = await center.edge().link()
  link.call.end()
  await link.code()
  await Promise.all([advanceUntil(center.clock, center.gateway.stop('a')), center.gateway.stop('b')])
  for (const port of [linkPort, enrollPort]) {
    const code = await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port }, () => resolve('open'))
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
    assert.equal(code, 'ECONNREFUSED')
  }
  assert.equal(center.clock.pending, 0)
})

test('connections that carry nothing do not hold up the stop', async (t) => {
  const center = await startTestGateway(t)
  const socket = connect({ host: '127.0.0.1', port: center.gateway.linkPort })
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  await new Promise((resolve) => socket.on('connect', resolve))
  const edge = center.edge()
  const { link, welcome } = await edge.link()
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  await link.next()
  await advanceUntil(center.clock, center.gateway.stop('over'))
  await closed
  await until(() => center.gateway.links().length === 0)
})
