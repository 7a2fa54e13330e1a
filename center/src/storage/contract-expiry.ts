import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  acme,
  audit,
  code,
  everyPage,
  keysOf,
  openedStorage,
  type PlaceOf,
  put,
  remove,
  tenant,
  text,
} from './contract-place.js'

/** Records that end by themselves, and where records lie. */
export function expiryContract(engine: string, place: PlaceOf): void {
  test(`${engine}: a record is gone from every reading once it expires, and is still a place`, async (t) => {
    const { store, system, clock } = await openedStorage(t, place)
    const now = clock.wall()
    const terms = [{ name: 'by', value: 'x' }]
    const changes = [
      put('gone', '1', { expiresAt: now + 1_000, terms }),
      put('stays', '2', { expiresAt: now + 1_001, terms }),
      put('always', '3', { terms }),
    ]
    await store.batch(acme, changes, audit)
    await system.batch(changes)
    assert.equal((await store.get(acme, 'things', 'gone'))?.expiresAt, now + 1_000)
    clock.advance(999)
    assert.equal(text(await store.get(acme, 'things', 'gone')), '1')
    clock.advance(1)
    const { places: all } = await store.places(acme, { expiredBefore: now + 1_001 })
    assert.deepEqual(all, [{ collection: 'things', key: 'gone', version: 1, expiresAt: now + 1_000 }])
    assert.equal(await store.get(acme, 'things', 'gone'), undefined)
    assert.equal(await system.get('things', 'gone'), undefined)
    const many = await store.getMany(acme, 'things', ['stays', 'gone', 'always'])
    assert.deepEqual(many.map(text), ['2', undefined, '3'])
    const index = { name: 'by', value: 'x' }
    for (const page of [
      await store.scan(acme, 'things'),
      await store.scan(acme, 'things', { index }),
      await system.scan('things'),
      await system.scan('things', { index }),
    ]) {
      assert.deepEqual(keysOf(page.records), ['always', 'stays'])
    }
    assert.equal((await store.head(acme))?.records, 3)
  })

  test(`${engine}: pages that hold expired records are shorter, never an end too early`, async (t) => {
    const { store, clock } = await openedStorage(t, place)
    const expiresAt = clock.wall() + 1
    const changes = Array.from({ length: 20 }, (_, i) =>
      put(String(10 + i), '', i % 5 === 4 ? {} : { expiresAt }),
    )
    await store.batch(acme, changes, audit)
    clock.advance(1)
    for (const reverse of [false, true]) {
      const keys = await everyPage(
        (page) => store.scan(acme, 'things', { ...page, reverse }),
        3,
        (page) => keysOf(page.records),
      )
      assert.deepEqual(keys.toSorted(), ['14', '19', '24', '29'])
    }
  })

  test(`${engine}: an expired record fits version 0, may be put again, and its version still grows`, async (t) => {
    const { store, clock } = await openedStorage(t, place)
    await store.batch(acme, [put('k', '1', { expiresAt: clock.wall() + 5 })], audit)
    await assert.rejects(store.batch(acme, [put('k', '2', { expectedVersion: 0 })], audit), code('conflict'))
    clock.advance(5)
    await assert.rejects(store.batch(acme, [put('k', '2', { expectedVersion: 1 })], audit), code('conflict'))
    await assert.rejects(store.batch(acme, [remove('k', { expectedVersion: 1 })], audit), code('conflict'))
    const [version = 0] = await store.batch(acme, [put('k', '2', { expectedVersion: 0 })], audit)
    assert.equal(text(await store.get(acme, 'things', 'k')), '2')
    assert.equal(version, 2)
    assert.deepEqual((await store.places(acme, { expiredBefore: clock.wall() + 1 })).places, [])
    assert.equal((await store.head(acme))?.records, 1)
  })

  test(`${engine}: expired places come soonest first, in pages, and go when they are deleted`, async (t) => {
    const { store, clock } = await openedStorage(t, place)
    const now = clock.wall()
    const at = [30, 10, 20, 40, 10]
    await store.batch(
      acme,
      at.map((ms, i) => put(`k${i}`, '', { expiresAt: now + ms, subject: 's' })),
      audit,
    )
    await store.batch(tenant('other'), [put('k9', '', { expiresAt: now + 1 })], audit)
    const expired = (expiredBefore: number, limit: number) =>
      everyPage(
        (page) => store.places(acme, { expiredBefore }, page),
        limit,
        (page) => page.places,
      )
    for (const limit of [1, 2, 100]) {
      assert.deepEqual(keysOf(await expired(now + 40, limit)), ['k1', 'k4', 'k2', 'k0'])
    }
    assert.deepEqual(keysOf(await expired(now + 10, 100)), [])
    assert.deepEqual((await expired(now + 11, 100))[0], {
      collection: 'things',
      key: 'k1',
      version: 1,
      subject: 's',
      expiresAt: now + 10,
    })
    await store.batch(acme, [remove('k1'), put('k4', '', { expiresAt: now + 100 }), put('k2', '')], audit)
    assert.deepEqual(keysOf(await expired(now + 1_000, 100)), ['k0', 'k3', 'k4'])
  })

  test(`${engine}: a person's places lie over all collections, and follow puts and deletes`, async (t) => {
    const { store } = await openedStorage(t, place)
    const of = (subject: string, limit = 100) =>
      everyPage(
        (page) => store.places(acme, { subject }, page),
        limit,
        (page) => page.places,
      )
    assert.deepEqual(await of('s1'), [])
    await store.batch(
      acme,
      [
        put('b', '1', { subject: 's1' }),
        put('a', '2', { subject: 's1' }),
        put('a', '3', { subject: 's1', collection: 'notes' }),
        put('c', '4', { subject: 's' }),
        put('d', '5', { subject: 's11' }),
        put('e', '6'),
      ],
      audit,
    )
    await store.batch(tenant('other'), [put('z', '7', { subject: 's1' })], audit)
    for (const limit of [1, 2, 100]) {
      assert.deepEqual(
        (await of('s1', limit)).map(({ collection, key }) => `${collection}/${key}`),
        ['notes/a', 'things/a', 'things/b'],
      )
    }
    await store.batch(
      acme,
      [put('b', '8', { subject: 's2' }), remove('a'), put('e', '9', { subject: 's1' })],
      audit,
    )
    assert.deepEqual(await of('s1'), [
      { collection: 'notes', key: 'a', version: 1, subject: 's1' },
      { collection: 'things', key: 'e', version: 2, subject: 's1' },
    ])
    assert.deepEqual(await of('s2'), [{ collection: 'things', key: 'b', version: 2, subject: 's2' }])
    const { cursor = '' } = await store.places(acme, { subject: 's1' }, { limit: 1 })
    const refused = code('invalid_argument')
    await assert.rejects(store.places(acme, { subject: 's2' }, { cursor }), refused)
    await assert.rejects(store.places(acme, { expiredBefore: 1 }, { cursor }), refused)
    await assert.rejects(store.places(tenant('other'), { subject: 's1' }, { cursor }), refused)
  })
}
