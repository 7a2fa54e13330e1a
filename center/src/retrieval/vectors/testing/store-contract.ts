import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createMetrics, ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import { acme, never, tenantId } from '../../../tenants/testing/catalog.js'
import { createKnowledge } from '../../knowledge.js'
import { PassageVectors } from '../passage-vectors.js'
import type { VectorModel, VectorStore } from '../vector-store.js'
import { subjectEmbedder, unit } from './subject-embedder.js'
import { listeningLogger } from './told.js'

/** Where a test's stores keep what they hold; empty at first. */
export interface StorePlace {
  /** What one center has of it; another one may have the same. */
  open(model: VectorModel): VectorStore
  /** For stores that outlive the center. */
  readonly outside?: {
    /** Nobody answers until `up`. */
    down(): Promise<void>
    up(): Promise<void>
    /** All that was held is gone, and nobody said so. */
    lose(): Promise<void>
  }
}

const MODEL = { name: 'm', dimensions: 2 }
const other = tenantId('other')
const DAY = 24 * 3_600_000

/** What every `VectorStore` does. */
export function vectorStoreContract(name: string, place: (t: TestContext) => Promise<StorePlace>): void {
  const start = async (t: TestContext, model: VectorModel = MODEL) => {
    const at = await place(t)
    const open = (of = model) => {
      const store = at.open(of)
      t.after(() => store.close())
      return store
    }
    return { store: open(), open, outside: at.outside }
  }

  test(`${name}: vectors of another dimension are refused, and what is not there harms nobody`, async (t) => {
    const { store } = await start(t)
    const three = unit(1, 0, 0)
    const refused = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'invalid_argument'
    await assert.rejects(store.nearest(acme, three, 5), refused)
    const mixed = [
      { id: digest('a'), vector: unit(1, 0) },
      { id: digest('b'), vector: three },
    ]
    await assert.rejects(store.put(acme, mixed), refused)
    assert.deepEqual(await store.ids(acme), new Set())
    assert.deepEqual(await store.nearest(acme, unit(1, 0), 5), [])
    await store.delete(acme, [digest('a')])
    await store.dropFormer(acme)
    await store.clear(acme)
    await store.put(acme, [{ id: digest('a'), vector: unit(1, 0) }])
    await store.delete(acme, [])
    await assert.rejects(store.nearest(acme, three, 5), refused)
    assert.deepEqual(await store.ids(acme), new Set([digest('a')]))
  })

  test(`${name}: the nearest come first; an id has one vector, the last one`, async (t) => {
    const { store } = await start(t)
    const found = async (count: number) =>
      (await store.nearest(acme, unit(2, 0.1), count)).map(({ id, similarity }) => [
        id,
        similarity.toFixed(2),
      ])
    await store.put(acme, [
      { id: digest('b'), vector: unit(1, 1) },
      { id: digest('a'), vector: unit(1, 0) },
      { id: digest('c'), vector: unit(-1, 0) },
    ])
    assert.deepEqual(await found(5), [
      [digest('a'), '1.00'],
      [digest('b'), '0.74'],
      [digest('c'), '-1.00'],
    ])
    assert.equal((await found(2)).length, 2)
    await store.put(acme, [{ id: digest('a'), vector: unit(-1, 0.01) }])
    assert.equal((await found(1))[0]?.[0], digest('b'))
    await store.delete(acme, [digest('b'), digest('nobody')])
    assert.deepEqual(await store.ids(acme), new Set([digest('a'), digest('c')]))
    assert.equal((await found(5)).length, 2)
  })

  test(`${name}: a tenant meets, changes and deletes nothing of another`, async (t) => {
    const { store } = await start(t)
    await store.put(acme, [{ id: digest('a'), vector: unit(1, 0) }])
    await store.put(other, [
      { id: digest('a'), vector: unit(0, 1) },
      { id: digest('b'), vector: unit(1, 0) },
    ])
    const similarity = async (tenant: typeof acme) =>
      (await store.nearest(tenant, unit(1, 0), 5)).map(({ id, similarity: how }) => [id, how.toFixed(1)])
    const others = [
      [digest('b'), '1.0'],
      [digest('a'), '0.0'],
    ]
    assert.deepEqual(await similarity(acme), [[digest('a'), '1.0']])
    assert.deepEqual(await similarity(other), others)
    assert.deepEqual([...(await store.tenants())].sort(), [acme, other])
    await store.delete(acme, [digest('a'), digest('b')])
    assert.deepEqual(await similarity(other), others)
    await store.put(acme, [{ id: digest('a'), vector: unit(1, 0) }])
    await store.clear(acme)
    assert.deepEqual(await store.ids(acme), new Set())
    assert.deepEqual(await similarity(other), others)
    assert.deepEqual(await store.tenants(), [other])
  })

  test(`${name}: more than fits one request comes, stays and goes`, async (t) => {
    const { store } = await start(t)
    const all = Array.from({ length: 1_100 }, (_, n) => ({
      id: digest(`many ${n}`),
      vector: unit(Math.cos(n / 400), Math.sin(n / 400)),
    }))
    await store.put(acme, all)
    assert.equal((await store.ids(acme)).size, all.length)
    assert.equal((await store.nearest(acme, unit(1, 0), 1))[0]?.id, digest('many 0'))
    await store.delete(
      acme,
      all.slice(1).map(({ id }) => id),
    )
    assert.deepEqual(await store.ids(acme), new Set([digest('many 0')]))
  })

  test(`${name}: with it, passages are found by meaning and go with their documents`, async (t) => {
    const { embedder, embedded } = subjectEmbedder()
    const { store } = await start(t, { name: embedder.model, dimensions: embedder.dimensions })
    const log = silentLogger()
    const vectors = new PassageVectors({ embedder, store, clock: new ManualClock(), log })
    const knowledge = createKnowledge({ log, vectors })
    const first = async (question: string) =>
      (await knowledge.explain(acme, question, OPTIONS, never)).passages[0]?.passage.document
    await knowledge.put(acme, 'a', [
      doc('cars', 'Every vehicle needs a permit.'),
      doc('pay', 'The wage comes.'),
    ])
    await knowledge.put(acme, 'b', [doc('doors', 'The gate opens at nine.')])
    await vectors.settled()
    assert.equal(await first('automobile'), 'cars')
    assert.equal(await first('salary'), 'pay')
    const before = embedded.length
    await knowledge.put(acme, 'b', [doc('doors', 'The gate opens at nine.'), doc('new', 'A door is red.')])
    await vectors.settled()
    assert.deepEqual(embedded.slice(before), ['A door is red.'])
    knowledge.delete(acme, 'a')
    await vectors.settled()
    assert.equal((await store.ids(acme)).size, 2)
    assert.notEqual(await first('automobile'), 'cars')
    knowledge.remove(acme)
    await vectors.settled()
    assert.deepEqual(await store.tenants(), [])
  })
}

/** What those do besides that outlive the center. */
export function outsideStoreContract(
  name: string,
  place: (t: TestContext) => Promise<StorePlace & Required<Pick<StorePlace, 'outside'>>>,
): void {
  vectorStoreContract(name, place)

  test(`${name}: what was put is there for the next center, and none of it for another model`, async (t) => {
    const at = await place(t)
    const of = async <T>(model: VectorModel, work: (store: VectorStore) => Promise<T>) => {
      const store = at.open(model)
      try {
        return await work(store)
      } finally {
        await store.close()
      }
    }
    const ids = (model: VectorModel) => of(model, (store) => store.ids(acme))
    for (const tenant of [acme, other]) {
      await of(MODEL, (store) => store.put(tenant, [{ id: digest('a'), vector: unit(1, 0) }]))
    }
    assert.deepEqual(await ids(MODEL), new Set([digest('a')]))
    for (const model of [
      { name: 'n', dimensions: 2 },
      { name: 'm', dimensions: 3 },
    ]) {
      assert.deepEqual(await ids(model), new Set())
      assert.deepEqual(await of(model, (store) => store.nearest(acme, unit(...ONES(model)), 5)), [])
      assert.deepEqual(
        [...(await of(model, (store) => store.tenants()))].sort(),
        [acme, other],
        'also what a former model made is held',
      )
    }
    const next = { name: 'm', dimensions: 3 }
    await of(next, async (store) => {
      await store.put(acme, [{ id: digest('b'), vector: unit(1, 0, 0) }])
      await store.dropFormer(acme)
      assert.deepEqual(await store.ids(acme), new Set([digest('b')]))
    })
    assert.deepEqual(await ids(MODEL), new Set())
    assert.deepEqual(await of(MODEL, (store) => store.ids(other)), new Set([digest('a')]))
    await of(MODEL, (store) => store.clear(acme))
    assert.deepEqual(await ids(next), new Set(), 'clearing takes what every model made')
  })

  test(`${name}: one that is away is told as a typed error, and is used again once it is back`, async (t) => {
    const at = await place(t)
    const { down, up } = at.outside
    await down()
    const store = at.open(MODEL)
    t.after(() => store.close())
    const away = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'unavailable'
    await assert.rejects(store.prepare(), away)
    await assert.rejects(store.put(acme, [{ id: digest('a'), vector: unit(1, 0) }]), away)
    await up()
    await store.put(acme, [{ id: digest('a'), vector: unit(1, 0) }])
    await down()
    for (const call of [
      () => store.ids(acme),
      () => store.nearest(acme, unit(1, 0), 1),
      () => store.delete(acme, [digest('a')]),
      () => store.tenants(),
      () => store.dropFormer(acme),
      () => store.clear(acme),
    ]) {
      await assert.rejects(call(), away)
    }
    await up()
    assert.equal((await store.nearest(acme, unit(1, 0), 1))[0]?.id, digest('a'))
  })

  test(`${name}: without it words alone answer, told once; what was deleted meanwhile goes later`, async (t) => {
    const at = await place(t)
    const { embedder, embedded } = subjectEmbedder()
    const store = at.open({ name: embedder.model, dimensions: embedder.dimensions })
    t.after(() => store.close())
    const clock = new ManualClock()
    const { log, told, next } = listeningLogger()
    const metrics = createMetrics()
    // Only the store's own time-outs may end a call here.
    const vectors = new PassageVectors({ embedder, store, clock, log, metrics }, { questionMs: DAY })
    const knowledge = createKnowledge({ log: silentLogger(), vectors })
    const first = async (question: string) =>
      (await knowledge.explain(acme, question, OPTIONS, never)).passages[0]?.passage.document
    const isDegraded = async () => /^yizhan_retrieval_by_words_alone 1$/m.test(await metrics.render())
    await knowledge.put(acme, 'a', [doc('cars', 'Every vehicle needs a permit.')])
    await knowledge.put(acme, 'b', [doc('pay', 'The wage comes in May.')])
    await vectors.settled()
    assert.equal(await first('automobile'), 'cars')
    assert.equal(await isDegraded(), false)

    await at.outside.down()
    assert.equal(await first('automobile'), undefined)
    assert.equal(await isDegraded(), true)
    const asked = embedded.length
    assert.equal((await knowledge.search(acme, 'vehicle permit', OPTIONS, never))[0]?.document, 'cars')
    assert.equal(embedded.length, asked, 'for a while nothing is asked')
    clock.advance(5_000)
    assert.equal((await knowledge.search(acme, 'vehicle permit', OPTIONS, never))[0]?.document, 'cars')
    assert.deepEqual(told.length, 1)

    await at.outside.up()
    clock.advance(5_000)
    assert.equal(await first('automobile'), 'cars')
    assert.equal(await isDegraded(), false)
    await at.outside.down()
    const failed = next()
    knowledge.delete(acme, 'b')
    await failed
    await at.outside.up()
    clock.advance(30_000)
    await vectors.settled()
    assert.equal((await store.ids(acme)).size, 1)
    await vectors.stop()
  })

  test(`${name}: what it lost is made anew, and what a former center left of others goes`, async (t) => {
    const at = await place(t)
    const { embedder } = subjectEmbedder()
    const store = at.open({ name: embedder.model, dimensions: embedder.dimensions })
    t.after(() => store.close())
    const left = at.open(MODEL)
    t.after(() => left.close())
    await left.put(other, [{ id: digest('a'), vector: unit(1, 0) }])
    const log = silentLogger()
    const vectors = new PassageVectors(
      { embedder, store, clock: new ManualClock(), log },
      { questionMs: DAY },
    )
    const knowledge = createKnowledge({ log, vectors })
    knowledge.replace(acme, [doc('cars', 'Every vehicle needs a permit.')])
    knowledge.allPut()
    await vectors.settled()
    assert.deepEqual(await store.tenants(), [acme])
    await at.outside.lose()
    const found = async () =>
      (await knowledge.explain(acme, 'automobile', OPTIONS, never)).passages[0]?.passage.document
    assert.equal(await found(), undefined)
    await vectors.settled()
    assert.equal(await found(), 'cars')
  })
}

const OPTIONS = { knowledge: [], limit: 3 }
const ONES = ({ dimensions }: VectorModel) => Array.from({ length: dimensions }, () => 1)

function doc(id: string, text: string) {
  return { id, title: '', knowledge: 'k', text }
}

function digest(text: string): string {
  return Buffer.from(text.padEnd(32, '.')).toString('hex').slice(0, 64)
}
