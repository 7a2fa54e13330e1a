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
import type { PageOptions, ScanOptions } from './port.js'

/** Scans by key: order, bounds, pages and their cursors. */
export function scanContract(engine: string, place: PlaceOf): void {
  test(`${engine}: a scan gives pages in the order of UTF-8, within collection and prefix`, async (t) => {
    const { store, system } = await openedStorage(t, place)
    // U+1F600 is above U+FF21 in UTF-8 and below it in UTF-16.
    const keys = ['a', 'a/1', 'a/2', 'a/Ａ', 'a/😀', 'ab', 'b']
    const changes = [...keys].reverse().map((key) => put(key, key))
    const elsewhere = put('a/9', 'elsewhere', { collection: 'thing' })
    await store.batch(acme, [...changes, elsewhere], audit)
    await system.batch([...changes, elsewhere])
    for (const scan of [
      (options: object) => store.scan(acme, 'things', options),
      (options: object) => system.scan('things', options),
    ]) {
      const all = await scan({})
      assert.deepEqual(
        all.records.map((record) => record.key),
        keys,
      )
      assert.equal(all.cursor, undefined)
      const first = await scan({ prefix: 'a/', limit: 3 })
      assert.deepEqual(first.records.map(text), ['a/1', 'a/2', 'a/Ａ'])
      const second = await scan({ prefix: 'a/', limit: 3, cursor: first.cursor })
      assert.deepEqual(second.records.map(text), ['a/😀'])
      assert.equal(second.cursor, undefined)
    }
  })

  test(`${engine}: a page ends early rather than grow without bound, and its cursor goes on`, async (t) => {
    const { store } = await openedStorage(t, place)
    const value = new Uint8Array(1024 * 1024)
    for (let i = 10; i < 30; i += 10) {
      const changes = Array.from({ length: 10 }, (_, j) => put(String(i + j), '', { value }))
      await store.batch(acme, changes, audit)
    }
    const keys: string[] = []
    let cursor: string | undefined
    let pages = 0
    do {
      const page = await store.scan(acme, 'things', {
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      })
      assert.ok(page.records.length <= 10)
      keys.push(...page.records.map((record) => record.key))
      cursor = page.cursor
      pages += 1
    } while (cursor !== undefined)
    assert.deepEqual(
      keys,
      Array.from({ length: 20 }, (_, i) => String(10 + i)),
    )
    assert.ok(pages >= 2)
  })

  test(`${engine}: a cursor made up, changed or carried elsewhere is refused`, async (t) => {
    const { store, system } = await openedStorage(t, place)
    const changes = ['a', 'b', 'c'].map((key) => put(key, key))
    await store.batch(acme, changes, audit)
    await store.batch(acme, changes, audit)
    await store.batch(tenant('other'), changes, audit)
    await system.batch(changes)
    const { cursor = '' } = await store.scan(acme, 'things', { limit: 1 })
    const flipped = `${cursor[0] === 'A' ? 'B' : 'A'}${cursor.slice(1)}`
    const forged = [
      '',
      'a',
      Buffer.from('things').toString('base64url'),
      flipped,
      `${cursor}A`,
      `${cursor}=`,
      ` ${cursor}`,
    ]
    for (const bad of forged) {
      await assert.rejects(store.scan(acme, 'things', { cursor: bad }), code('invalid_argument'))
      await assert.rejects(store.audit(acme, { cursor: bad }), code('invalid_argument'))
      await assert.rejects(system.scan('things', { cursor: bad }), code('invalid_argument'))
    }
    await assert.rejects(store.scan(tenant('other'), 'things', { cursor }), code('invalid_argument'))
    await assert.rejects(store.scan(acme, 'other', { cursor }), code('invalid_argument'))
    await assert.rejects(store.scan(acme, 'things', { cursor, prefix: 'b' }), code('invalid_argument'))
    await assert.rejects(store.audit(acme, { cursor }), code('invalid_argument'))
    await assert.rejects(system.scan('things', { cursor }), code('invalid_argument'))
    const { cursor: auditCursor } = await store.audit(acme, { limit: 1 })
    await assert.rejects(store.scan(acme, 'things', { cursor: auditCursor ?? '' }), code('invalid_argument'))
  })

  test(`${engine}: a scan keeps to its bounds, forwards and backwards, in pages of any size`, async (t) => {
    const { store, system } = await openedStorage(t, place)
    const keys = ['a', 'a/1', 'a/2', 'a/Ａ', 'a/😀', 'ab', 'b', '键']
    await store.batch(
      acme,
      keys.map((key) => put(key, key)),
      audit,
    )
    await system.batch(keys.map((key) => put(key, key)))
    const cases: [ScanOptions, readonly string[]][] = [
      [{}, keys],
      [{ from: 'a/2' }, keys.slice(2)],
      [{ from: 'a/15' }, keys.slice(2)],
      [{ to: 'ab' }, keys.slice(0, 5)],
      [{ to: '' }, []],
      [{ from: 'a/1', to: 'ab' }, keys.slice(1, 5)],
      [{ from: 'b', to: 'a' }, []],
      [{ prefix: 'a/', from: 'a/2' }, keys.slice(2, 5)],
      [{ prefix: 'a/', from: '0', to: 'z' }, keys.slice(1, 5)],
      [{ prefix: 'a/', from: 'c' }, []],
      [{ prefix: '' }, keys],
    ]
    for (const [options, expected] of cases) {
      for (const reverse of [false, true]) {
        for (const limit of [1, 3, 100]) {
          const inOrder = reverse ? expected.toReversed() : expected
          const asked = { ...options, reverse }
          const ofTenant = (page: PageOptions) => store.scan(acme, 'things', { ...asked, ...page })
          assert.deepEqual(keysOf(await everyPage(ofTenant, limit, (page) => page.records)), inOrder)
          const ofSystem = (page: PageOptions) => system.scan('things', { ...asked, ...page })
          assert.deepEqual(keysOf(await everyPage(ofSystem, limit, (page) => page.records)), inOrder)
        }
      }
    }
  })

  test(`${engine}: a cursor goes on behind its place when records come and go`, async (t) => {
    const { store } = await openedStorage(t, place)
    await store.batch(
      acme,
      ['b', 'd', 'f'].map((key) => put(key, key)),
      audit,
    )
    const { cursor = '' } = await store.scan(acme, 'things', { limit: 2 })
    await store.batch(acme, [remove('d'), put('a', 'a'), put('e', 'e')], audit)
    assert.deepEqual(keysOf((await store.scan(acme, 'things', { limit: 2, cursor })).records), ['e', 'f'])
    const back = await store.scan(acme, 'things', { limit: 2, reverse: true })
    const rest = await store.scan(acme, 'things', { limit: 2, reverse: true, cursor: back.cursor ?? '' })
    assert.deepEqual(keysOf([...back.records, ...rest.records]), ['f', 'e', 'b', 'a'])
    const turned = store.scan(acme, 'things', { limit: 2, cursor: back.cursor ?? '' })
    await assert.rejects(turned, code('invalid_argument'))
  })
}
