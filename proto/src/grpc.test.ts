import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Client, credentials, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js'
import {
  Blobs,
  Bundles,
  BundlesFetchRequestSchema,
  BundlesFetchResponseSchema,
  ConnectRequestSchema,
  ConnectResponseSchema,
  create,
  Enrollment,
  EnrollRequestSchema,
  EnrollResponseSchema,
  type Handlers,
  Link,
  MAX_MESSAGE_BYTES,
  PutRequestSchema,
  type PutResponse,
  PutResponseSchema,
  RenewResponseSchema,
  RpcClient,
  serviceDefinition,
  WIRE_LIMITS,
} from './index.js'

const never = new AbortController().signal
const DEADLINE = 30_000

const enrollment: Handlers<typeof Enrollment> = {
  enroll: (call, callback) => {
    if (call.request.token === 'hang') return
    if (call.request.token === 'refuse') {
      callback({ code: status.PERMISSION_DENIED, details: 'no' })
      return
    }
    const identity = { edgeId: `edge of ${call.request.token}`, certificateDer: call.request.csrDer }
    callback(null, create(EnrollResponseSchema, { identity }))
  },
  renew: (_call, callback) => callback(null, create(RenewResponseSchema)),
}

const bundles: Handlers<typeof Bundles> = {
  fetch: (call) => {
    for (let offset = 0; offset < 3; offset++) {
      const value = { offset: BigInt(offset), data: Buffer.from(call.request.path), totalBytes: 3n }
      call.write(create(BundlesFetchResponseSchema, { part: { case: 'chunk', value } }))
    }
    call.end()
  },
}

const blobs: Handlers<typeof Blobs> = {
  fetch: (call) => call.end(),
  put: (call, callback) => {
    let held = 0n
    call.on('data', (request: { part: { case?: string; value?: { data: Uint8Array } } }) => {
      if (request.part.case === 'chunk') held += BigInt(request.part.value?.data.length ?? 0)
    })
    call.on('end', () => callback(null, create(PutResponseSchema, { heldBytes: held })))
  },
}

const link: Handlers<typeof Link> = {
  connect: (call) => {
    call.on('data', (request) => {
      const sequence = request.frame.case === 'heartbeat' ? request.frame.value.sequence : 0n
      call.write(create(ConnectResponseSchema, { frame: { case: 'heartbeatAck', value: { sequence } } }))
    })
    call.on('end', () => call.end())
  },
}

/** All four kinds of rpc on a loopback port without TLS. */
async function start(t: TestContext): Promise<{ address: string; client: RpcClient }> {
  const server = new Server(WIRE_LIMITS)
  server.addService(serviceDefinition(Enrollment), { ...enrollment })
  server.addService(serviceDefinition(Bundles), { ...bundles })
  server.addService(serviceDefinition(Blobs), { ...blobs })
  server.addService(serviceDefinition(Link), { ...link })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error)
      else resolve(bound)
    })
  })
  t.after(() => server.forceShutdown())
  const address = `127.0.0.1:${port}`
  const client = new RpcClient(address, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 })
  t.after(() => client.close())
  return { address, client }
}

function enroll(client: RpcClient, token: string, signal = never, deadlineMs = DEADLINE) {
  const request = create(EnrollRequestSchema, { token, csrDer: Buffer.from([1, 2, 3]) })
  return client.unary(Enrollment.method.enroll, request, deadlineMs, signal)
}

function withStatus(code: status) {
  return (error: ServiceError) => error.code === code
}

test('a message over the limit is refused, and the connection serves on', async (t) => {
  const { client } = await start(t)
  const request = create(EnrollRequestSchema, { csrDer: Buffer.alloc(MAX_MESSAGE_BYTES) })
  await assert.rejects(
    client.unary(Enrollment.method.enroll, request, DEADLINE, never),
    withStatus(status.RESOURCE_EXHAUSTED),
  )
  assert.equal((await enroll(client, 'x')).identity?.edgeId, 'edge of x')
})

test('bytes that do not parse fail the call, and the connection serves on', async (t) => {
  const { address, client } = await start(t)
  const raw = new Client(address, credentials.createInsecure())
  t.after(() => raw.close())
  const bytes = (value: Buffer) => value
  const code = await new Promise((resolve) => {
    raw.makeUnaryRequest('/yizhan.v1.Enrollment/Enroll', bytes, bytes, Buffer.alloc(9, 0xff), (error) => {
      resolve(error?.code)
    })
  })
  assert.equal(code, status.INTERNAL)
  assert.equal((await enroll(client, 'x')).identity?.edgeId, 'edge of x')
})

test('unary: one request, one response, refusals as they were given', async (t) => {
  const { client } = await start(t)
  const { identity } = await enroll(client, 'secret')
  assert.equal(identity?.edgeId, 'edge of secret')
  assert.deepEqual(Buffer.from(identity?.certificateDer ?? []), Buffer.from([1, 2, 3]))
  await assert.rejects(enroll(client, 'refuse'), withStatus(status.PERMISSION_DENIED))
})

test('unary: an abort before and during the call, and a deadline, end it', async (t) => {
  const { client } = await start(t)
  await assert.rejects(enroll(client, 'x', AbortSignal.abort()), withStatus(status.CANCELLED))
  const abort = new AbortController()
  const hanging = enroll(client, 'hang', abort.signal)
  await enroll(client, 'x')
  abort.abort()
  await assert.rejects(hanging, withStatus(status.CANCELLED))
  await assert.rejects(enroll(client, 'hang', never, 1), withStatus(status.DEADLINE_EXCEEDED))
})

test('server stream: every response in order', async (t) => {
  const { client } = await start(t)
  const request = create(BundlesFetchRequestSchema, { path: 'model.onnx' })
  const seen: string[] = []
  for await (const { part } of client.serverStream(Bundles.method.fetch, request)) {
    if (part.case === 'chunk') seen.push(`${part.value.offset} ${Buffer.from(part.value.data)}`)
  }
  assert.deepEqual(seen, ['0 model.onnx', '1 model.onnx', '2 model.onnx'])
})

test('client stream: every request, then one response', async (t) => {
  const { address } = await start(t)
  const raw = new Client(address, credentials.createInsecure())
  t.after(() => raw.close())
  const { put } = serviceDefinition(Blobs)
  assert.ok(put?.requestStream && !put.responseStream)
  const response = await new Promise<PutResponse | undefined>((resolve, reject) => {
    const call = raw.makeClientStreamRequest(
      put.path,
      put.requestSerialize,
      put.responseDeserialize,
      (error, value) => {
        if (error) reject(error)
        else resolve(value)
      },
    )
    const chunk = { data: Buffer.alloc(1_000) }
    for (let i = 0; i < 5; i++)
      call.write(create(PutRequestSchema, { part: { case: 'chunk', value: chunk } }))
    call.end()
  })
  assert.equal(response?.heldBytes, 5_000n)
})

test('bidirectional stream: both ways, until one end closes', async (t) => {
  const { client } = await start(t)
  const call = client.bidi(Link.method.connect)
  const seen: bigint[] = []
  for (const sequence of [1n, 2n, 3n]) {
    call.write(create(ConnectRequestSchema, { frame: { case: 'heartbeat', value: { sequence } } }))
  }
  call.end()
  for await (const { frame } of call) if (frame.case === 'heartbeatAck') seen.push(frame.value.sequence)
  assert.deepEqual(seen, [1n, 2n, 3n])
})
