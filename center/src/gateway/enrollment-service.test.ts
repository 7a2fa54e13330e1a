import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { credentials } from '@grpc/grpc-js'
import { YizhanError } from '@yizhan/kernel'
import {
  create,
  type EdgeIdentity,
  Enrollment,
  EnrollRequestSchema,
  PROTOCOL,
  RenewRequestSchema,
  RpcClient,
} from '@yizhan/proto'
import { fromServiceError } from './service-error.js'
import { edgeId, startTestGateway, type TestEdge, type TestGateway, until } from './test-gateway.js'

const DEADLINE = 30_000
const signal = new AbortController().signal

function newcomer(t: TestContext, center: TestGateway): RpcClient {
  const rpc = new RpcClient(
    `localhost:${center.gateway.enrollPort}`,
    credentials.createSsl(Buffer.from(center.ca.cert)),
  )
  t.after(() => rpc.close())
  return rpc
}

async function enroll(rpc: RpcClient, request: MessageInitShape<typeof EnrollRequestSchema> = {}) {
  const full = {
    protocol: PROTOCOL,
    token: 'secret',
    csrDer: Buffer.alloc(300),
    agentVersion: '0.1.0',
    ...request,
  }
  return outcome(rpc.unary(Enrollment.method.enroll, create(EnrollRequestSchema, full), DEADLINE, signal))
}

async function renew(edge: TestEdge, request: MessageInitShape<typeof RenewRequestSchema> = {}) {
  const full = { protocol: PROTOCOL, csrDer: Buffer.alloc(300), ...request }
  return outcome(edge.rpc.unary(Enrollment.method.renew, create(RenewRequestSchema, full), DEADLINE, signal))
}

async function outcome(
  call: Promise<{ identity?: EdgeIdentity | undefined }>,
): Promise<EdgeIdentity | string> {
  try {
    return (await call).identity ?? 'no identity'
  } catch (thrown) {
    return fromServiceError(thrown).code
  }
}

function issued(center: TestGateway) {
  center.enrollment.answer = async () => ({
    edgeId: 'beijing-1',
    trustDomain: center.ca.trustDomain,
    certificateDer: Buffer.from('certificate'),
    caDer: [center.ca.der],
    signingKeys: [],
  })
}

test('a malformed enrolment does not come to the authority', async (t) => {
  const center = await startTestGateway(t)
  const rpc = newcomer(t, center)
  assert.equal(await enroll(rpc, { token: '' }), 'invalid_argument')
  assert.equal(await enroll(rpc, { token: 'x'.repeat(257) }), 'invalid_argument')
  assert.equal(await enroll(rpc, { csrDer: Buffer.alloc(0) }), 'invalid_argument')
  assert.equal(await enroll(rpc, { csrDer: Buffer.alloc(4_097) }), 'too_large')
  assert.equal(
    await enroll(rpc, { csrDer: Buffer.alloc(20_000) }),
    'overloaded',
    'by grpc-js, before it is parsed',
  )
  assert.equal(await enroll(rpc, { protocol: 900 }), 'version_skew')
  assert.equal(await enroll(rpc, { protocol: 0 }), 'invalid_argument')
  assert.deepEqual(center.enrollment.asked, [])
})

test('a refusal of the authority is told as it is', async (t) => {
  const center = await startTestGateway(t)
  const rpc = newcomer(t, center)
  assert.equal(await enroll(rpc), 'permission_denied')
  center.enrollment.answer = () => Promise.reject(new YizhanError('conflict', 'used with another key'))
  assert.equal(await enroll(rpc), 'conflict')
  center.enrollment.answer = () => Promise.reject(new Error('a bug'))
  assert.equal(await enroll(rpc), 'internal')
})

test('an edge without a certificate gets its identity', async (t) => {
  const center = await startTestGateway(t)
  issued(center)
  const identity = await enroll(newcomer(t, center))
  assert.ok(typeof identity === 'object')
  assert.equal(identity.edgeId, 'beijing-1')
  assert.deepEqual(Buffer.from(identity.caDer[0] ?? []), center.ca.der)
  assert.equal(identity.centerTimeMs, BigInt(center.clock.wall()))
  assert.deepEqual(center.enrollment.asked, ['enroll secret 300'])
})

test('no more than eight enrolments are under way at once', async (t) => {
  const center = await startTestGateway(t)
  const rpc = newcomer(t, center)
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  center.enrollment.answer = () =>
    held.then(() => Promise.reject(new YizhanError('permission_denied', 'bad token')))
  // More than four calls at a time need more than one connection.
  const others = [rpc, newcomer(t, center), newcomer(t, center)]
  const waiting = others.slice(0, 2).flatMap((one) => [0, 1, 2, 3].map(() => enroll(one)))
  await until(() => center.enrollment.asked.length === 8)
  assert.equal(await enroll(others[2] ?? rpc), 'overloaded')
  release()
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['permission_denied']))
  assert.equal(await enroll(rpc), 'permission_denied', 'there is room again')
})

test('the enrolment port serves nothing else', async (t) => {
  const center = await startTestGateway(t)
  const rpc = newcomer(t, center)
  const request = create(RenewRequestSchema, { protocol: PROTOCOL, csrDer: Buffer.alloc(300) })
  assert.equal(await outcome(rpc.unary(Enrollment.method.renew, request, DEADLINE, signal)), 'unsupported')
})

test('an edge renews with the certificate that it has, and only while that counts', async (t) => {
  const center = await startTestGateway(t)
  issued(center)
  const edge = center.edge()
  const identity = await renew(edge)
  assert.ok(typeof identity === 'object')
  assert.deepEqual(center.enrollment.asked, ['renew beijing-1 300'])
  assert.equal(await renew(edge, { csrDer: Buffer.alloc(5_000) }), 'too_large')
  assert.equal(await renew(edge, { protocol: 900 }), 'version_skew')
  await center.registry.revoke(edgeId('beijing-1'))
  assert.equal(await renew(edge), 'unauthenticated')
  assert.equal(center.enrollment.asked.length, 1)
})
