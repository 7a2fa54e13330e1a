import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { asTenantId, type TenantId, YizhanError } from '@yizhan/kernel'
import type { AuditEntry, AuditRecord, Change, Store, StoredRecord, SystemStore } from './port.js'

/** A place that an engine can open, close and open again. */
export interface StoragePlace {
  open(): Promise<{ readonly store: Store; readonly system: SystemStore; close(): Promise<void> }>
}

const acme = tenant('acme')
const audit: AuditEntry = { time: 1_800_000_000_000, actor: 'user_1', action: 'UPDATE', object: 'things' }
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const text = (record: StoredRecord | undefined) => record && Buffer.from(record.value).toString('utf8')
const put = (key: string, value: string, more: Partial<Extract<Change, { op: 'put' }>> = {}): Change => ({
  op: 'put',
  collection: 'things',
  key,
  value: bytes(value),
  ...more,
})
const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === expected

/** As it was written. */
function withoutChain({ sequence, hash, ...entry }: AuditRecord): AuditEntry {
  assert.ok(sequence >= 1)
  assert.match(hash, /^[0-9a-f]{64}$/)
  return entry
}

/** What every engine of Store and SystemStore must do. `engine` names the tests. */
export function storageContract(engine: string, place: (t: TestContext) => Promise<StoragePlace>): void {
  const opened = async (t: TestContext) => {
    const storage = await (await place(t)).open()
    t.after(() => storage.close())
    return storage
  }

  for (const [what, change, expected] of BAD_CHANGES) {
    test(`${engine}: ${what} is refused with ${expected}, and nothing is written`, async (t) => {
      const { store, system } = await opened(t)
      await assert.rejects(store.batch(acme, [put('good', '1'), change], audit), code(expected))
      await assert.rejects(system.batch([put('good', '1'), change]), code(expected))
      assert.equal(await store.get(acme, 'things', 'good'), undefined)
      assert.equal(await system.get('things', 'good'), undefined)
      assert.deepEqual((await store.audit(acme)).entries, [])
    })
  }

  test(`${engine}: bad reads are refused`, async (t) => {
    const { store } = await opened(t)
    await assert.rejects(store.get(acme, 'things', ''), code('invalid_argument'))
    await assert.rejects(store.get(acme, 'no/slash', 'k'), code('invalid_argument'))
    for (const limit of [0, 1_001, 1.5, Number.NaN]) {
      await assert.rejects(store.scan(acme, 'things', { limit }), code('invalid_argument'))
    }
    await assert.rejects(store.scan(acme, 'things', { prefix: 'a\0' }), code('invalid_argument'))
    await assert.rejects(store.audit(acme, { from: 0 }), code('invalid_argument'))
  })

  test(`${engine}: a record comes back with its value, version and subject`, async (t) => {
    const { store } = await opened(t)
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
    const { store } = await opened(t)
    const key = `${'键'.repeat(170)}ab`
    const value = new Uint8Array(1024 * 1024).fill(7)
    await store.batch(acme, [{ op: 'put', collection: 'things', key, value }], audit)
    assert.deepEqual((await store.get(acme, 'things', key))?.value, value)
  })

  test(`${engine}: the version grows by one with each put, also twice in one batch`, async (t) => {
    const { store } = await opened(t)
    assert.deepEqual(
      await store.batch(acme, [put('k', 'a'), put('k', 'b', { expectedVersion: 1 })], audit),
      [1, 2],
    )
    assert.deepEqual(await store.batch(acme, [put('k', 'c', { expectedVersion: 2 })], audit), [3])
    assert.equal(text(await store.get(acme, 'things', 'k')), 'c')
  })

  test(`${engine}: a wrong version is a conflict, and the whole batch with its audit entry is left out`, async (t) => {
    const { store } = await opened(t)
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
    const { store, system } = await opened(t)
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
    const { store } = await opened(t)
    await store.batch(acme, [put('k', 'a')], audit)
    const gone: Change = { op: 'delete', collection: 'things', key: 'k' }
    assert.deepEqual(await store.batch(acme, [{ ...gone, expectedVersion: 1 }], audit), [])
    assert.equal(await store.get(acme, 'things', 'k'), undefined)
    await store.batch(acme, [gone], audit)
    assert.deepEqual(await store.batch(acme, [put('k', 'b', { expectedVersion: 0 })], audit), [1])
  })

  test(`${engine}: batches of a tenant are applied in the order of the calls`, async (t) => {
    const { store } = await opened(t)
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
    const { store, system } = await opened(t)
    const value = bytes('before')
    const change: Change = { op: 'put', collection: 'things', key: 'k', value }
    const writing = [store.batch(acme, [change], { ...audit, after: value }), system.batch([change])]
    value.fill(0)
    await Promise.all(writing)
    assert.equal(text(await store.get(acme, 'things', 'k')), 'before')
    assert.equal(text(await system.get('things', 'k')), 'before')
    assert.deepEqual((await store.audit(acme)).entries[0]?.after, bytes('before'))
  })

  test(`${engine}: a scan gives pages in the order of UTF-8, within collection and prefix`, async (t) => {
    const { store, system } = await opened(t)
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
    const { store } = await opened(t)
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
    const { store, system } = await opened(t)
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

  test(`${engine}: audit entries come back whole, oldest first, in pages`, async (t) => {
    const { store } = await opened(t)
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
    const { store } = await opened(t)
    assert.deepEqual(await store.batch(acme, [], { ...audit, action: 'READ' }), [])
    assert.equal((await store.audit(acme)).entries.length, 1)
  })

  test(`${engine}: everything is there after a restart, and cursors and versions go on`, async (t) => {
    const where = await place(t)
    const before = await where.open()
    await before.store.batch(acme, [put('a', '1'), put('b', '2', { subject: 'subj_1' })], {
      ...audit,
      time: 1,
    })
    await before.system.batch([put('a', 'system')])
    const { cursor = '' } = await before.store.scan(acme, 'things', { limit: 1 })
    await before.close()
    const after = await where.open()
    t.after(() => after.close())
    assert.equal(text(await after.store.get(acme, 'things', 'a')), '1')
    assert.equal((await after.store.get(acme, 'things', 'b'))?.subject, 'subj_1')
    assert.equal(text(await after.system.get('things', 'a')), 'system')
    assert.deepEqual((await after.store.scan(acme, 'things', { cursor })).records.map(text), ['2'])
    assert.deepEqual(await after.store.batch(acme, [put('a', '3')], { ...audit, time: 2 }), [2])
    assert.deepEqual(
      (await after.store.audit(acme)).entries.map((entry) => entry.time),
      [1, 2],
    )
  })

  test(`${engine}: close writes what waits, refuses what comes later, and may be called again`, async (t) => {
    const where = await place(t)
    const first = await where.open()
    const waiting = first.store.batch(acme, [put('k', 'v')], audit)
    await first.close()
    assert.deepEqual(await waiting, [1])
    await first.close()
    await assert.rejects(first.store.batch(acme, [put('k', 'w')], audit), code('unavailable'))
    await assert.rejects(first.system.batch([put('k', 'w')]), code('unavailable'))
    await assert.rejects(first.store.get(acme, 'things', 'k'), code('unavailable'))
    const second = await where.open()
    t.after(() => second.close())
    assert.equal(text(await second.store.get(acme, 'things', 'k')), 'v')
  })
}

const BAD_CHANGES: readonly (readonly [string, Change, string])[] = [
  ['an empty key', put('', 'v'), 'invalid_argument'],
  ['a key with a NUL', put('a\0b', 'v'), 'invalid_argument'],
  ['a key of 513 bytes', put('k'.repeat(513), 'v'), 'invalid_argument'],
  ['a key of 171 characters and 513 bytes', put('键'.repeat(171), 'v'), 'invalid_argument'],
  ['a key with half a character', put('a\ud800', 'v'), 'invalid_argument'],
  ['a collection with a NUL', put('k', 'v', { collection: 'a\0b' }), 'invalid_argument'],
  ['an empty collection', put('k', 'v', { collection: '' }), 'invalid_argument'],
  ["the audit's own collection", put('k', 'v', { collection: '$audit' }), 'invalid_argument'],
  ['an empty subject', put('k', 'v', { subject: '' }), 'invalid_argument'],
  ['a negative version', put('k', 'v', { expectedVersion: -1 }), 'invalid_argument'],
  ['half a version', put('k', 'v', { expectedVersion: 0.5 }), 'invalid_argument'],
  ['a value over 1 MiB', put('k', '', { value: new Uint8Array(1024 * 1024 + 1) }), 'too_large'],
]

function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}
