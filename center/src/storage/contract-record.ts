import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  acme,
  audit,
  bytes,
  code,
  openedStorage,
  type PlaceOf,
  put,
  remove,
  tenant,
  text,
} from './contract-place.js'
import type { Change } from './port.js'

/** Reading and writing records: versions, order, all or none. */
export function recordContract(engine: string, place: PlaceOf): void {
  test(`${engine}: a record comes back with its value, version and subject`, async (t) => {
    const { store } = await openedStorage(t, place)
    assert.deepEqual(
      await store.batch(acme, [put('k', 'v', { subject: 'subj_1' }), put('k2', '')], audit),
      [1, 1],
    )
    assert.deepEqual(await store.get(acme, 'things', 'k'), {
      key: 'k',
      value: bytes('v'),
      version: 1,
      subject: 'subj_1',
    })
    assert.deepEqual(await store.get(acme, 'things', 'k2'), { key: 'k2', value: bytes(''), version: 1 })
    assert.equal(await store.get(acme, 'things', 'k3'), undefined)
    assert.equal(await store.get(acme, 'other', 'k'), undefined)
  })

  test(`${engine}: a value of 1 MiB and a key of 512 bytes fit`, async (t) => {
    const { store } = await openedStorage(t, place)
    const key = `${'键'.repeat(170)}ab`
    const value = new Uint8Array(1024 * 1024).fill(7)
    await store.batch(acme, [{ op: 'put', collection: 'things', key, value }], audit)
    assert.deepEqual((await store.get(acme, 'things', key))?.value, value)
  })

  test(`${engine}: the version grows by one with each put, also twice in one batch`, async (t) => {
    const { store } = await openedStorage(t, place)
    assert.deepEqual(
      await store.batch(acme, [put('k', 'a'), put('k', 'b', { expectedVersion: 1 })], audit),
      [1, 2],
    )
    assert.deepEqual(await store.batch(acme, [put('k', 'c', { expectedVersion: 2 })], audit), [3])
    assert.equal(text(await store.get(acme, 'things', 'k')), 'c')
  })

  test(`${engine}: a wrong version is a conflict, and the whole batch with its audit entry is left out`, async (t) => {
    const { store } = await openedStorage(t, place)
    await store.batch(acme, [put('k', 'a')], audit)
    const wrong: Change[] = [
      put('k', 'b', { expectedVersion: 0 }),
      put('k', 'b', { expectedVersion: 2 }),
      put('absent', 'b', { expectedVersion: 1 }),
      { op: 'delete', collection: 'things', key: 'k', expectedVersion: 2 },
      { op: 'delete', collection: 'things', key: 'absent', expectedVersion: 1 },
    ]
    for (const change of wrong) {
      await assert.rejects(store.batch(acme, [put('beside', 'x'), change], audit), code('conflict'))
    }
    assert.equal(text(await store.get(acme, 'things', 'k')), 'a')
    assert.equal(await store.get(acme, 'things', 'beside'), undefined)
    assert.equal((await store.audit(acme)).entries.length, 1)
  })

  test(`${engine}: of a hundred writers that expect the same version one wins`, async (t) => {
    const { store, system } = await openedStorage(t, place)
    const contenders = Array.from({ length: 100 }, (_, i) =>
      put('seat', `writer ${i}`, { expectedVersion: 0 }),
    )
    for (const write of [
      (change: Change) => store.batch(acme, [change], audit),
      (change: Change) => system.batch([change]),
    ]) {
      const results = await Promise.allSettled(contenders.map(write))
      const lost = results.filter((result) => result.status === 'rejected')
      assert.equal(lost.length, 99)
      assert.ok(lost.every((result) => code('conflict')(result.reason)))
    }
    assert.equal((await store.get(acme, 'things', 'seat'))?.version, 1)
    assert.equal((await store.audit(acme)).entries.length, 1)
  })

  test(`${engine}: a delete removes the record, and one that is not there is no error`, async (t) => {
    const { store } = await openedStorage(t, place)
    await store.batch(acme, [put('k', 'a')], audit)
    const gone: Change = { op: 'delete', collection: 'things', key: 'k' }
    assert.deepEqual(await store.batch(acme, [{ ...gone, expectedVersion: 1 }], audit), [])
    assert.equal(await store.get(acme, 'things', 'k'), undefined)
    await store.batch(acme, [gone], audit)
    assert.deepEqual(await store.batch(acme, [put('k', 'b', { expectedVersion: 0 })], audit), [1])
  })

  test(`${engine}: batches of a tenant are applied in the order of the calls`, async (t) => {
    const { store } = await openedStorage(t, place)
    const writes = Array.from({ length: 50 }, (_, i) =>
      store.batch(acme, [put('k', String(i))], { ...audit, time: i }),
    )
    assert.deepEqual(
      (await Promise.all(writes)).flat(),
      writes.map((_, i) => i + 1),
    )
    assert.equal(text(await store.get(acme, 'things', 'k')), '49')
    const { entries } = await store.audit(acme)
    assert.deepEqual(
      entries.map((entry) => entry.time),
      writes.map((_, i) => i),
    )
  })

  test(`${engine}: a buffer that the caller reuses after the call does not change what is written`, async (t) => {
    const { store, system } = await openedStorage(t, place)
    const value = bytes('before')
    const change: Change = { op: 'put', collection: 'things', key: 'k', value }
    const writing = [store.batch(acme, [change], { ...audit, after: value }), system.batch([change])]
    value.fill(0)
    await Promise.all(writing)
    assert.equal(text(await store.get(acme, 'things', 'k')), 'before')
    assert.equal(text(await system.get('things', 'k')), 'before')
    assert.deepEqual((await store.audit(acme)).entries[0]?.after, bytes('before'))
  })

  test(`${engine}: many keys are read at once, in their order, with gaps and repetitions`, async (t) => {
    const { store } = await openedStorage(t, place)
    assert.deepEqual(await store.getMany(acme, 'things', ['a']), [undefined])
    await store.batch(acme, [put('a', '1'), put('b', '2', { subject: 'subj_1' }), put('键', '3')], audit)
    await store.batch(tenant('other'), [put('c', 'theirs')], audit)
    const many = await store.getMany(acme, 'things', ['键', 'absent', 'a', 'c', 'b', 'a'])
    assert.deepEqual(many.map(text), ['3', undefined, '1', undefined, '2', '1'])
    assert.equal(many[4]?.subject, 'subj_1')
    assert.deepEqual(await store.getMany(acme, 'other', ['a']), [undefined])
    assert.deepEqual(await store.getMany(acme, 'things', []), [])
  })

  test(`${engine}: a delete and a put of one key in one batch leave what came last`, async (t) => {
    const { store } = await openedStorage(t, place)
    await store.batch(acme, [put('k', 'a')], audit)
    assert.deepEqual(
      await store.batch(acme, [remove('k'), put('k', 'b', { expectedVersion: 0 })], audit),
      [1],
    )
    assert.equal(text(await store.get(acme, 'things', 'k')), 'b')
    await store.batch(acme, [put('k', 'c'), remove('k')], audit)
    assert.equal(await store.get(acme, 'things', 'k'), undefined)
    assert.equal((await store.head(acme))?.records, 0)
  })

  test(`${engine}: a put without a subject or terms takes away those of the version before`, async (t) => {
    const { store } = await openedStorage(t, place)
    await store.batch(acme, [put('k', 'a', { subject: 's', terms: [{ name: 'by', value: 'x' }] })], audit)
    await store.batch(acme, [put('k', 'b')], audit)
    assert.deepEqual(await store.get(acme, 'things', 'k'), { key: 'k', value: bytes('b'), version: 2 })
    assert.deepEqual((await store.places(acme, { subject: 's' })).places, [])
  })
}
