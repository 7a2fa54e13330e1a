import assert from 'node:assert/strict'
import { test } from 'node:test'
import { random } from '../testing.js'
import { DedupeKeys, digestOfKey } from './dedupe-keys.js'

for (const seed of [11, 12, 13]) {
  test(`keys are known, expire and are dropped as in a map that is searched from its oldest (seed ${seed})`, () => {
    const next = random(seed)
    const max = 4_500
    let dropped = 0
    const keys = new DedupeKeys(max, () => {
      dropped += 1
    })
    const model = new Map<string, { age: number; value: string }>()
    let modelDropped = 0
    let age = 0
    for (let i = 0; i < 40_000; i++) {
      age += next()
      const name = `key ${Math.floor(next() * 30_000)}`
      const value = 'v'.repeat(next() * 60) + i
      assert.equal(keys.get(digestOfKey(name)), model.get(name)?.value)
      keys.add({ digest: digestOfKey(name), age, value })
      if (!model.has(name)) {
        if (model.size === max) {
          model.delete(model.keys().next().value ?? assert.fail())
          modelDropped += 1
        }
        model.set(name, { age, value })
      }
      if (i % 5_000 === 4_999) {
        const from = next() < 0.2 ? age + 1 : age - 3_000 * next()
        keys.expire(from)
        for (const [old, one] of model) if (one.age < from) model.delete(old)
      }
    }
    assert.deepEqual([keys.size, dropped], [model.size, modelDropped])
    assert.ok(dropped > 1_000)
    assert.equal(keys.oldestAge, model.values().next().value?.age ?? Number.POSITIVE_INFINITY)
    for (let i = 0; i < 30_000; i++)
      assert.equal(keys.get(digestOfKey(`key ${i}`)), model.get(`key ${i}`)?.value)
  })
}
