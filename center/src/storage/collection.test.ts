import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type TSchema, Type } from '@sinclair/typebox'
import { ManualClock, plainSealer, type Sealer, silentLogger, YizhanError } from '@yizhan/kernel'
import { collectionOf } from './collection.js'
import { type CollectionDef, defineCollection } from './collection-def.js'
import { acme, audit, bytes, code, forgettingSealer, keysOf, tenant } from './contract-place.js'
import { never } from './engine-place.js'
import type { Change, Store } from './port.js'
import { openStorage } from './storage.js'

const DAY = 24 * 3_600_000

// One collection over three versions: a name became first and last, then a state was added that it is found by.
const V1 = Type.Object({ id: Type.String(), name: Type.String() })
const V2 = Type.Object({ id: Type.String(), first: Type.String(), last: Type.String() })
const V3 = Type.Object({
  id: Type.String({ minLength: 1 }),
  first: Type.String(),
  last: Type.String(),
  state: Type.Union([Type.Literal('active'), Type.Literal('gone')]),
  person: Type.Optional(Type.String()),
})

function fromV1(old: unknown): unknown {
  if (!isRecord(old)) return old
  const [first, last] = String(old.name).split(' ')
  return { id: old.id, first, last }
}
const fromV2 = (old: unknown): unknown => (isRecord(old) ? { ...old, state: 'active' } : old)

const people1 = defineCollection({ name: 'people', version: 1, schema: V1 })
const people2 = defineCollection({ name: 'people', version: 2, schema: V2, migrations: { 1: fromV1 } })
const people3 = defineCollection({
  name: 'people',
  version: 3,
  schema: V3,
  key: ({ id }) => id,
  terms: ({ state }) => [{ name: 'state', value: state }],
  subject: ({ person }) => person,
  expiresAt: ({ state }, now) => (state === 'gone' ? now + 30 * DAY : undefined),
  dataClass: 'contact',
  migrations: { 1: fromV1, 2: fromV2 },
})

const ada = { id: 'ada', first: 'Ada', last: 'Lovelace', state: 'active' } as const

async function opened(t: TestContext, sealer: Sealer = plainSealer) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-collection-'))
  const clock = new ManualClock()
  const storage = await openStorage({ clock, sealer, log: silentLogger() }, { dir, shards: 1 })
  t.after(async () => {
    await storage.close()
    await rm(dir, { recursive: true, force: true })
  })
  const deps = { store: storage.store, clock }
  return { ...deps, deps, people: collectionOf(deps, people3) }
}

const raw = (key: string, text: string): Extract<Change, { op: 'put' }> => ({
  op: 'put',
  collection: 'people',
  key,
  value: bytes(text),
})

const BAD: readonly (readonly [string, unknown])[] = [
  ['without a field', { id: 'a', first: 'A', last: 'B' }],
  ['with a field of another type', { ...ada, first: 42 }],
  ['with a state that is none', { ...ada, state: 'secret-value' }],
  ['that is nothing', undefined],
  ['with a forbidden key', { ...ada, more: JSON.parse('{"__proto__":1}') }],
]

for (const [what, value] of BAD) {
  test(`a value ${what} is refused on put, and the error does not hold it`, async (t) => {
    const { people } = await opened(t)
    for (const act of [
      () => people.put('ada', value as typeof ada),
      () => people.save(value as typeof ada),
    ]) {
      assert.throws(act, (thrown) => {
        assert.ok(code('invalid_argument')(thrown))
        assert.ok(!/secret-value|42|Lovelace/.test(told(thrown)), told(thrown))
        return true
      })
    }
  })
}

test('the path of what does not fit is told, on put and on read', async (t) => {
  const { store, people } = await opened(t)
  const path = (expected: string) => (thrown: unknown) =>
    thrown instanceof YizhanError && thrown.details.path === expected
  assert.throws(() => people.save({ ...ada, last: 7 as unknown as string }), path('/last'))
  await store.batch(acme, [raw('bad', JSON.stringify({ v: 3, d: { ...ada, first: null } }))], audit)
  await assert.rejects(people.get(acme, 'bad'), path('/first'))
})

for (const text of [
  '',
  'null',
  '{',
  '{"v":3}',
  '{"d":{}}',
  '{"v":0,"d":{}}',
  '{"v":"3","d":{}}',
  '{"v":3,"d":7}',
]) {
  test(`a stored ${text || 'nothing'} is corrupt data, and other records are still read`, async (t) => {
    const { store, people } = await opened(t)
    await store.batch(acme, [raw('bad', text), people.save(ada)], audit)
    await assert.rejects(people.get(acme, 'bad'), code('data_corrupt'))
    await assert.rejects(people.scan(acme), code('data_corrupt'))
    await assert.rejects(people.migrateAll(acme, { actor: 'ops' }, never), code('data_corrupt'))
    assert.deepEqual((await people.get(acme, 'ada'))?.value, ada)
  })
}

test('an old value that cannot be migrated is corrupt data, and the error does not quote it', async (t) => {
  const { deps, store } = await opened(t)
  const failing = defineCollection({
    name: 'people',
    version: 2,
    schema: V2,
    migrations: {
      1: (old) => {
        throw new Error(`cannot take ${JSON.stringify(old)}`)
      },
    },
  })
  await store.batch(acme, [raw('a', '{"v":1,"d":{"id":"a","name":"secret-value"}}')], audit)
  const thrown = await collectionOf(deps, failing)
    .get(acme, 'a')
    .catch((error: unknown) => error)
  assert.ok(code('data_corrupt')(thrown))
  assert.ok(!told(thrown).includes('secret-value'))
})

test('a value of a later version is unsupported, and is neither migrated nor overwritten', async (t) => {
  const { deps, store, people } = await opened(t)
  await store.batch(acme, [people.save(ada)], audit)
  const older = collectionOf(deps, people2)
  await assert.rejects(older.get(acme, 'ada'), code('unsupported'))
  await assert.rejects(older.scan(acme), code('unsupported'))
  await assert.rejects(older.migrateAll(acme, { actor: 'ops' }, never), code('unsupported'))
  assert.deepEqual((await people.get(acme, 'ada'))?.value, ada)
  assert.equal((await people.get(acme, 'ada'))?.version, 1)
})

for (const [what, def] of [
  ['a name that is none', { name: 'no/slash', version: 1, schema: V1 }],
  ['version 0', { name: 'people', version: 0, schema: V1 }],
  ['a missing migration', { name: 'people', version: 3, schema: V3, migrations: { 1: fromV1 } }],
  ['a migration too many', { name: 'people', version: 1, schema: V1, migrations: { 1: fromV1 } }],
  [
    'a migration from version 0',
    { name: 'people', version: 2, schema: V2, migrations: { 0: fromV1, 1: fromV1 } },
  ],
] as const satisfies readonly (readonly [string, CollectionDef<TSchema>])[]) {
  test(`a definition with ${what} is refused`, () => {
    assert.throws(() => defineCollection<TSchema>(def), code('invalid_argument'))
  })
}

test('a value comes back typed, with terms, person and expiry taken from it', async (t) => {
  const { store, clock, people } = await opened(t)
  const gone = { ...ada, state: 'gone', person: 'subj_1' } as const
  assert.deepEqual(await store.batch(acme, [people.save(ada, { expectedVersion: 0 })], audit), [1])
  await store.batch(acme, [people.put('ada', gone, { expectedVersion: 1 })], audit)
  await assert.rejects(store.batch(acme, [people.save(ada, { expectedVersion: 1 })], audit), code('conflict'))
  assert.deepEqual(await people.get(acme, 'ada'), {
    key: 'ada',
    value: gone,
    version: 2,
    storedAs: 3,
    subject: 'subj_1',
    expiresAt: clock.wall() + 30 * DAY,
    terms: [{ name: 'state', value: 'gone' }],
  })
  const byState = await people.scan(acme, { index: { name: 'state', value: 'gone' } })
  assert.deepEqual(byState.records[0]?.value, gone)
  const { places } = await store.places(acme, { subject: 'subj_1' })
  assert.deepEqual(keysOf(places), ['ada'])
  await store.batch(acme, [people.delete('ada', { expectedVersion: 2 })], audit)
  assert.equal(await people.get(acme, 'ada'), undefined)
  assert.equal(people.dataClass, 'contact')
})

test('a value goes under no key but its own, and save needs one', async (t) => {
  const { deps, people } = await opened(t)
  assert.throws(() => people.put('other', ada), code('invalid_argument'))
  const keyless = collectionOf(deps, people1)
  assert.throws(() => keyless.save({ id: 'a', name: 'A B' }), code('internal'))
})

test('values of three versions are read as today’s, by key, together and in pages, and stay as they lie', async (t) => {
  const { deps, store, people } = await opened(t)
  await store.batch(acme, mixed(deps, people.save(ada)), audit)
  const grace = { id: 'grace', first: 'Grace', last: 'Hopper', state: 'active' }
  const read = await people.get(acme, 'grace')
  assert.deepEqual([read?.value, read?.storedAs, read?.version], [grace, 1, 1])
  const many = await people.getMany(acme, ['edith', 'absent', 'ada', 'grace'])
  assert.deepEqual(
    many.map((one) => one?.storedAs),
    [2, undefined, 3, 1],
  )
  const first = await people.scan(acme, { limit: 2 })
  const rest = await people.scan(acme, { limit: 2, cursor: first.cursor ?? '' })
  assert.deepEqual(
    [...first.records, ...rest.records].map(({ value }) => [value.id, value.last, value.state]),
    [
      ['ada', 'Lovelace', 'active'],
      ['edith', 'Clarke', 'active'],
      ['grace', 'Hopper', 'active'],
    ],
  )
  assert.match(await storedText(store, 'grace'), /^\{"v":1,/)
  assert.equal((await store.audit(acme)).entries.length, 1)
})

test('a migration stores what is older in today’s form, with its index, once, under one audit entry a page', async (t) => {
  const { deps, store, clock, people } = await opened(t)
  await store.batch(acme, mixed(deps, people.save(ada)), audit)
  await store.batch(tenant('other'), mixed(deps, people.save(ada)), audit)
  const old = collectionOf(deps, people1)
  const more = Array.from({ length: 250 }, (_, i) =>
    old.put(`x${1_000 + i}`, { id: `x${1_000 + i}`, name: 'A B' }),
  )
  await store.batch(acme, more, audit)
  const by = { actor: 'ops', requestId: 'req_1' }
  assert.deepEqual(await people.migrateAll(acme, by, never), { seen: 253, migrated: 252 })
  assert.match(await storedText(store, 'grace'), /^\{"v":3,/)
  const active = await people.scan(acme, { index: { name: 'state', value: 'active' }, limit: 1_000 })
  assert.equal(active.records.length, 253)
  const entries = (await store.audit(acme)).entries.slice(2)
  assert.deepEqual(
    entries.map(({ actor, requestId, action, object, time }) => ({ actor, requestId, action, object, time })),
    Array.from({ length: 3 }, () => ({ ...by, action: 'UPDATE', object: 'people', time: clock.wall() })),
  )
  assert.equal((await people.get(acme, 'ada'))?.version, 1)
  assert.deepEqual(await people.migrateAll(acme, by, never), { seen: 253, migrated: 0 })
  assert.equal((await store.audit(acme)).entries.length, 5)
  const theirs = collectionOf(deps, people3)
  assert.equal((await theirs.get(tenant('other'), 'grace'))?.storedAs, 1)
})

test('a migration that was stopped goes on where it was', async (t) => {
  const { deps, store, people } = await opened(t)
  const old = collectionOf(deps, people1)
  const puts = Array.from({ length: 250 }, (_, i) =>
    old.put(`x${1_000 + i}`, { id: `x${1_000 + i}`, name: 'A B' }),
  )
  await store.batch(acme, puts, audit)
  const stop = new AbortController()
  const stopping: Store = {
    ...storeOf(store),
    async batch(...args) {
      const versions = await store.batch(...args)
      stop.abort(new Error('stop'))
      return versions
    },
  }
  const broken = collectionOf({ ...deps, store: stopping }, people3)
  await assert.rejects(broken.migrateAll(acme, { actor: 'ops' }, stop.signal), /stop/)
  assert.deepEqual(await people.migrateAll(acme, { actor: 'ops' }, never), { seen: 250, migrated: 150 })
})

test('a record that somebody changes during the migration keeps the change', async (t) => {
  const { deps, store, people } = await opened(t)
  await store.batch(acme, mixed(deps, people.save(ada)), audit)
  let interfered = false
  const racing: Store = {
    ...storeOf(store),
    async batch(...args) {
      if (!interfered) {
        interfered = true
        const other = { id: 'grace', first: 'Rear Admiral', last: 'Hopper', state: 'active' } as const
        await store.batch(acme, [people.save(other), people.delete('ada')], audit)
      }
      return store.batch(...args)
    },
  }
  const migrating = collectionOf({ ...deps, store: racing }, people3)
  assert.deepEqual(await migrating.migrateAll(acme, { actor: 'ops' }, never), { seen: 3, migrated: 1 })
  assert.equal((await people.get(acme, 'grace'))?.value.first, 'Rear Admiral')
  assert.equal((await people.get(acme, 'edith'))?.storedAs, 3)
})

test('a migration keeps expiry and person, and passes by those who were erased', async (t) => {
  const sealer = forgettingSealer()
  const { store, clock, people } = await opened(t, sealer)
  const expiresAt = clock.wall() + 5
  const old = (key: string) => raw(key, `{"v":2,"d":{"id":"${key}","first":"F","last":"L"}}`)
  await store.batch(
    acme,
    [
      { ...old('a'), subject: 's1', expiresAt },
      { ...old('b'), subject: 's2' },
    ],
    audit,
  )
  sealer.erased.add('s2')
  assert.deepEqual(await people.migrateAll(acme, { actor: 'ops' }, never), { seen: 1, migrated: 1 })
  const { value: _, ...kept } = (await people.get(acme, 'a')) ?? assert.fail()
  assert.deepEqual([kept.subject, kept.expiresAt, kept.storedAs], ['s1', expiresAt, 3])
})

/** One record of each version. */
function mixed(deps: { readonly store: Store; readonly clock: ManualClock }, newest: Change): Change[] {
  return [
    collectionOf(deps, people1).put('grace', { id: 'grace', name: 'Grace Hopper' }),
    collectionOf(deps, people2).put('edith', { id: 'edith', first: 'Edith', last: 'Clarke' }),
    newest,
  ]
}

/** The store's methods as own properties, so that one can be replaced. */
function storeOf(store: Store): Store {
  return {
    get: (...args) => store.get(...args),
    getMany: (...args) => store.getMany(...args),
    batch: (...args) => store.batch(...args),
    scan: (...args) => store.scan(...args),
    places: (...args) => store.places(...args),
    audit: (...args) => store.audit(...args),
    head: (...args) => store.head(...args),
    close: () => store.close(),
  }
}

async function storedText(store: Store, key: string): Promise<string> {
  const record = await store.get(acme, 'people', key)
  return Buffer.from(record?.value ?? []).toString('utf8')
}

function told(thrown: unknown): string {
  assert.ok(thrown instanceof YizhanError)
  return JSON.stringify([thrown.message, thrown.details, String(thrown.cause)])
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
