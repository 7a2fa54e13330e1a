import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ManualClock, sha256Hex } from '@yizhan/kernel'
import { startTestCenter } from './testing/center.js'
import { startTestEdge } from './testing/edge.js'
import { FILES, offer, ready, rejection, stateWith } from './testing/offers.js'
import { contentOf, testFiles } from './testing/sealed.js'

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
  await center.shelf.hung.next()
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
  assert.equal(await contentOf(dirs.get(digest), 'model.onnx', model), model)
  for (const broken of ['model.onnx@40000', 'model.onnx@80000']) {
    assert.ok(center.shelf.fetched.includes(broken), `${center.shelf.fetched}`)
  }
  assert.match(await edge.metrics.render(), /bundle_bytes_total\{source="fetched"\} 100000/)
})

test('a file is asked for piece by piece, each up to twice the one before while the line takes it', async (t) => {
  const { center, edge } = await ready(t)
  const model = 'w'.repeat(100_000)
  const digest = center.shelf.add({ 'model.onnx': model })
  offer(center, stateWith(center, 1n, digest))
  assert.equal((await center.results.next()).outcome.case, 'applied')
  const { dirs } = await edge.applied.next()
  assert.equal(await contentOf(dirs.get(digest), 'model.onnx', model), model)
  const { asked } = center.shelf
  assert.equal(asked[0], 4_096)
  assert.ok(asked.length > 2)
  assert.ok(
    asked.every((bytes, i) => bytes > 0 && bytes <= 2 * (asked[i - 1] ?? bytes)),
    `${asked}`,
  )
})

test('a center that knows no pieces sends the whole file, and that is as good', async (t) => {
  const { center, edge } = await ready(t)
  center.shelf.wholeFiles = true
  const model = 'w'.repeat(100_000)
  const digest = center.shelf.add({ 'model.onnx': model })
  offer(center, stateWith(center, 1n, digest))
  assert.equal((await center.results.next()).outcome.case, 'applied')
  const { dirs } = await edge.applied.next()
  assert.equal(await contentOf(dirs.get(digest), 'model.onnx', model), model)
  assert.deepEqual(center.shelf.fetched, ['model.onnx@0'])
})

test('a damaged start of an interrupted fetch is fetched anew', async (t) => {
  const { center, edge } = await ready(t)
  const digest = center.shelf.add({ 'model.onnx': 'w'.repeat(1000) })
  center.shelf.breakAfter = 500
  const staged = join(edge.dir, 'bundles', `.staging-${digest}`, 'model.onnx')
  offer(center, stateWith(center, 1n, digest))
  await rejection(center)
  const name = `bundle ${sha256Hex('w'.repeat(1000))}`
  const partial = await testFiles.grow(staged, name)
  assert.equal(partial.bytes, 500)
  await partial.clear()
  await partial.append(Buffer.from('x'.repeat(500)))
  await partial.close()
  center.shelf.breakAfter = Number.POSITIVE_INFINITY
  assert.equal((await center.results.next()).outcome.case, 'applied')
  const { dirs } = await edge.applied.next()
  assert.equal(await contentOf(dirs.get(digest), 'model.onnx', 'w'.repeat(1000)), 'w'.repeat(1000))
})

test('files that did not change are taken from the older bundle', async (t) => {
  const { center, edge } = await ready(t)
  offer(center, stateWith(center, 1n, center.shelf.add(FILES)))
  await center.results.next()
  const digest = center.shelf.add({ ...FILES, 'tenant.json': '{"answers":2}' })
  offer(center, stateWith(center, 2n, digest))
  assert.equal((await center.results.next()).outcome.case, 'applied')
  const applied = edge.applied.all.at(-1)
  assert.equal(await contentOf(applied?.dirs.get(digest), 'model.onnx', 'weights'), 'weights')
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
  assert.deepEqual(readdirSync(join(edge.dir, 'bundles')).sort(), digests.slice(2).sort())
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
