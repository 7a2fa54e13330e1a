import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import type { Embedder } from '../../inference/port.js'
import { acme, never, tenantId } from '../../tenants/testing/catalog.js'
import { createKnowledge } from '../knowledge.js'
import { PassageVectors } from './passage-vectors.js'
import { createUsearchStore } from './usearch-store.js'

const other = tenantId('other')
const log = silentLogger()
const unit = (...numbers: number[]) => {
  const length = Math.hypot(...numbers)
  return Float32Array.from(numbers, (number) => number / length)
}

/** Knows what a text is about, in whatever words: of these subjects, how many words belong to each. */
const SUBJECTS = [/car|automobile|vehicle/gi, /salary|pay|wage/gi, /door|gate/gi]
function subjectEmbedder() {
  const embedded: string[] = []
  const state = { broken: false }
  const embedder: Embedder = {
    name: 'subjects',
    model: 'subjects',
    dimensions: SUBJECTS.length + 1,
    async embed(texts) {
      if (state.broken) throw new YizhanError('backend_failed', 'away')
      embedded.push(...texts)
      const vectors = texts.map((text) =>
        unit(0.1, ...SUBJECTS.map((words) => text.match(words)?.length ?? 0)),
      )
      return { vectors, tokens: 0 }
    },
  }
  return { embedder, embedded, state }
}

test('a vector of another dimension is refused, and one tenant never meets those of another', async () => {
  const store = createUsearchStore()
  assert.deepEqual(await store.nearest(acme, unit(1, 0), 5), [])
  await store.put(acme, [
    { id: 'a', vector: unit(1, 0) },
    { id: 'b', vector: unit(1, 1) },
  ])
  await store.put(other, [{ id: 'c', vector: unit(1, 0, 0) }])
  await assert.rejects(store.put(acme, [{ id: 'x', vector: unit(1, 0, 0) }]), /3 numbers among those of 2/)
  assert.deepEqual(await store.nearest(acme, unit(1, 0, 0), 5), [])
  const near = await store.nearest(acme, unit(2, 0.1), 5)
  assert.deepEqual(
    near.map(({ id, similarity }) => [id, similarity.toFixed(2)]),
    [
      ['a', '1.00'],
      ['b', '0.74'],
    ],
  )
  await store.put(acme, [{ id: 'a', vector: unit(0, 1) }])
  assert.equal((await store.nearest(acme, unit(1, 0), 1))[0]?.id, 'b')
  await store.delete(acme, ['b', 'nobody'])
  assert.deepEqual([...(await store.ids(acme))], ['a'])
  await store.clear(acme)
  assert.equal(await store.dimensions(acme), undefined)
  assert.deepEqual([...(await store.ids(other))], ['c'])
})

const doc = (id: string, text: string) => ({ id, title: '', knowledge: 'k', text })
const options = { knowledge: [], limit: 3 }

test('with an embedder a passage is found that shares no word with the question; what goes loses its vector', async () => {
  const { embedder, embedded } = subjectEmbedder()
  const store = createUsearchStore()
  const vectors = new PassageVectors({ embedder, store, clock: new ManualClock(), log })
  const knowledge = createKnowledge({ log, vectors })
  const first = async (question: string) =>
    (await knowledge.explain(acme, question, options, never)).passages[0]?.passage.document
  await knowledge.put(acme, 'a', [
    doc('cars', 'Every vehicle needs a permit.'),
    doc('pay', 'The wage comes in May.'),
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
  assert.equal((await store.ids(acme)).size, 0)
})

test('vectors of another dimension are made anew', async () => {
  const { embedder } = subjectEmbedder()
  const store = createUsearchStore()
  await store.put(acme, [{ id: 'old', vector: unit(1, 0) }])
  const vectors = new PassageVectors({ embedder, store, clock: new ManualClock(), log })
  const knowledge = createKnowledge({ log, vectors })
  knowledge.replace(acme, [doc('cars', 'Every vehicle needs a permit.')])
  await vectors.settled()
  assert.equal(await store.dimensions(acme), embedder.dimensions)
  assert.equal((await store.ids(acme)).size, 1)
})

test('without its embedder words alone decide, and what could not be embedded is tried again', async () => {
  const { embedder, state } = subjectEmbedder()
  const clock = new ManualClock()
  const store = createUsearchStore()
  const vectors = new PassageVectors({ embedder, store, clock, log }, { retryMs: 1_000 })
  const knowledge = createKnowledge({ log, vectors })
  state.broken = true
  knowledge.replace(acme, [doc('cars', 'Every vehicle needs a permit.')])
  const found = await knowledge.search(acme, 'vehicle permit', options, never)
  assert.equal(found[0]?.document, 'cars')
  const gone = AbortSignal.abort(new Error('enough'))
  await assert.rejects(knowledge.search(acme, 'vehicle', options, gone), /enough/)
  state.broken = false
  clock.advance(1_000)
  await vectors.settled()
  assert.equal((await store.ids(acme)).size, 1)
  await vectors.stop()
})
