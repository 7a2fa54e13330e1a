import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ConnectResponse,
  create,
  DesiredStateResultSchema,
  DesiredStateSchema,
  fromBinary,
  PresenceReportSchema,
} from '@yizhan/proto'
import type { LinkClient, TestGateway } from './test-gateway.js'
import { connectFrame, edgeId, heartbeatFrame, helloFrame, startTestGateway, until } from './test-gateway.js'

const beijing = edgeId('beijing-1')

async function next<C extends ConnectResponse['frame']['case']>(link: LinkClient, expected: C) {
  const { frame } = await link.next()
  assert.equal(frame.case, expected)
  return frame as Extract<ConnectResponse['frame'], { case: C }>
}

function result(revision: bigint, outcome: 'applied' | 'rejected') {
  const value = create(DesiredStateResultSchema, {
    revision,
    outcome:
      outcome === 'applied'
        ? { case: 'applied', value: {} }
        : { case: 'rejected', value: { failure: { code: 'tenant_invalid', message: 'no bundle' } } },
  })
  return { case: 'desiredStateResult', value } as const
}

const dropped = (center: TestGateway, reason: string) =>
  center.count('yizhan_gateway_frames_dropped_total', { rpc: 'connect', reason })

test('a first frame that is not Hello ends the stream', async (t) => {
  const center = await startTestGateway(t)
  const link = center.edge().connect()
  link.call.write(heartbeatFrame(1n, 1n))
  assert.equal(await link.code(), 'invalid_argument')
  assert.equal(center.registry.get(beijing)?.linkGeneration, 0)
})

test('a stream that says nothing is ended after helloMs', async (t) => {
  const center = await startTestGateway(t, { helloMs: 5_000 })
  const link = center.edge().connect()
  await until(() => center.clock.pending >= 4)
  center.clock.advance(5_000)
  assert.equal(await link.code(), 'deadline_exceeded')
})

test('an edge that speaks no protocol of ours is refused, and told that it may drain', async (t) => {
  const center = await startTestGateway(t)
  for (const [hello, side] of [
    [{ protocol: 900, oldestProtocol: 899 }, /upgrade the center/],
    [{ protocol: 0, oldestProtocol: 0 }, /not a range/],
  ] as const) {
    const link = center.edge().connect()
    link.call.write(helloFrame(hello))
    const { value } = await next(link, 'refused')
    assert.equal(value.failure?.code, hello.protocol === 0 ? 'invalid_argument' : 'version_skew')
    assert.match(value.failure?.message ?? '', side)
    assert.equal(value.mayDrain, true)
    assert.equal(await link.code(), 'ok')
  }
  assert.equal(center.registry.get(beijing)?.linkGeneration, 0)
})

test('Welcome names the protocol, the generation, the heartbeat, the spread and the signing keys', async (t) => {
  const center = await startTestGateway(t, { heartbeatMs: 7_000, reconnectSpreadMs: 9_000 })
  center.registry.add(edgeId('wuhan-1'), [])
  const { welcome } = await center.edge().link({ protocol: 2, oldestProtocol: 1 })
  assert.equal(welcome.protocol, 1)
  assert.equal(welcome.linkGeneration, 1n)
  assert.equal(welcome.heartbeatMs, 7_000)
  assert.equal(welcome.reconnectSpreadMs, 20, 'ten milliseconds for each of two edges')
  assert.equal(welcome.centerTimeMs, BigInt(center.clock.wall()))
  assert.equal(welcome.signingKeys[0]?.keyId, 'k1')
  assert.equal(center.registry.get(beijing)?.journalEpoch, '0000000000000007')
})

test('heartbeats are answered, and show in the list of links', async (t) => {
  const center = await startTestGateway(t)
  const { link, welcome } = await center.edge().link()
  center.clock.advance(4_000)
  link.call.write(heartbeatFrame(welcome.linkGeneration, 5n, 3))
  const { value } = await next(link, 'heartbeatAck')
  assert.equal(value.sequence, 5n)
  assert.deepEqual(center.gateway.links(), [
    {
      edgeId: beijing,
      generation: 1,
      protocol: 1,
      since: center.clock.wall() - 4_000,
      lastHeartbeatAt: center.clock.wall(),
      waitingTurns: 3,
    },
  ])
  assert.equal(await center.count('yizhan_gateway_waiting_turns'), 3)
  assert.ok((center.registry.get(beijing)?.lastSeenAt ?? 0) > 0)
})

test('a link without three heartbeats in a row is ended, one with them is not', async (t) => {
  const center = await startTestGateway(t, { heartbeatMs: 10_000 })
  const { link, welcome } = await center.edge().link()
  center.clock.advance(29_000)
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  await next(link, 'heartbeatAck')
  center.clock.advance(29_999)
  assert.equal(center.gateway.links().length, 1)
  center.clock.advance(1)
  assert.equal(center.gateway.links().length, 0)
  assert.equal(await link.code(), 'deadline_exceeded')
  assert.equal(await center.count('yizhan_gateway_links'), 0)
})

test('a frame of another generation is dropped and counted', async (t) => {
  const center = await startTestGateway(t)
  const { link, welcome } = await center.edge().link()
  link.call.write(heartbeatFrame(welcome.linkGeneration + 1n, 1n, 99))
  link.call.write(heartbeatFrame(0n, 2n, 99))
  link.call.write(heartbeatFrame(welcome.linkGeneration, 3n, 1))
  assert.equal((await next(link, 'heartbeatAck')).value.sequence, 3n)
  assert.equal(await dropped(center, 'generation'), 2)
  assert.equal(center.gateway.links()[0]?.waitingTurns, 1)
})

test('a newer link of the same edge takes the place of the older', async (t) => {
  const center = await startTestGateway(t)
  const older = await center.edge().link()
  const newer = await center.edge().link()
  assert.equal(newer.welcome.linkGeneration, older.welcome.linkGeneration + 1n)
  assert.equal(await older.link.code(), 'conflict')
  assert.deepEqual(
    center.gateway.links().map((link) => link.generation),
    [Number(newer.welcome.linkGeneration)],
  )
  assert.equal(await center.count('yizhan_gateway_links'), 1)
})

test('an older link whose opening took longer does not push out the newer', async (t) => {
  const center = await startTestGateway(t)
  let release: () => void = () => undefined
  center.registry.gate = new Promise((resolve) => {
    release = resolve
  })
  const older = center.edge().connect()
  older.call.write(helloFrame({}))
  await until(() => center.registry.get(beijing)?.linkGeneration === 1)
  center.registry.gate = Promise.resolve()
  const newer = await center.edge().link()
  release()
  assert.equal(await older.code(), 'conflict')
  assert.equal(center.gateway.links()[0]?.generation, Number(newer.welcome.linkGeneration))
})

test('an edge that leaves while its link is being opened leaves nothing behind', async (t) => {
  const center = await startTestGateway(t)
  let release: () => void = () => undefined
  center.registry.gate = new Promise((resolve) => {
    release = resolve
  })
  const link = center.edge().connect()
  link.call.write(helloFrame({}))
  await until(() => center.registry.get(beijing)?.linkGeneration === 1)
  link.call.end()
  assert.equal(await link.code(), 'ok')
  release()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(center.gateway.links(), [])
  assert.equal(await center.count('yizhan_gateway_links_opened_total'), 0)
})

test('an edge at the current revision gets no desired state, one at another does', async (t) => {
  const center = await startTestGateway(t)
  center.states.set(beijing, { revision: 4n })
  const current = await center.edge().link({ appliedRevision: 4n })
  await until(() => center.registry.noted.length > 0)
  assert.deepEqual(center.registry.noted, ['beijing-1 applied 4'], 'the Hello is the answer that was lost')
  assert.deepEqual(current.link.frames.left, [])

  const behind = await center.edge().link({ appliedRevision: 3n })
  const { value } = await next(behind.link, 'desiredState')
  assert.equal(fromBinary(DesiredStateSchema, value.payload).revision, 4n)
  assert.equal(value.keyId, 'k1')
  assert.ok(value.signature.length > 0)
})

test('a changed desired state is sent at once, and the edge’s answers are recorded', async (t) => {
  const center = await startTestGateway(t)
  const { link, welcome } = await center.edge().link({ appliedRevision: 1n })
  center.states.set(beijing, { revision: 2n })
  await next(link, 'desiredState')
  link.call.write(connectFrame(welcome.linkGeneration, result(2n, 'applied')))
  center.states.set(beijing, { revision: 3n })
  await next(link, 'desiredState')
  link.call.write(connectFrame(welcome.linkGeneration, result(3n, 'rejected')))
  await until(() => center.registry.noted.length >= 2)
  assert.deepEqual(center.registry.noted, ['beijing-1 applied 2', 'beijing-1 rejected 3 tenant_invalid'])
})

test('an edge that cannot verify a state names no revision: it counts against the latest', async (t) => {
  const center = await startTestGateway(t)
  const { link, welcome } = await center.edge().link({ appliedRevision: 1n })
  center.states.set(beijing, { revision: 2n })
  await next(link, 'desiredState')
  link.call.write(connectFrame(welcome.linkGeneration, result(0n, 'rejected')))
  await until(() => center.registry.noted.length >= 1)
  assert.deepEqual(center.registry.noted, ['beijing-1 rejected 2 tenant_invalid'])
})

test('an answer to a revision that was never sent is dropped', async (t) => {
  const center = await startTestGateway(t)
  const { link, welcome } = await center.edge().link()
  link.call.write(connectFrame(welcome.linkGeneration, result(77n, 'applied')))
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  await next(link, 'heartbeatAck')
  assert.equal(await dropped(center, 'revision'), 1)
  assert.deepEqual(center.registry.noted, [])
})

test('changes in quick succession end with the last one sent', async (t) => {
  const center = await startTestGateway(t)
  const { link } = await center.edge().link()
  for (let revision = 2n; revision <= 20n; revision++) center.states.set(beijing, { revision })
  let last = 0n
  while (last < 20n) {
    const { value } = await next(link, 'desiredState')
    const { revision } = fromBinary(DesiredStateSchema, value.payload)
    assert.ok(revision > last)
    last = revision
  }
  assert.ok(center.states.reads <= 4, 'they are not read one by one')
})

test('a desired state that could not be read is tried again with the next heartbeat', async (t) => {
  const center = await startTestGateway(t)
  center.states.set(beijing, { revision: 2n })
  center.states.failure = new Error('disk')
  const { link, welcome } = await center.edge().link()
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  const frames = [await link.next(), await link.next()].map(({ frame }) => frame.case)
  assert.deepEqual(frames.sort(), ['desiredState', 'heartbeatAck'])
})

test('an old link is asked to come back, and ended if it does not go', async (t) => {
  const center = await startTestGateway(t, {
    maxConnectionAgeMs: 60_000,
    heartbeatMs: 3_600_000,
    drainMs: 2_000,
  })
  const { link } = await center.edge().link()
  center.clock.advance(53_000)
  assert.equal(center.gateway.links().length, 1)
  center.clock.advance(9_100)
  const { value } = await next(link, 'drain')
  assert.equal(value.deadlineMs, 2_000)
  assert.equal(value.reconnectAfterMs, 0)
  assert.equal(await link.code(), 'unavailable')
  await center.edge().link()
})

test('Goodbye and a half-closed stream both end the link in order', async (t) => {
  const center = await startTestGateway(t)
  const first = await center.edge().link()
  first.link.call.write(
    connectFrame(first.welcome.linkGeneration, {
      case: 'goodbye',
      value: { $typeName: 'yizhan.v1.Goodbye', reason: 'stopping' },
    }),
  )
  assert.equal(await first.link.code(), 'ok')
  const second = await center.edge().link()
  second.link.call.end()
  assert.equal(await second.link.code(), 'ok')
  assert.deepEqual(center.gateway.links(), [])
  assert.equal(await center.count('yizhan_gateway_links_ended_total', { code: 'ok' }), 2)
})

test('frames of later builds are counted and otherwise without effect', async (t) => {
  const center = await startTestGateway(t)
  const { link, welcome } = await center.edge().link()
  const presence = {
    tenantId: 'acme',
    channelId: 'web',
    senderId: 'u',
    online: true,
  }
  link.call.write(
    connectFrame(welcome.linkGeneration, { case: 'presence', value: create(PresenceReportSchema, presence) }),
  )
  link.call.write(connectFrame(welcome.linkGeneration, { case: undefined }))
  link.call.write(heartbeatFrame(welcome.linkGeneration, 1n))
  await next(link, 'heartbeatAck')
  assert.equal(await dropped(center, 'reserved'), 1)
  assert.equal(await dropped(center, 'unknown'), 1)
})
