import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, plainSealer, type TenantId, YizhanError } from '@yizhan/kernel'
import { everyPage, openedStorage, type PlaceOf } from './contract-place.js'
import {
  COLLECTIONS,
  generator,
  inOrder,
  isThere,
  KEYS,
  type Kept,
  type Model,
  type Random,
  randomChange,
  SUBJECTS,
  TENANTS,
  VALUES,
} from './isolation-model.js'
import type { Change, Store, StoredRecord } from './port.js'

/** What a tenant must see: its records and the objects of its audit. */
interface Mirror {
  readonly model: Model
  readonly audit: string[]
}

/**
 * Random interleavings over tenants with tricky names: each sees exactly what it wrote itself, by key, index, person,
 * expiry and audit. A failure names the seed that repeats it.
 */
export function isolationContract(engine: string, place: PlaceOf, seeds: readonly number[]): void {
  for (const seed of seeds) {
    test(`${engine}: tenants never see each other's records (seed ${seed})`, async (t) => {
      const where = await place(t)
      const clock = new ManualClock()
      const random = generator(seed)
      const mirrors = new Map<TenantId, Mirror>(TENANTS.map((id) => [id, { model: new Map(), audit: [] }]))
      let storage = await where.open({ clock, sealer: plainSealer })
      t.after(() => storage.close())
      for (let round = 0; round < 12; round++) {
        const work = Array.from({ length: 40 }, (_, i) => {
          const id = random.pick(TENANTS)
          return step(storage.store, random, id, mirrorOf(mirrors, id), `${seed}.${round}.${i}`, clock.wall())
        })
        await Promise.all(work)
        for (const id of TENANTS) {
          await compare(storage.store, id, mirrorOf(mirrors, id), random, clock.wall())
        }
        clock.advance(500)
        if (round === 6) {
          await storage.close()
          storage = await where.open({ clock, sealer: plainSealer })
        }
      }
    })
  }

  test(`${engine}: a name that is no tenant's is refused before it gets into a key`, async (t) => {
    const { store } = await openedStorage(t, place)
    const bad = ['', 'a\0r\0c', 'A', '../a', 'a_b'] as unknown as TenantId[]
    const entry = { time: 1, actor: 'x', action: 'READ', object: 'c' } as const
    for (const id of bad) {
      for (const call of [
        store.get(id, 'c', 'k'),
        store.getMany(id, 'c', ['k']),
        store.scan(id, 'c'),
        store.scan(id, 'c', { index: { name: 'by' } }),
        store.places(id, { subject: 's' }),
        store.places(id, { expiredBefore: 1 }),
        store.audit(id),
        store.head(id),
        store.batch(id, [], entry),
      ]) {
        await assert.rejects(
          call,
          (thrown) => thrown instanceof YizhanError && thrown.code === 'invalid_argument',
        )
      }
    }
  })
}

/** Starts one batch of one tenant and keeps the mirror in step; every fourth expects a version that is not there. */
async function step(
  store: Store,
  random: Random,
  id: TenantId,
  { model, audit }: Mirror,
  mark: string,
  now: number,
): Promise<void> {
  const next: Model = new Map(model)
  const changes = Array.from({ length: 1 + random.below(4) }, () => randomChange(random, next, id, mark, now))
  const entry = { time: 1, actor: id, action: 'UPDATE', object: mark } as const
  if (random.below(4) === 0) {
    const wrong: Change = { op: 'delete', collection: 'c', key: 'never', expectedVersion: 9 }
    await assert.rejects(store.batch(id, [...changes, wrong], entry))
    return
  }
  // The batches of a tenant are applied in the order of the calls, so the mirror may move on before the disk does.
  model.clear()
  for (const [place, kept] of next) model.set(place, kept)
  audit.push(mark)
  await store.batch(id, changes, entry)
}

async function compare(
  store: Store,
  id: TenantId,
  mirror: Mirror,
  random: Random,
  now: number,
): Promise<void> {
  const { model } = mirror
  for (const collection of COLLECTIONS) {
    await compareScan(store, id, collection, model, random, now)
    await compareIndex(store, id, collection, model, random, now)
    const keys = [random.pick(KEYS), random.pick(KEYS)]
    const expected = keys.map((key) => model.get(`${collection}\t${key}`))
    const there = expected.map((kept) => (kept && isThere(kept, now) ? kept : undefined))
    assert.deepEqual((await store.getMany(id, collection, keys)).map(keptOf), there)
    assert.deepEqual(keptOf(await store.get(id, collection, keys[0] ?? '')), there[0])
  }
  await comparePlaces(store, id, model, random, now)
  const entries = await everyPage(
    (page) => store.audit(id, page),
    7,
    (page) => page.entries,
  )
  assert.deepEqual(
    entries.map(({ object }) => object),
    mirror.audit,
  )
  assert.ok(entries.every(({ actor }) => actor === id))
  const head = await store.head(id)
  assert.equal(head?.records ?? 0, model.size)
  assert.equal(head?.auditSequence ?? 0, mirror.audit.length)
}

async function compareScan(
  store: Store,
  id: TenantId,
  collection: string,
  model: Model,
  random: Random,
  now: number,
): Promise<void> {
  const prefix = random.pick(['', '', 'a', '键', '\u{10ffff}'])
  const reverse = random.below(2) === 0
  const seen = await everyPage(
    (page) => store.scan(id, collection, { prefix, reverse, ...page }),
    1 + random.below(5),
    ({ records }) => records.map((record) => [record.key, keptOf(record)] as const),
  )
  const there = [...model].filter(([place, kept]) => inCollection(place, collection) && isThere(kept, now))
  const keys = inOrder(there.map(([place]) => keyOf(place))).filter((key) => key.startsWith(prefix))
  const expected = keys.map((key) => [key, model.get(`${collection}\t${key}`)] as const)
  assert.deepEqual(seen, reverse ? expected.toReversed() : expected)
}

async function compareIndex(
  store: Store,
  id: TenantId,
  collection: string,
  model: Model,
  random: Random,
  now: number,
): Promise<void> {
  const name = random.pick(['by', 'b'])
  const exact = random.below(2) === 0 ? { value: random.pick(VALUES) } : {}
  const seen = await everyPage(
    (page) => store.scan(id, collection, { index: { name, ...exact }, ...page }),
    1 + random.below(5),
    ({ records }) => records.map((record) => [record.key, keptOf(record)] as const),
  )
  const entries = [...model].flatMap(([place, kept]) =>
    inCollection(place, collection) && isThere(kept, now)
      ? (kept.terms ?? [])
          .filter((term) => term.name === name && (exact.value ?? term.value) === term.value)
          .map(({ value }) => `${value}\0${keyOf(place)}`)
      : [],
  )
  const expected = inOrder(entries).map((entry) => {
    const key = entry.slice(entry.indexOf('\0') + 1)
    return [key, model.get(`${collection}\t${key}`)] as const
  })
  assert.deepEqual(seen, expected)
}

async function comparePlaces(
  store: Store,
  id: TenantId,
  model: Model,
  random: Random,
  now: number,
): Promise<void> {
  const subject = random.pick(SUBJECTS)
  for (const [query, fits] of [
    [{ subject }, (kept: Kept) => kept.subject === subject],
    [{ expiredBefore: now }, (kept: Kept) => (kept.expiresAt ?? now) < now],
  ] as const) {
    const seen = await everyPage(
      (page) => store.places(id, query, page),
      1 + random.below(5),
      ({ places }) => places.map(({ collection, key, version }) => `${collection}\t${key} ${version}`),
    )
    const expected = [...model].filter(([, kept]) => fits(kept))
    assert.deepEqual(inOrder(seen), inOrder(expected.map(([place, { version }]) => `${place} ${version}`)))
  }
}

function mirrorOf(mirrors: ReadonlyMap<TenantId, Mirror>, id: TenantId): Mirror {
  return mirrors.get(id) ?? assert.fail(`no mirror of ${id}`)
}

function keptOf(record: StoredRecord | undefined): Kept | undefined {
  if (!record) return undefined
  const { key: _, value, ...rest } = record
  return { value: Buffer.from(value).toString('utf8'), ...rest }
}

function inCollection(place: string, collection: string): boolean {
  return place.startsWith(`${collection}\t`)
}

function keyOf(place: string): string {
  return place.slice(place.indexOf('\t') + 1)
}
