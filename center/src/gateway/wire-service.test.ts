import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type ChannelOptions, Client, credentials, Metadata } from '@grpc/grpc-js'
import {
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  fromBinary,
  toBinary,
} from '@yizhan/proto'
import { ClientStream, helloFrame, startTestGateway, type TestGateway } from './test-gateway.js'

const CONNECT = '/yizhan.v1.Link/Connect'

/** A client that sends bytes as they are. */
function rawClient(t: TestContext, center: TestGateway, options: ChannelOptions = {}): Client {
  const { key, cert } = center.ca.edge('beijing-1')
  const tls = credentials.createSsl(Buffer.from(center.ca.cert), Buffer.from(key), Buffer.from(cert))
  const client = new Client(`localhost:${center.gateway.linkPort}`, tls, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_send_message_length': -1,
    ...options,
  })
  t.after(() => client.close())
  return client
}

function rawStream(
  client: Client,
  path = CONNECT,
  metadata = new Metadata(),
): ClientStream<Buffer, ConnectResponse> {
  const parse = (bytes: Buffer) => fromBinary(ConnectResponseSchema, bytes)
  return new ClientStream(client.makeBidiStreamRequest(path, (bytes: Buffer) => bytes, parse, metadata))
}

const hello = () => Buffer.from(toBinary(ConnectRequestSchema, helloFrame({})))

async function welcomed(stream: ClientStream<Buffer, ConnectResponse>): Promise<void> {
  stream.call.write(hello())
  assert.equal((await stream.next()).frame.case, 'welcome')
}

test('bytes that are no message end that call with invalid_argument, others are served on', async (t) => {
  const center = await startTestGateway(t)
  const client = rawClient(t, center)
  const bystander = rawStream(client)
  await welcomed(bystander)
  const garbage = [
    Buffer.alloc(100, 0xff),
    Buffer.from([0x0a, 0x7f, 0x00]),
    Buffer.from([0x12, 0x05, 0x1a, 0x03, 0xff, 0xfe, 0xfd]),
    hello().subarray(0, 5),
    Buffer.from([0x13, 0x14]),
  ]
  for (const bytes of garbage) {
    const stream = rawStream(client)
    stream.call.write(bytes)
    assert.equal(await stream.code(), 'invalid_argument', bytes.toString('hex'))
  }
  assert.equal(center.gateway.links().length, 1)
  const renew = new Promise((resolve) => {
    const identity = (bytes: Buffer) => bytes
    const path = '/yizhan.v1.Enrollment/Renew'
    client.makeUnaryRequest(path, identity, identity, Buffer.alloc(9, 0xff), (error) => {
      resolve(error?.metadata.get('yizhan-code')[0])
    })
  })
  assert.equal(await renew, 'invalid_argument')
})

test('groups within groups do not break the parser', async (t) => {
  const center = await startTestGateway(t)
  const stream = rawStream(rawClient(t, center))
  stream.call.write(Buffer.alloc(200_000, 0x0b))
  assert.equal(await stream.code(), 'invalid_argument')
  await center.edge().link()
})

test('a message over 256 KiB ends that call before it is parsed', async (t) => {
  const center = await startTestGateway(t)
  const client = rawClient(t, center)
  const stream = rawStream(client)
  await welcomed(stream)
  stream.call.write(Buffer.alloc(256 * 1_024 + 1))
  // grpc-js refuses it itself, by the length in its prefix, so there is no code of ours beside the status.
  assert.equal(await stream.code(), 'overloaded')
  await welcomed(rawStream(client))
})

test('a message that inflates past the limit ends that call', async (t) => {
  const center = await startTestGateway(t)
  const client = rawClient(t, center, { 'grpc.default_compression_algorithm': 2 })
  const stream = rawStream(client)
  stream.call.write(Buffer.alloc(64 * 1_048_576))
  assert.equal(await stream.code(), 'overloaded')
  await center.edge().link()
})

test('a message of nothing but empty submessages is small enough to be parsed quickly, and refused', async (t) => {
  const center = await startTestGateway(t)
  const stream = rawStream(rawClient(t, center))
  stream.call.write(Buffer.alloc(256 * 1_024, Buffer.from([0x1a, 0x00])))
  assert.equal(await stream.code(), 'invalid_argument')
})

test('rpcs that are not served yet, or not on this port, are unsupported', async (t) => {
  const center = await startTestGateway(t)
  const client = rawClient(t, center)
  for (const path of [
    '/yizhan.v1.Ledger/Upload',
    '/yizhan.v1.Blobs/Fetch',
    '/yizhan.v1.Enrollment/Enroll',
    '/x/y',
  ]) {
    const stream = rawStream(client, path)
    stream.call.write(Buffer.alloc(0))
    stream.call.end()
    assert.equal(await stream.code(), 'unsupported', path)
  }
})
