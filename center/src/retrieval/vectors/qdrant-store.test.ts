import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { acme, tenantId } from '../../tenants/testing/catalog.js'
import { createQdrantStore } from './qdrant-store.js'
import { type Fault, QdrantSimulator } from './testing/qdrant-simulator.js'
import { outsideStoreContract } from './testing/store-contract.js'
import { unit } from './testing/subject-embedder.js'

const MODEL = { name: 'a/model: of "any" name', dimensions: 2 }

async function simulator(t: TestContext, apiKey?: string): Promise<QdrantSimulator> {
  const qdrant = new QdrantSimulator(apiKey)
  await qdrant.start()
  t.after(() => qdrant.stop())
  return qdrant
}

const config = (qdrant: QdrantSimulator) => ({ url: qdrant.url, prefix: 'yizhan', timeoutMs: 10_000 })

outsideStoreContract('qdrant', async (t) => {
  const qdrant = await simulator(t)
  return {
    open: (model) => createQdrantStore(config(qdrant), model),
    outside: {
      down: () => qdrant.stop(),
      up: () => qdrant.start(),
      async lose() {
        qdrant.collections.clear()
      },
    },
  }
})

test('every bad answer of Qdrant is a typed error that quotes nothing of it', async (t) => {
  const qdrant = await simulator(t, 'key')
  const open = (more = {}) => createQdrantStore({ ...config(qdrant), apiKey: 'key', ...more }, MODEL)
  const code = (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError)
    assert.doesNotMatch(JSON.stringify([thrown.message, String(thrown.cause)]), /as it was told|html/)
    return thrown.code
  }
  await assert.rejects(open({ apiKey: 'other' }).prepare(), (thrown) => code(thrown) === 'unauthenticated')
  await assert.rejects(
    createQdrantStore(config(qdrant), MODEL).prepare(),
    (thrown) => code(thrown) === 'unauthenticated',
  )
  const faults: readonly (readonly [Fault, string])[] = [
    [500, 'backend_failed'],
    [503, 'backend_failed'],
    [429, 'overloaded'],
    [400, 'invalid_argument'],
    [403, 'unauthenticated'],
    ['garbage', 'backend_failed'],
  ]
  const store = open()
  await store.put(acme, [{ id: 'a'.repeat(64), vector: unit(1, 0) }])
  for (const [fault, expected] of faults) {
    qdrant.fault = fault
    for (const call of [
      () => store.nearest(acme, unit(1, 0), 1),
      () => store.put(acme, [{ id: 'b'.repeat(64), vector: unit(1, 0) }]),
      () => store.ids(acme),
      () => store.clear(acme),
    ]) {
      await assert.rejects(call(), (thrown) => code(thrown) === expected, `${fault}`)
    }
  }
  qdrant.fault = 'hang'
  const hasty = open({ timeoutMs: 50 })
  await assert.rejects(hasty.nearest(acme, unit(1, 0), 1), (thrown) => code(thrown) === 'deadline_exceeded')
  qdrant.fault = undefined
  assert.deepEqual(await store.ids(acme), new Set(['a'.repeat(64)]))
})

test('a point holds a digest and nothing else; a collection is one tenant’s, and others on the server are let be', async (t) => {
  const qdrant = await simulator(t)
  const foreign = { size: 2, points: new Map() }
  const names = ['somebody', 'yizhan_', 'yizhan_Not-Ours_x', 'other_acme_0123456789abcdef']
  for (const name of names) qdrant.collections.set(name, foreign)
  const store = createQdrantStore(config(qdrant), MODEL)
  const ids = ['a'.repeat(64), 'b'.repeat(64)]
  await store.put(
    acme,
    ids.map((id) => ({ id, vector: unit(1, 0) })),
  )
  await store.put(tenantId('acme-2'), [{ id: 'c'.repeat(64), vector: unit(1, 0) }])
  const ours = [...qdrant.collections].filter(([name]) => !names.includes(name))
  assert.deepEqual(
    ours.map(([name]) => name.replace(/[0-9a-f]{16}$/, '…')),
    ['yizhan_acme_…', 'yizhan_acme-2_…'],
  )
  const points = [...(ours[0]?.[1].points.values() ?? [])]
  assert.deepEqual(
    points.map(({ payload }) => payload),
    ids.map((digest) => ({ digest })),
  )
  await store.clear(acme)
  assert.deepEqual(await store.tenants(), [tenantId('acme-2')])
  assert.deepEqual(
    names.filter((name) => !qdrant.collections.has(name)),
    [],
  )
})

test('a collection that was lost between two writes is made again', async (t) => {
  const qdrant = await simulator(t)
  const store = createQdrantStore(config(qdrant), MODEL)
  await store.put(acme, [{ id: 'a'.repeat(64), vector: unit(1, 0) }])
  qdrant.collections.clear()
  await store.put(acme, [{ id: 'b'.repeat(64), vector: unit(1, 0) }])
  assert.deepEqual(await store.ids(acme), new Set(['b'.repeat(64)]))
})
