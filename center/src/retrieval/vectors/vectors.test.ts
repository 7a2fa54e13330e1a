import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLogger } from '@yizhan/kernel'
import { acme, never } from '../../tenants/testing/catalog.js'
import { createKnowledge } from '../knowledge.js'
import { PassageVectors } from './passage-vectors.js'
import { vectorStoreContract } from './testing/store-contract.js'
import { subjectEmbedder } from './testing/subject-embedder.js'
import { createUsearchStore } from './usearch-store.js'

vectorStoreContract('usearch', async () => ({ open: createUsearchStore }))

const log = silentLogger()
const doc = (id: string, text: string) => ({ id, title: '', knowledge: 'k', text })
const options = { knowledge: [], limit: 3 }

test('without its embedder words alone decide, and what could not be embedded is tried again', async () => {
  const { embedder, state } = subjectEmbedder()
  const clock = new ManualClock()
  const store = createUsearchStore({ name: embedder.model, dimensions: embedder.dimensions })
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

test('a store that says nothing holds up neither a question nor the end of the center', async (t) => {
  // Deadlines keep no process alive.
  const alive = setInterval(() => undefined, 1_000)
  t.after(() => clearInterval(alive))
  const { embedder } = subjectEmbedder()
  const store = createUsearchStore({ name: embedder.model, dimensions: embedder.dimensions })
  const silent = { ...store, nearest: () => new Promise<never>(() => undefined) }
  const clock = new ManualClock()
  const vectors = new PassageVectors({ embedder, store: silent, clock, log }, { questionMs: 1 })
  const knowledge = createKnowledge({ log, vectors })
  knowledge.replace(acme, [doc('cars', 'Every vehicle needs a permit.')])
  await vectors.settled()
  const found = await knowledge.search(acme, 'vehicle permit', options, never)
  assert.equal(found[0]?.document, 'cars')
  const stuck = new PassageVectors(
    { embedder, store: { ...store, ids: () => new Promise<never>(() => undefined) }, clock, log },
    {},
  )
  stuck.changed(acme, () => new Map([['a', 'A car.']]))
  await stuck.stop()
})
