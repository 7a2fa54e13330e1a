import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger, YizhanError } from '@yizhan/kernel'
import { centerConfig } from '../../config.js'
import { acme } from '../../tenants/testing/catalog.js'
import { openVectorStore } from './open-store.js'
import { QdrantSimulator } from './testing/qdrant-simulator.js'
import { unit } from './testing/subject-embedder.js'
import { listeningLogger } from './testing/told.js'

const MODEL = { name: 'm', dimensions: 2 }

function settings(vectors: object) {
  const checked = centerConfig.check({
    knowledge: { vectors },
    storage: { postgres: { host: '/nowhere' } },
  })
  assert.ok(checked.ok)
  return { vectors: checked.value.knowledge.vectors, postgres: checked.value.storage.postgres }
}

test('settings of a store that cannot be right are refused before anything is stored', async (t) => {
  for (const vectors of [
    { store: 'lancedb' },
    { qdrant: { url: 'qdrant:6333' } },
    { qdrant: { prefix: 'a_b' } },
  ]) {
    assert.equal(centerConfig.check({ knowledge: { vectors } }).ok, false)
  }
  const secret = new QdrantSimulator('key')
  await secret.start()
  t.after(() => secret.stop())
  for (const [qdrant, why] of [
    [{}, /^config_invalid: knowledge\.vectors\.qdrant\.url: is missing/],
    [{ url: 'http://[' }, /^config_invalid: .*no URL/],
    [{ url: 'http://qdrant.example', apiKey: 'key' }, /^config_invalid: .*without TLS/],
    [{ url: secret.url, apiKey: 'other' }, /^unauthenticated: Qdrant refused the key/],
  ] as const) {
    const opening = openVectorStore({ log: silentLogger() }, settings({ store: 'qdrant', qdrant }), MODEL)
    await assert.rejects(opening, (thrown: unknown) => {
      assert.ok(thrown instanceof YizhanError)
      assert.match(`${thrown.code}: ${thrown.message}`, why)
      assert.doesNotMatch(String(thrown), /other/)
      return true
    })
  }
})

test('the center starts without its store, and says so', async (t) => {
  const qdrant = new QdrantSimulator()
  await qdrant.start()
  const { url } = qdrant
  await qdrant.stop()
  for (const vectors of [{ store: 'qdrant', qdrant: { url } }, { store: 'pgvector' }]) {
    const { log, told } = listeningLogger()
    const store = await openVectorStore({ log }, settings(vectors), MODEL)
    t.after(() => store.close())
    assert.deepEqual(told, ['the vector store is away; passages are found by their words'])
    await assert.rejects(store.ids(acme), { code: 'unavailable' })
  }
  const embedded = await openVectorStore({ log: silentLogger() }, settings({}), MODEL)
  await embedded.put(acme, [{ id: 'a', vector: unit(1, 0) }])
  assert.deepEqual(await embedded.ids(acme), new Set(['a']))
})
