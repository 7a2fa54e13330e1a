import assert from 'node:assert/strict'
import type { RecordEngine } from '../../engine.js'
import { problems } from '../../engine-place.js'

/**
 * Of batches that write one key into the collections `one` and `two`: every acknowledged one (`tenant key`) is there, none
 * is there in part, and the books are right. How many there are.
 */
export async function verifyBatches(engine: RecordEngine, acked: ReadonlySet<string>): Promise<number> {
  let found = 0
  for (const id of await engine.tenants()) {
    assert.deepEqual(await problems(engine, id), [])
    const keys = { one: new Set<string>(), two: new Set<string>() }
    for (const collection of ['one', 'two'] as const) {
      let cursor: string | undefined
      do {
        const page = await engine.scan(id, collection, { limit: 1_000, ...(cursor ? { cursor } : {}) })
        for (const { key } of page.records) keys[collection].add(`${id} ${key}`)
        cursor = page.cursor
      } while (cursor !== undefined)
    }
    assert.deepEqual(keys.one, keys.two, 'a batch is there in part')
    found += keys.one.size
    for (const key of keys.one) assert.ok(key.startsWith(`${id} `))
    const missing = [...acked].filter((key) => key.startsWith(`${id} `) && !keys.one.has(key))
    assert.deepEqual(missing, [])
    assert.equal((await engine.head(id))?.auditSequence, keys.one.size)
  }
  return found
}
