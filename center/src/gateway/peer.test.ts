import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  edgeId,
  heartbeatFrame,
  helloFrame,
  inferFrame,
  startTestGateway,
  submitFrame,
  until,
} from './test-gateway.js'

const HOUR = 3_600_000

test('names that are not exactly one edge of this trust domain are not let in', async (t) => {
  const center = await startTestGateway(t)
  const own = `spiffe://${center.ca.trustDomain}/edge/beijing-1`
  const refused = {
    'two URIs': { uris: [own, own] },
    'no URI': { uris: [], dns: ['beijing-1'] },
    'a DNS name beside the URI': { uris: [own], dns: ['beijing-1'] },
    'a center': { uris: [`spiffe://${center.ca.trustDomain}/center`] },
    'another trust domain': { uris: ['spiffe://elsewhere/edge/beijing-1'] },
    'upper case': { uris: [own.replace('beijing', 'Beijing')] },
    'a NUL': { uris: [`${own}\0.evil`] },
    'a quote': { uris: [`${own}", URI:"spiffe://x/edge/y`] },
    'an edge that nobody knows': { uris: [`spiffe://${center.ca.trustDomain}/edge/beijing-2`] },
  }
  for (const [what, options] of Object.entries(refused)) {
    const link = center.edge('x', center.ca.issue(options)).connect()
    link.call.write(helloFrame({}))
    assert.equal(await link.code(), 'unauthenticated', what)
  }
  assert.deepEqual(center.gateway.links(), [])
  assert.equal(center.registry.get(edgeId('beijing-1'))?.linkGeneration, 0)
  await center.edge().link()
})

test('a certificate that expires ends the streams at that moment, by itself', async (t) => {
  const center = await startTestGateway(t, { heartbeatMs: 3_600_000 })
  const own = center.ca.edge('beijing-1', {
    notAfter: Math.floor(center.clock.wall() / 1_000) * 1_000 + 600_000,
  })
  const edge = center.edge('beijing-1', own)
  const { link } = await edge.link()
  const infer = edge.infer()
  infer.call.write(inferFrame(0n, 'flushes the stream', { case: undefined }))
  await until(async () => (await center.count('yizhan_gateway_frames_dropped_total')) === 1)
  center.clock.advance(598_000)
  assert.equal(center.gateway.links().length, 1)
  center.clock.advance(2_000)
  assert.deepEqual(center.gateway.links(), [])
  assert.equal(await link.code(), 'unauthenticated')
  assert.equal(await infer.code(), 'unauthenticated')
})

test('a message after the wall clock has passed the certificate’s end is not acted on', async (t) => {
  const center = await startTestGateway(t)
  const edge = center.edge()
  const { link, welcome } = await edge.link()
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  assert.equal((await link.next()).frame.case, 'heartbeatAck')
  center.clock.jumpWall(25 * HOUR)
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  assert.equal(await link.code(), 'unauthenticated')
  assert.deepEqual(link.frames.left, [])
})

test('a clock that stands before the certificate’s start refuses it and says so', async (t) => {
  const center = await startTestGateway(t)
  center.clock.jumpWall(-10 * 24 * HOUR)
  const end = await center.edge().connect().ended
  assert.ok(end !== 'ok')
  assert.equal(end.code, 'unauthenticated')
  assert.match(end.message, /clock/)
})

test('a revoked edge loses every stream at once, others keep theirs', async (t) => {
  const center = await startTestGateway(t)
  center.registry.add(edgeId('wuhan-1'), [])
  const other = await center.edge('wuhan-1').link()
  const edge = center.edge()
  const { link, welcome } = await edge.link()
  const infer = edge.infer()
  infer.call.write(submitFrame(welcome.linkGeneration, 'r1'))
  const { calls } = await center.book.presented.next()

  await center.registry.revoke(edgeId('beijing-1'))
  assert.deepEqual(
    center.gateway.links().map((one) => one.edgeId),
    ['wuhan-1'],
    'no I/O was waited for',
  )
  assert.equal(await link.code(), 'unauthenticated')
  assert.equal(await infer.code(), 'unauthenticated')
  assert.equal(await calls.next(), 'detach')
  assert.equal(await center.edge().connect().code(), 'unauthenticated', 'nor does it come back')
  other.link.call.write(heartbeatFrame(other.welcome.linkGeneration, 1n))
  assert.equal((await other.link.next()).frame.case, 'heartbeatAck')
})

test('the certificate of an earlier enrolment counts no more, with the next message', async (t) => {
  const center = await startTestGateway(t)
  const edge = center.edge()
  const { link, welcome } = await edge.link()
  center.registry.reenrolled.add(edgeId('beijing-1'))
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  assert.equal(await link.code(), 'unauthenticated')
  assert.equal(await center.edge().connect().code(), 'unauthenticated')
})

test('a revoked edge that does not read its refusal is cut off', async (t) => {
  const center = await startTestGateway(t)
  const edge = center.edge()
  const { welcome } = await edge.link()
  const infer = edge.infer()
  infer.call.pause()
  infer.call.write(submitFrame(welcome.linkGeneration, 'r1'))
  const { sink } = await center.book.presented.next()
  for (let seq = 1; seq <= 64; seq++) sink.tokens(1, seq, 'x'.repeat(16_384))
  await center.registry.revoke(edgeId('beijing-1'))
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  center.clock.advance(2_000)
  infer.call.resume()
  assert.equal(await infer.code(), 'unavailable', 'the connection went before the status came')
})
