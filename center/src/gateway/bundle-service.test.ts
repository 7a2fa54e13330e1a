import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ClientReadableStream } from '@grpc/grpc-js'
import {
  Bundles,
  BundlesFetchRequestSchema,
  type BundlesFetchResponse,
  create,
  type FileChunk,
} from '@yizhan/proto'
import { fromServiceError } from './service-error.js'
import { edgeId, startTestGateway, type TestEdge, tenantId, until } from './test-gateway.js'

const beijing = edgeId('beijing-1')
const DIGEST = Buffer.alloc(32, 0xab)
const FOREIGN = Buffer.alloc(32, 0xcd)
const UNNAMED = Buffer.alloc(32, 0xef)
const content = randomBytes(100_000)

async function startWithBundles(t: TestContext, maxFetches = 4) {
  const center = await startTestGateway(t, { maxFetches })
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-bundles-'))
  t.after(() => rm(dir, { recursive: true }))
  const file = async (name: string, bytes: Buffer) => {
    await writeFile(join(dir, name), bytes)
    return { path: join(dir, name), size: bytes.length }
  }
  const files = { 'model.onnx': await file('model', content), empty: await file('empty', Buffer.alloc(0)) }
  center.bundles.add(DIGEST.toString('hex'), tenantId('acme'), files)
  center.bundles.add(FOREIGN.toString('hex'), tenantId('initech'), files)
  center.bundles.add(UNNAMED.toString('hex'), tenantId('acme'), files)
  center.states.set(beijing, {
    revision: 2n,
    tenants: [{ tenantId: 'acme', bundleDigest: DIGEST } as never],
    bundles: [{ digest: FOREIGN } as never],
  })
  return { center, files, dir }
}

function fetch(edge: TestEdge, request: MessageInitShape<typeof BundlesFetchRequestSchema>) {
  return edge.rpc.serverStream(Bundles.method.fetch, create(BundlesFetchRequestSchema, request))
}

async function parts(
  call: ClientReadableStream<BundlesFetchResponse>,
): Promise<BundlesFetchResponse['part'][]> {
  const all: BundlesFetchResponse['part'][] = []
  for await (const response of call) all.push((response as BundlesFetchResponse).part)
  return all
}

async function chunks(call: ClientReadableStream<BundlesFetchResponse>): Promise<FileChunk[]> {
  return (await parts(call)).map((part) => {
    assert.equal(part.case, 'chunk')
    return part.value as FileChunk
  })
}

async function code(call: ClientReadableStream<BundlesFetchResponse>): Promise<string> {
  try {
    await parts(call)
    return 'ok'
  } catch (thrown) {
    return fromServiceError(thrown).code
  }
}

test('what is not this edge’s, and what does not exist, look alike', async (t) => {
  const { center } = await startWithBundles(t)
  const edge = center.edge()
  const asked = {
    'a bundle that the desired state names, of a tenant that the edge does not have': FOREIGN,
    'a bundle of its tenant that the desired state does not name': UNNAMED,
    'a bundle that does not exist': Buffer.alloc(32, 1),
    'no digest': Buffer.alloc(0),
    'a digest of the wrong length': Buffer.alloc(31, 0xab),
  }
  const messages = new Set<string>()
  for (const [what, digest] of Object.entries(asked)) {
    await assert.rejects(parts(fetch(edge, { digest })), (thrown) => {
      const error = fromServiceError(thrown)
      assert.equal(error.code, 'not_found', what)
      messages.add(error.message)
      return true
    })
  }
  assert.equal(messages.size, 1)
  center.registry.add(edgeId('wuhan-1'), [tenantId('globex')])
  assert.equal(
    await code(fetch(center.edge('wuhan-1'), { digest: DIGEST })),
    'not_found',
    'nor is another edge’s',
  )
})

test('files are those of the manifest, by exactly their names', async (t) => {
  const { center } = await startWithBundles(t)
  const edge = center.edge()
  for (const path of ['../model', '/etc/passwd', 'model', 'MODEL.ONNX', 'model.onnx\0']) {
    assert.equal(await code(fetch(edge, { digest: DIGEST, path })), 'not_found', path)
  }
  assert.equal(
    await code(fetch(edge, { digest: DIGEST, path: 'model.onnx', offset: 100_001n })),
    'invalid_argument',
  )
})

test('without a path: the manifest and its signature', async (t) => {
  const { center } = await startWithBundles(t)
  const [part, ...more] = await parts(fetch(center.edge(), { digest: DIGEST }))
  assert.ok(part?.case === 'manifest')
  assert.equal(Buffer.from(part.value.manifest).toString(), '["model.onnx","empty"]')
  assert.equal(part.value.keyId, 'k1')
  assert.deepEqual(more, [])
})

test('a file comes in chunks of the size asked for, within bounds, from the offset', async (t) => {
  const { center } = await startWithBundles(t)
  const edge = center.edge()
  const sizes: [asked: number, got: number][] = [
    [0, 32 * 1_024],
    [8_192, 8_192],
    [1, 1_024],
    [4_000_000_000, 64 * 1_024],
  ]
  for (const [chunkBytes, got] of sizes) {
    const all = await chunks(fetch(edge, { digest: DIGEST, path: 'model.onnx', chunkBytes }))
    assert.equal(all[0]?.data.length, got)
    assert.deepEqual(Buffer.concat(all.map((chunk) => chunk.data)), content)
    assert.ok(all.every((chunk) => chunk.totalBytes === 100_000n))
  }
  const rest = await chunks(fetch(edge, { digest: DIGEST, path: 'model.onnx', offset: 99_000n }))
  assert.deepEqual(
    rest.map((chunk) => [chunk.offset, Buffer.from(chunk.data)]),
    [[99_000n, content.subarray(99_000)]],
  )
})

test('a call carries no more of a file than was asked for', async (t) => {
  const { center } = await startWithBundles(t)
  const edge = center.edge()
  const want = { digest: DIGEST, path: 'model.onnx', chunkBytes: 1_024, maxBytes: 4_000 }
  const first = await chunks(fetch(edge, want))
  assert.deepEqual(
    first.map((chunk) => [chunk.offset, chunk.data.length, chunk.totalBytes]),
    [0, 1_024, 2_048, 3_072].map((at) => [BigInt(at), Math.min(1_024, 4_000 - at), 100_000n]),
  )
  const last = await chunks(fetch(edge, { ...want, offset: 98_000n }))
  assert.deepEqual(Buffer.concat(last.map((chunk) => chunk.data)), content.subarray(98_000))
})

test('an empty file and one that the edge has whole are one empty chunk', async (t) => {
  const { center } = await startWithBundles(t)
  const edge = center.edge()
  const empty = await chunks(fetch(edge, { digest: DIGEST, path: 'empty' }))
  assert.deepEqual(
    empty.map((chunk) => [chunk.data.length, chunk.totalBytes]),
    [[0, 0n]],
  )
  const whole = await chunks(fetch(edge, { digest: DIGEST, path: 'model.onnx', offset: 100_000n }))
  assert.deepEqual(
    whole.map((chunk) => [chunk.offset, chunk.data.length]),
    [[100_000n, 0]],
  )
})

test('a file that is shorter than its manifest says is an error, not a short file', async (t) => {
  const { center, files } = await startWithBundles(t)
  await writeFile(files['model.onnx'].path, content.subarray(0, 50_000))
  assert.equal(await code(fetch(center.edge(), { digest: DIGEST, path: 'model.onnx' })), 'data_corrupt')
})

test('one edge has no more transfers than allowed; one that is over, or cancelled, makes room', async (t) => {
  const { center, dir } = await startWithBundles(t, 1)
  const big = join(dir, 'big')
  await writeFile(big, Buffer.alloc(16 * 1_048_576))
  center.bundles.add(DIGEST.toString('hex'), tenantId('acme'), { big: { path: big, size: 16 * 1_048_576 } })
  const edge = center.edge()
  const slow = fetch(edge, { digest: DIGEST, path: 'big' })
  slow.on('error', () => undefined)
  await new Promise((resolve) => slow.once('readable', resolve))
  assert.equal(await code(fetch(edge, { digest: DIGEST })), 'overloaded')
  slow.cancel()
  let last = 'overloaded'
  while (last === 'overloaded') last = await code(fetch(edge, { digest: DIGEST }))
  assert.equal(last, 'ok')
  assert.equal(await code(fetch(edge, { digest: DIGEST })), 'ok')
})

test('a transfer ends when its edge is revoked', async (t) => {
  const { center, dir } = await startWithBundles(t)
  const big = join(dir, 'big')
  await writeFile(big, Buffer.alloc(16 * 1_048_576))
  center.bundles.add(DIGEST.toString('hex'), tenantId('acme'), { big: { path: big, size: 16 * 1_048_576 } })
  const call = fetch(center.edge(), { digest: DIGEST, path: 'big' })
  await new Promise((resolve) => call.once('readable', resolve))
  let received = -1
  while (received < call.readableLength) {
    received = call.readableLength
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  await center.registry.revoke(beijing)
  // Before the edge has read another byte: a reader that stalls does not keep the transfer.
  await until(async () => (await center.count('yizhan_gateway_refusals_total', { rpc: 'fetch' })) === 1)
  assert.equal(await code(call), 'unauthenticated')
})
