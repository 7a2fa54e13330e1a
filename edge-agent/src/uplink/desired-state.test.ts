import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ManualClock, YizhanError } from '@yizhan/kernel'
import { BundleKind, type SignedDesiredState, TenantPhase } from '@yizhan/proto'
import { startTestCenter, type TestCenter } from './testing/center.js'
import { enrolInto, startTestEdge, type TestEdge } from './testing/edge.js'

const FILES = { 'model.onnx': 'weights', 'tenant.json': '{"answers":1}' }

function stateWith(
  center: TestCenter,
  revision: bigint,
  digest: string,
  tenantId = 'acme',
): SignedDesiredState {
  const bundleDigest = Buffer.from(digest, 'hex')
  return center.sign({
    revision,
    tenants: [{ $typeName: 'yizhan.v1.DesiredTenant', tenantId, bundleDigest, phase: TenantPhase.SERVING }],
    bundles: [
      {
        $typeName: 'yizhan.v1.DesiredBundle',
        digest: bundleDigest,
        kind: BundleKind.TENANT,
        tenantId,
        sizeBytes: 0n,
      },
    ],
  })
}

function offer(center: TestCenter, value: SignedDesiredState): void {
  center.send({ case: 'desiredState', value })
}

async function rejection(center: TestCenter) {
  const { outcome } = await center.results.next()
  assert.equal(outcome.case, 'rejected')
  return outcome.case === 'rejected' ? outcome.value.failure : undefined
}

function bundlesIn(edge: { readonly dir: string }): string[] {
  const dir = join(edge.dir, 'bundles')
  return existsSync(dir) ? readdirSync(dir).sort() : []
}

async function ready(
  t: Parameters<typeof startTestEdge>[0],
): Promise<{ center: TestCenter; edge: TestEdge }> {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  await edge.reached('ready')
  return { center, edge }
}

test('a desired state with an altered byte, a foreign signature or an unknown key is rejected unparsed', async (t) => {
  const { center, edge } = await ready(t)
  const good = stateWith(center, 1n, center.shelf.add(FILES))
  const payload = Uint8Array.from(good.payload)
  payload[payload.length - 1] = (payload.at(-1) ?? 0) ^ 1
  const foreign = center.registrar.sign('yizhan-desired-state-v1\n', good.payload)
  foreign[0] = (foreign[0] ?? 0) ^ 1
  offer(center, { ...good, payload })
  assert.equal((await rejection(center))?.code, 'unauthenticated')
  offer(center, { ...good, signature: foreign })
  assert.equal((await rejection(center))?.code, 'unauthenticated')
  offer(center, { ...good, keyId: 'key-9' })
  assert.equal((await rejection(center))?.code, 'unauthenticated')
  // Signed by the right key for another purpose.
  offer(center, { ...good, signature: center.registrar.sign('yizhan-bundle-v1\n', good.payload) })
  assert.equal((await rejection(center))?.code, 'unauthenticated')
  assert.deepEqual([edge.applied.all.length, bundlesIn(edge), center.shelf.fetched], [0, [], []])
})

test('a state for another edge is rejected, even if the center signed it', async (t) => {
  const { center, edge } = await ready(t)
  offer(center, center.sign({ revision: 1n, edgeId: 'sh-02' }))
  assert.equal((await rejection(center))?.code, 'permission_denied')
  assert.equal(edge.applied.all.length, 0)
})

test('an older revision is rejected, the same one is harmless', async (t) => {
  const { center, edge } = await ready(t)
  const five = center.sign({ revision: 5n })
  offer(center, five)
  assert.equal((await center.results.next()).outcome.case, 'applied')
  offer(center, center.sign({ revision: 4n }))
  assert.equal((await rejection(center))?.code, 'conflict')
  offer(center, center.sign({ revision: 0n }))
  assert.equal((await rejection(center))?.code, 'conflict')
  offer(center, five)
  assert.equal((await center.results.next()).outcome.case, 'applied')
  assert.deepEqual(
    edge.applied.all.map(({ state }) => state.revision),
    [5n],
  )
})

test('a state is applied with its bundles in place, and survives a restart without the center', async (t) => {
  const { center, edge } = await ready(t)
  const digest = center.shelf.add(FILES)
  offer(center, stateWith(center, 1n, digest))
  const { dirs } = await edge.applied.next()
  const dir = dirs.get(digest) ?? ''
  assert.equal(dir, join(edge.dir, 'bundles', digest))
  assert.equal(readFileSync(join(dir, 'model.onnx'), 'utf8'), 'weights')
  const { revision, outcome } = await center.results.next()
  assert.deepEqual([revision, outcome.case], [1n, 'applied'])
  await edge.uplink.stop('restart')

  // Nobody listens on the discard port.
  const again = await startTestEdge(t, center, { dir: edge.dir, config: { linkAddress: '127.0.0.1:9' } })
  assert.deepEqual(
    again.applied.all.map((one) => [one.state.revision, one.dirs.get(digest)]),
    [[1n, dir]],
  )
  await again.uplink.stop('restart')

  const back = await startTestEdge(t, center, { dir: edge.dir })
  await back.reached('ready')
  assert.equal(center.hellos.all.at(-1)?.appliedRevision, 1n)
})

for (const [how, content] of [
  ['altered', 'evil wt'],
  ['longer than it said', 'weights and more'],
  ['shorter than it said', 'weigh'],
] as const) {
  test(`a bundle with a file that is ${how} is refused whole: nothing is applied, nothing is in place`, async (t) => {
    const { center, edge } = await ready(t)
    const digest = center.shelf.add(FILES)
    center.shelf.bundles.get(digest)?.files.set('model.onnx', Buffer.from(content))
    offer(center, stateWith(center, 1n, digest))
    assert.equal((await rejection(center))?.code, 'data_corrupt')
    assert.equal(edge.applied.all.length, 0)
    assert.equal(existsSync(join(edge.dir, 'bundles', digest)), false)
  })
}

test('a transfer that stands still is given up and tried again', async (t) => {
  const center = await startTestCenter(t)
  const clock = new ManualClock(Date.now())
  const edge = await startTestEdge(t, center, { clock })
  await edge.reached('ready')
  center.shelf.hangs = true
  const digest = center.shelf.add(FILES)
  offer(center, stateWith(center, 1n, digest))
  for (let passed = 0; passed < 60_000; passed += 10_000) {
    await center.heartbeats.next()
    clock.advance(10_000)
  }
  assert.deepEqual((await rejection(center))?.code, 'unavailable')
  center.shelf.hangs = false
  clock.advance(1_000)
  assert.equal((await center.results.next()).outcome.case, 'applied')
})

test('a bundle with a wrong signature, of another tenant, or that is not there is refused', async (t) => {
  const { center, edge } = await ready(t)
  const digest = center.shelf.add(FILES)
  const bundle = center.shelf.bundles.get(digest)
  assert.ok(bundle)
  bundle.signature = center.registrar.sign('yizhan-desired-state-v1\n', bundle.manifest)
  offer(center, stateWith(center, 1n, digest))
  assert.equal((await rejection(center))?.code, 'permission_denied')
  offer(center, stateWith(center, 2n, center.shelf.add(FILES), 'globex'))
  assert.equal((await rejection(center))?.code, 'permission_denied')
  offer(center, stateWith(center, 3n, 'ab'.repeat(32)))
  assert.equal((await rejection(center))?.code, 'not_found')
  assert.deepEqual([edge.applied.all.length, center.shelf.fetched], [0, []])
})

test('a manifest that the center swaps for another signed one is refused', async (t) => {
  const { center } = await ready(t)
  const [one, two] = [center.shelf.add(FILES), center.shelf.add({ 'model.onnx': 'older' })]
  const other = center.shelf.bundles.get(two)
  assert.ok(other)
  center.shelf.bundles.set(one, other)
  offer(center, stateWith(center, 1n, one))
  assert.equal((await rejection(center))?.code, 'data_corrupt')
})

test('a bundle over the quota is refused before a file is fetched', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center, { config: { maxBundleBytes: 10 } })
  await edge.reached('ready')
  offer(center, stateWith(center, 1n, center.shelf.add({ 'model.onnx': 'x'.repeat(11) })))
  assert.equal((await rejection(center))?.code, 'too_large')
  assert.deepEqual(center.shelf.fetched, [])
})

test('a fetch that breaks off goes on where it was', async (t) => {
  const { center, edge } = await ready(t)
  const model = 'w'.repeat(100_000)
  const digest = center.shelf.add({ 'model.onnx': model })
  center.shelf.breakAfter = 40_000
  offer(center, stateWith(center, 1n, digest))
  // Told once, then tried again until it works.
  assert.deepEqual((await rejection(center))?.retryable, true)
  assert.equal((await center.results.next()).outcome.case, 'applied')
  const { dirs } = await edge.applied.next()
  assert.equal(readFileSync(join(dirs.get(digest) ?? '', 'model.onnx'), 'utf8'), model)
  assert.deepEqual(center.shelf.fetched, ['model.onnx@0', 'model.onnx@40000', 'model.onnx@80000'])
  assert.match(await edge.metrics.render(), /bundle_bytes_total\{source="fetched"\} 100000/)
})

test('a damaged start of an interrupted fetch is fetched anew', async (t) => {
  const { center, edge } = await ready(t)
  const digest = center.shelf.add({ 'model.onnx': 'w'.repeat(1000) })
  center.shelf.breakAfter = 500
  const staged = join(edge.dir, 'bundles', `.staging-${digest}`, 'model.onnx')
  offer(center, stateWith(center, 1n, digest))
  await rejection(center)
  writeFileSync(staged, 'x'.repeat(500))
  center.shelf.breakAfter = Number.POSITIVE_INFINITY
  assert.equal((await center.results.next()).outcome.case, 'applied')
  const { dirs } = await edge.applied.next()
  assert.equal(readFileSync(join(dirs.get(digest) ?? '', 'model.onnx'), 'utf8'), 'w'.repeat(1000))
})

test('files that did not change are taken from the older bundle', async (t) => {
  const { center, edge } = await ready(t)
  offer(center, stateWith(center, 1n, center.shelf.add(FILES)))
  await center.results.next()
  const digest = center.shelf.add({ ...FILES, 'tenant.json': '{"answers":2}' })
  offer(center, stateWith(center, 2n, digest))
  assert.equal((await center.results.next()).outcome.case, 'applied')
  const applied = edge.applied.all.at(-1)
  assert.equal(readFileSync(join(applied?.dirs.get(digest) ?? '', 'model.onnx'), 'utf8'), 'weights')
  assert.deepEqual(center.shelf.fetched, ['model.onnx@0', 'tenant.json@0', 'tenant.json@0'])
})

test('the bundles of the last two states are kept, older ones go', async (t) => {
  const { center, edge } = await ready(t)
  const digests: string[] = []
  for (let revision = 1; revision <= 4; revision++) {
    const digest = center.shelf.add({ 'tenant.json': `{"answers":${revision}}` })
    digests.push(digest)
    offer(center, stateWith(center, BigInt(revision), digest))
    await center.results.next()
  }
  assert.deepEqual(bundlesIn(edge), digests.slice(2).sort())
})

test('a bundle damaged on disk is not served: the state before it is, and the center sends again', async (t) => {
  const { center, edge } = await ready(t)
  const [one, two] = [center.shelf.add(FILES), center.shelf.add({ 'tenant.json': '{"answers":2}' })]
  for (const [revision, digest] of [one, two].entries()) {
    offer(center, stateWith(center, BigInt(revision + 1), digest))
    await center.results.next()
  }
  await edge.uplink.stop('restart')
  writeFileSync(join(edge.dir, 'bundles', two, 'tenant.json'), '{"answers":9}')
  center.desired = stateWith(center, 2n, two)
  const again = await startTestEdge(t, center, { dir: edge.dir })
  assert.equal((await again.applied.next()).state.revision, 1n)
  assert.equal((await again.applied.next()).state.revision, 2n)
  assert.equal(center.hellos.all.at(-1)?.appliedRevision, 1n)
})

test('a cached state that was altered on disk is not applied', async (t) => {
  const { center, edge } = await ready(t)
  offer(center, center.sign({ revision: 1n }))
  await center.results.next()
  await edge.uplink.stop('restart')
  const path = join(edge.dir, 'applied-state.json')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const file = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify({ ...file, payload: Buffer.from([8, 99]).toString('base64') }))
  const again = await startTestEdge(t, center, { dir: edge.dir })
  assert.equal(again.applied.all.length, 0)
  await again.reached('ready')
})

test('of the states that arrive while one is being applied, the newest is next', async (t) => {
  const center = await startTestCenter(t)
  const seen: bigint[] = []
  let go: () => void = () => undefined
  const first = new Promise<void>((resolve) => {
    go = resolve
  })
  const target = {
    async apply({ revision }: { revision: bigint }) {
      seen.push(revision)
      if (revision === 1n) await first
    },
  }
  const edge = await startTestEdge(t, center, { target })
  await edge.reached('ready')
  for (const revision of [1n, 2n, 3n]) offer(center, center.sign({ revision }))
  // What is sent after them has been answered: they have arrived.
  const command = { $typeName: 'yizhan.v1.Command' as const, commandId: 'c', expiresMs: 0n, actor: '' }
  center.send({ case: 'command', value: { ...command, command: { case: undefined } } })
  await center.commandResults.next()
  go()
  assert.equal((await center.results.next()).revision, 1n)
  assert.equal((await center.results.next()).revision, 3n)
  assert.deepEqual(seen, [1n, 3n])
})

test('a state that cannot be put in force is rejected with the reason and not kept', async (t) => {
  const center = await startTestCenter(t)
  const target = {
    async apply() {
      throw new YizhanError('unsupported', 'the model has an operator that is not allowed')
    },
  }
  const edge = await startTestEdge(t, center, { target })
  await edge.reached('ready')
  offer(center, center.sign({ revision: 1n }))
  const failure = await rejection(center)
  assert.deepEqual(
    [failure?.code, failure?.message],
    ['unsupported', 'the model has an operator that is not allowed'],
  )
  assert.equal(existsSync(join(edge.dir, 'applied-state.json')), false)
})

test('after a new enrolment at another center, revisions start anew', async (t) => {
  const { center, edge } = await ready(t)
  offer(center, center.sign({ revision: 7n }))
  await center.results.next()
  await edge.uplink.stop('moved')
  const other = await startTestCenter(t)
  other.desired = other.sign({ revision: 1n })
  await enrolInto(edge.dir, other)
  const moved = await startTestEdge(t, other, { dir: edge.dir })
  assert.equal((await moved.applied.next()).state.revision, 7n)
  assert.equal((await moved.applied.next()).state.revision, 1n)
  assert.equal((await other.hellos.next()).appliedRevision, 0n)
})
