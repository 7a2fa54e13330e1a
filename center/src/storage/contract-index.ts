import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  acme,
  audit,
  bytes,
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
import type { IndexTerm, ScanOptions } from './port.js'

const state = (value: string): IndexTerm => ({ name: 'state', value })
const due = (value: string): IndexTerm => ({ name: 'due', value })

/** Scans by index terms. */
export function indexContract(engine: string, place: PlaceOf): void {
  test(`${engine}: records are found by a term's exact value, in the order of their keys`, async (t) => {
    const { store, system } = await openedStorage(t, place)
    const changes = [
      put('k3', '3', { terms: [state('open')] }),
      put('k1', '1', { terms: [state('open')] }),
      put('k2', '2', { terms: [state('opened')] }),
      put('k4', '4', { terms: [state('')] }),
      put('k5', '5'),
      put('k6', '6', { collection: 'other', terms: [state('open')] }),
      put('k7', '7', { terms: [{ name: 'states', value: 'open' }] }),
    ]
    await store.batch(acme, changes, audit)
    await store.batch(tenant('other'), [put('k0', 'theirs', { terms: [state('open')] })], audit)
    await system.batch(changes)
    for (const scan of [
      (options: ScanOptions) => store.scan(acme, 'things', options),
      (options: ScanOptions) => system.scan('things', options),
    ]) {
      const find = async (value: string) =>
        (await scan({ index: { name: 'state', value } })).records.map(text)
      assert.deepEqual(await find('open'), ['1', '3'])
      assert.deepEqual(await find('opened'), ['2'])
      assert.deepEqual(await find(''), ['4'])
      assert.deepEqual(await find('ope'), [])
      assert.deepEqual((await scan({ index: { name: 'stat' } })).records, [])
    }
    const [first] = (await store.scan(acme, 'things', { index: { name: 'state', value: 'open' } })).records
    assert.deepEqual(first, { key: 'k1', value: bytes('1'), version: 1, terms: [state('open')] })
  })

  test(`${engine}: an index is walked by value and key, within bounds, both ways, in pages`, async (t) => {
    const { store } = await openedStorage(t, place)
    // U+1F600 is above U+FF21 in UTF-8 and below it in UTF-16; U+0001 sorts right behind the end of a value.
    const values = ['', 'a', 'a\u0001', 'ab', 'b', 'Ａ', '😀']
    const changes = values.flatMap((value, i) =>
      ['x', 'y'].map((key) => put(`${key}${i}`, `${value}|${key}`, { terms: [state(value)] })),
    )
    await store.batch(acme, changes.toReversed(), audit)
    const all = values.flatMap((value) => [`${value}|x`, `${value}|y`])
    const cases: [ScanOptions, readonly string[]][] = [
      [{}, all],
      [{ from: 'a' }, all.slice(2)],
      [{ from: 'a', to: 'ab' }, all.slice(2, 6)],
      [{ to: 'a' }, all.slice(0, 2)],
      [{ from: 'aa', to: 'ac' }, all.slice(6, 8)],
      [{ from: 'b', to: 'a' }, []],
    ]
    for (const [options, expected] of cases) {
      for (const reverse of [false, true]) {
        for (const limit of [1, 3, 1_000]) {
          const asked = { ...options, reverse, index: { name: 'state' } }
          const found = await everyPage(
            (page) => store.scan(acme, 'things', { ...asked, ...page }),
            limit,
            (page) => page.records.map(text),
          )
          assert.deepEqual(found, reverse ? expected.toReversed() : expected)
        }
      }
    }
  })

  test(`${engine}: a record with several terms is found by each, and once for each in a walk`, async (t) => {
    const { store } = await openedStorage(t, place)
    const terms = [...['a', 'b', 'c'].map(state), ...Array.from({ length: 13 }, (_, i) => due(String(i)))]
    await store.batch(acme, [put('k', 'v', { terms })], audit)
    for (const { name, value } of terms) {
      const { records } = await store.scan(acme, 'things', { index: { name, value } })
      assert.deepEqual(keysOf(records), ['k'])
    }
    const walked = await store.scan(acme, 'things', { index: { name: 'state' } })
    assert.deepEqual(keysOf(walked.records), ['k', 'k', 'k'])
  })

  test(`${engine}: a put replaces the terms and a delete takes them away, also within a batch`, async (t) => {
    const { store } = await openedStorage(t, place)
    const find = async (value: string) =>
      keysOf((await store.scan(acme, 'things', { index: { name: 'state', value } })).records)
    await store.batch(acme, [put('k', '1', { terms: [state('open'), due('1')] })], audit)
    await store.batch(acme, [put('k', '2', { terms: [state('closed'), due('1')] })], audit)
    assert.deepEqual([await find('open'), await find('closed')], [[], ['k']])
    await store.batch(acme, [put('k', '3')], audit)
    assert.deepEqual(await find('closed'), [])
    await store.batch(
      acme,
      [put('k', '4', { terms: [state('open')] }), put('k', '5', { terms: [state('late')] }), remove('k')],
      audit,
    )
    assert.deepEqual([await find('open'), await find('late')], [[], []])
    await store.batch(acme, [remove('k'), put('k', '6', { terms: [state('open')] })], audit)
    assert.deepEqual(await find('open'), ['k'])
  })

  test(`${engine}: a refused batch leaves the index as it was`, async (t) => {
    const { store } = await openedStorage(t, place)
    await store.batch(acme, [put('k', '1', { terms: [state('open')] })], audit)
    const wrong = [put('k', '2', { terms: [state('closed')] }), remove('absent', { expectedVersion: 1 })]
    await assert.rejects(store.batch(acme, wrong, audit), code('conflict'))
    const open = await store.scan(acme, 'things', { index: { name: 'state' } })
    assert.deepEqual(open.records.map(text), ['1'])
  })

  test(`${engine}: a page by an index ends early rather than grow without bound`, async (t) => {
    const { store } = await openedStorage(t, place)
    const value = new Uint8Array(1024 * 1024)
    for (let i = 10; i < 30; i += 10) {
      const changes = Array.from({ length: 10 }, (_, j) =>
        put(String(i + j), '', { value, terms: [state('x')] }),
      )
      await store.batch(acme, changes, audit)
    }
    const keys = await everyPage(
      (page) => store.scan(acme, 'things', { ...page, index: { name: 'state', value: 'x' } }),
      1_000,
      ({ records }) => {
        assert.ok(records.length <= 10)
        return keysOf(records)
      },
    )
    assert.deepEqual(
      keys,
      Array.from({ length: 20 }, (_, i) => String(10 + i)),
    )
  })

  test(`${engine}: a record that changes its term or person meanwhile is never told under the old one`, async (t) => {
    const { store } = await openedStorage(t, place)
    let writing = true
    const turns = (async () => {
      for (let i = 0; i < 40; i++) {
        const [value, subject] = i % 2 === 0 ? ['a', 's1'] : ['b', 's2']
        const changes = Array.from({ length: 20 }, (_, j) =>
          put(`k${j}`, value, { subject, terms: [state(value)] }),
        )
        await store.batch(acme, changes, audit)
      }
      writing = false
    })()
    while (writing) {
      const { records } = await store.scan(acme, 'things', { index: { name: 'state', value: 'a' } })
      assert.ok(records.every((record) => text(record) === 'a'))
      assert.ok(records.length === 0 || records.length === 20)
      const { places } = await store.places(acme, { subject: 's1' })
      assert.ok(places.every(({ subject }) => subject === 's1'))
      assert.ok(places.length === 0 || places.length === 20)
    }
    await turns
  })

  test(`${engine}: the cursor of an index fits no other value, index, order or plain scan`, async (t) => {
    const { store } = await openedStorage(t, place)
    const terms = [state('x'), due('x')]
    await store.batch(acme, [put('a', '1', { terms }), put('b', '2', { terms })], audit)
    const index = { name: 'state', value: 'x' }
    const { cursor = '' } = await store.scan(acme, 'things', { index, limit: 1 })
    for (const options of [
      {},
      { index: { name: 'state' } },
      { index: { name: 'state', value: 'y' } },
      { index: { name: 'due', value: 'x' } },
      { index, reverse: true },
    ]) {
      await assert.rejects(store.scan(acme, 'things', { ...options, cursor }), code('invalid_argument'))
    }
  })
}
