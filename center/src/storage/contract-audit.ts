import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  acme,
  audit,
  bytes,
  code,
  everyPage,
  openedStorage,
  type PlaceOf,
  put,
  remove,
  tenant,
  withoutChain,
} from './contract-place.js'
import type { AuditEntry, AuditOptions, ScopeHead } from './port.js'

const NOTHING: ScopeHead = { records: 0, bytes: 0, auditSequence: 0, auditHash: '', auditFirst: 1 }

/** The audit of a tenant, and what its head says. */
export function auditContract(engine: string, place: PlaceOf): void {
  test(`${engine}: audit entries come back whole, oldest first, in pages`, async (t) => {
    const { store } = await openedStorage(t, place)
    const entries: AuditEntry[] = [
      { time: 3, actor: 'user_1', action: 'CREATE', object: 'things/k', after: bytes('一') },
      {
        time: 1,
        actor: 'bot_1',
        action: 'UPDATE',
        object: 'things/k',
        before: bytes('一'),
        after: bytes(''),
      },
      { time: 2, actor: 'user_2', action: 'READ', object: 'things/k' },
    ]
    for (const entry of entries) await store.batch(acme, [put('k', 'v')], entry)
    assert.deepEqual((await store.audit(acme)).entries.map(withoutChain), entries)
    const first = await store.audit(acme, { limit: 2 })
    const rest = await store.audit(acme, {
      limit: 2,
      ...(first.cursor === undefined ? {} : { cursor: first.cursor }),
    })
    assert.deepEqual([...first.entries, ...rest.entries].map(withoutChain), entries)
    assert.equal(rest.cursor, undefined)
  })

  test(`${engine}: an audit entry can be written without a change`, async (t) => {
    const { store } = await openedStorage(t, place)
    assert.deepEqual(await store.batch(acme, [], { ...audit, action: 'READ' }), [])
    assert.equal((await store.audit(acme)).entries.length, 1)
  })

  test(`${engine}: audit entries are read backwards, and from any number on, in pages`, async (t) => {
    const { store } = await openedStorage(t, place)
    for (let time = 1; time <= 10; time++) await store.batch(acme, [], { ...audit, time })
    const cases: [AuditOptions, readonly number[]][] = [
      [{}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
      [{ reverse: true }, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]],
      [{ from: 7 }, [7, 8, 9, 10]],
      [{ from: 3, reverse: true }, [3, 2, 1]],
      [{ from: 10 }, [10]],
      [{ from: 11 }, []],
      [{ from: 99, reverse: true }, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]],
      [{ from: 1, reverse: true }, [1]],
    ]
    for (const [options, expected] of cases) {
      for (const limit of [1, 3, 10, 1_000]) {
        const { from, ...rest } = options
        const times = await everyPage(
          ({ cursor, ...page }) =>
            store.audit(acme, {
              ...rest,
              ...page,
              ...(cursor === undefined ? (from === undefined ? {} : { from }) : { cursor }),
            }),
          limit,
          (page) => page.entries.map(({ time }) => time),
        )
        assert.deepEqual(times, expected)
      }
    }
    const { cursor = '' } = await store.audit(acme, { limit: 2 })
    await assert.rejects(store.audit(acme, { cursor, reverse: true }), code('invalid_argument'))
    await assert.rejects(store.audit(tenant('other'), { cursor }), code('invalid_argument'))
    await assert.rejects(store.audit(acme, { cursor, from: 2 }), code('invalid_argument'))
  })

  test(`${engine}: request id and subject stand in the entry, and other tenants' entries do not`, async (t) => {
    const { store } = await openedStorage(t, place)
    const entry = { ...audit, requestId: 'req_1', subject: 'subj_1', after: bytes('x') }
    await store.batch(acme, [], entry)
    await store.batch(tenant('other'), [], { ...audit, requestId: 'req_2' })
    assert.deepEqual((await store.audit(acme)).entries.map(withoutChain), [entry])
    assert.deepEqual(await store.audit(tenant('nobody')), { entries: [] })
  })

  test(`${engine}: entries are numbered from 1 without gaps, each with a hash of its own`, async (t) => {
    const { store } = await openedStorage(t, place)
    const refused = store.batch(acme, [remove('absent', { expectedVersion: 3 })], audit)
    const written = Array.from({ length: 20 }, () => store.batch(acme, [], audit))
    await assert.rejects(refused, code('conflict'))
    await Promise.all(written)
    const { entries } = await store.audit(acme)
    assert.deepEqual(
      entries.map(({ sequence }) => sequence),
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
    assert.equal(new Set(entries.map(({ hash }) => hash)).size, 20)
  })

  test(`${engine}: the head counts records, bytes and entries, and names the last entry`, async (t) => {
    const { store } = await openedStorage(t, place)
    assert.equal(await store.head(acme), undefined)
    await assert.rejects(store.batch(acme, [remove('a', { expectedVersion: 1 })], audit), code('conflict'))
    assert.equal(await store.head(acme), undefined)
    await store.batch(acme, [], audit)
    const empty = await store.head(acme)
    assert.deepEqual({ ...empty, auditHash: '' }, { ...NOTHING, auditSequence: 1 })
    await store.batch(acme, [put('a', '1'), put('b', '22'), put('a', '333'), remove('absent')], audit)
    await store.batch(tenant('other'), [put('a', '1')], audit)
    const two = await store.head(acme)
    assert.ok(two && two.bytes > 5)
    assert.deepEqual([two.records, two.auditSequence, two.auditFirst], [2, 2, 1])
    assert.equal(two.auditHash, (await store.audit(acme)).entries.at(-1)?.hash)
    await store.batch(acme, [put('a', '3333')], audit)
    assert.equal((await store.head(acme))?.bytes, two.bytes + 1)
    await store.batch(acme, [remove('a'), remove('b')], audit)
    const { auditHash, ...none } = (await store.head(acme)) ?? assert.fail('no head')
    assert.notEqual(auditHash, two.auditHash)
    assert.deepEqual(none, { records: 0, bytes: 0, auditSequence: 4, auditFirst: 1 })
  })
}
