import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { startTestCenter } from './testing/center.js'
import { enrolInto, startTestEdge } from './testing/edge.js'
import { FILES, offer, ready, rejection, stateWith } from './testing/offers.js'
import { contentOf, testFiles } from './testing/sealed.js'

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
  assert.deepEqual([edge.applied.all.length, center.shelf.fetched], [0, []])
})

test('the signing keys of a welcome take the place of those before, also after a restart', async (t) => {
  const { center, edge } = await ready(t)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spkiDer = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }))
  const signingKeys = [{ $typeName: 'yizhan.v1.SigningKey' as const, keyId: 'key-2', spkiDer }]
  center.greet = (call) => center.welcome(call, { signingKeys })
  center.dropLink()
  await edge.reached('ready')
  offer(center, center.sign({ revision: 1n }))
  assert.equal((await rejection(center))?.code, 'unauthenticated')
  const { payload } = center.sign({ revision: 2n })
  const signed = Buffer.concat([Buffer.from('yizhan-desired-state-v1\n'), payload])
  const signature = Uint8Array.from(sign(null, signed, privateKey))
  offer(center, { $typeName: 'yizhan.v1.SignedDesiredState', payload, signature, keyId: 'key-2' })
  assert.equal((await center.results.next()).outcome.case, 'applied')
  await edge.uplink.stop('restart')
  const again = await startTestEdge(t, center, { dir: edge.dir })
  assert.equal((await again.applied.next()).state.revision, 2n)
  await again.reached('ready')
  assert.equal(center.hellos.all.at(-1)?.appliedRevision, 2n)
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
  assert.equal(await contentOf(dir, 'model.onnx', 'weights'), 'weights')
  assert.ok(!readFileSync(join(dir, 'model.onnx')).includes('weights'))
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

test('a cached state that was altered on disk is not applied', async (t) => {
  const { center, edge } = await ready(t)
  offer(center, center.sign({ revision: 1n }))
  await center.results.next()
  await edge.uplink.stop('restart')
  const path = join(edge.dir, 'applied-state.json')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const genuine = (await testFiles.read(path, 'desired state')) ?? Buffer.alloc(0)
  assert.ok(!readFileSync(path).includes('payload'))
  const file = JSON.parse(genuine.toString())
  const altered = JSON.stringify({ ...file, payload: Buffer.from([8, 99]).toString('base64') })
  await testFiles.write(path, 'desired state', Buffer.from(altered))
  const again = await startTestEdge(t, center, { dir: edge.dir })
  assert.equal(again.applied.all.length, 0)
  await again.reached('ready')
  await again.uplink.stop('restart')
  // Genuine, but not sealed: since this edge seals, nobody but a stranger writes that.
  writeFileSync(path, genuine)
  const third = await startTestEdge(t, center, { dir: edge.dir })
  assert.equal(third.applied.all.length, 0)
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
