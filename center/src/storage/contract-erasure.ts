import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  acme,
  audit,
  bytes,
  forgettingSealer,
  keysOf,
  openedStorage,
  type PlaceOf,
  put,
  remove,
  text,
  withoutChain,
} from './contract-place.js'

/** What is left of a person whose key is destroyed. */
export function erasureContract(engine: string, place: PlaceOf): void {
  test(`${engine}: records of an erased person are as if they were not there, and can be deleted`, async (t) => {
    const sealer = forgettingSealer()
    const { store } = await openedStorage(t, place, sealer)
    const terms = [{ name: 'by', value: 'x' }]
    await store.batch(
      acme,
      [put('p', 'theirs', { subject: 's1', terms }), put('q', 'ours', { terms })],
      audit,
    )
    sealer.erased.add('s1')
    assert.equal(await store.get(acme, 'things', 'p'), undefined)
    assert.deepEqual((await store.getMany(acme, 'things', ['p', 'q'])).map(text), [undefined, 'ours'])
    assert.deepEqual(keysOf((await store.scan(acme, 'things')).records), ['q'])
    const index = { name: 'by', value: 'x' }
    assert.deepEqual(keysOf((await store.scan(acme, 'things', { index })).records), ['q'])
    assert.deepEqual(keysOf((await store.places(acme, { subject: 's1' })).places), ['p'])
    await store.batch(acme, [remove('p')], audit)
    assert.deepEqual((await store.places(acme, { subject: 's1' })).places, [])
    assert.equal((await store.head(acme))?.records, 1)
  })

  test(`${engine}: a write for an erased person is refused whole, and its neighbours go through`, async (t) => {
    const sealer = forgettingSealer()
    const { store } = await openedStorage(t, place, sealer)
    sealer.erased.add('s1')
    const results = await Promise.allSettled([
      store.batch(acme, [put('a', '1')], { ...audit, time: 1 }),
      store.batch(acme, [put('b', '2'), put('c', '3', { subject: 's1' })], { ...audit, time: 2 }),
      store.batch(acme, [put('d', '4')], { ...audit, time: 3, subject: 's1', after: bytes('4') }),
      store.batch(acme, [put('e', '5')], { ...audit, time: 4 }),
    ])
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? 'ok' : result.reason.code)),
      ['ok', 'erased', 'erased', 'ok'],
    )
    assert.deepEqual(keysOf((await store.scan(acme, 'things')).records), ['a', 'e'])
    const { entries } = await store.audit(acme)
    assert.deepEqual(
      entries.map(({ sequence, time }) => [sequence, time]),
      [
        [1, 1],
        [2, 4],
      ],
    )
  })

  test(`${engine}: an erasure empties the snapshots of a person and leaves the entries and their chain`, async (t) => {
    const sealer = forgettingSealer()
    const { store } = await openedStorage(t, place, sealer)
    const snapshots = { before: bytes('old'), after: bytes('new') }
    await store.batch(acme, [], { ...audit, ...snapshots, subject: 's1' })
    await store.batch(acme, [], { ...audit, ...snapshots, subject: 's2' })
    await store.batch(acme, [], { ...audit, subject: 's1' })
    const { entries: before } = await store.audit(acme)
    sealer.erased.add('s1')
    const { entries: after } = await store.audit(acme)
    assert.deepEqual(
      after.map(({ hash }) => hash),
      before.map(({ hash }) => hash),
    )
    assert.deepEqual(after.map(withoutChain), [
      { ...audit, subject: 's1', erased: true },
      { ...audit, ...snapshots, subject: 's2' },
      { ...audit, subject: 's1' },
    ])
  })
}
