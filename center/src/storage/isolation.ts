import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { asTenantId, type TenantId, YizhanError } from '@yizhan/kernel'
import type { StoragePlace } from './contract.js'
import type { Change, PageOptions, Store } from './port.js'

// Names that are prefixes of each other, that sort around the separator, and that look like parts of a key.
const TENANTS = ['a', 'ab', 'a-b', 'a-', 'a--b', 'b', 'r', '0'].map(tenant)
const COLLECTIONS = ['c', 'cc', 'c-c', 'r', 'a']
const KEYS = ['a', 'ab', 'a-b', 'b', 'c', 'r', '\u0001', '~', '键', '\u{10ffff}', 'a/b', 'shard-map']

interface Kept {
  readonly value: string
  readonly version: number
}
/** Collection + TAB + key → what the tenant must see. */
type Model = Map<string, Kept>

/**
 * Random interleavings over tenants with tricky names: each sees exactly what it wrote itself. A failure names the
 * seed that repeats it.
 */
export function isolationContract(
  engine: string,
  place: (t: TestContext) => Promise<StoragePlace>,
  seeds: readonly number[],
): void {
  for (const seed of seeds) {
    test(`${engine}: tenants never see each other's records (seed ${seed})`, async (t) => {
      const where = await place(t)
      const random = generator(seed)
      const models = new Map<TenantId, Model>(TENANTS.map((id) => [id, new Map()]))
      const audits = new Map<TenantId, string[]>(TENANTS.map((id) => [id, []]))
      let storage = await where.open()
      t.after(() => storage.close())
      for (let round = 0; round < 12; round++) {
        const work = Array.from({ length: 40 }, (_, i) =>
          step(storage.store, random, models, audits, `${seed}.${round}.${i}`),
        )
        await Promise.all(work)
        for (const id of TENANTS) await compare(storage.store, id, models, audits, random)
        if (round === 6) {
          await storage.close()
          storage = await where.open()
        }
      }
    })
  }

  test(`${engine}: a name that is no tenant's is refused before it gets into a key`, async (t) => {
    const { store, close } = await (await place(t)).open()
    t.after(() => close())
    const bad = ['', 'a\0r\0c', 'A', '../a', 'a_b'] as unknown as TenantId[]
    for (const id of bad) {
      const refused = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'invalid_argument'
      await assert.rejects(store.get(id, 'c', 'k'), refused)
      await assert.rejects(store.scan(id, 'c'), refused)
      await assert.rejects(store.audit(id), refused)
      await assert.rejects(store.batch(id, [], { time: 1, actor: 'x', action: 'READ', object: 'c' }), refused)
    }
  })
}

/** Starts one batch of one tenant and keeps the model in step; every fourth expects a version that is not there. */
async function step(
  store: Store,
  random: Random,
  models: ReadonlyMap<TenantId, Model>,
  audits: ReadonlyMap<TenantId, string[]>,
  mark: string,
): Promise<void> {
  const id = random.pick(TENANTS)
  const model = models.get(id)
  const audit = audits.get(id)
  assert.ok(model && audit)
  const next: Model = new Map(model)
  const changes: Change[] = Array.from({ length: 1 + random.below(4) }, () => {
    const collection = random.pick(COLLECTIONS)
    const key = random.pick(KEYS)
    const place = `${collection}\t${key}`
    const expectedVersion = next.get(place)?.version ?? 0
    const expected = random.below(2) === 0 ? {} : { expectedVersion }
    if (random.below(4) === 0) {
      next.delete(place)
      return { op: 'delete', collection, key, ...expected }
    }
    const value = `${id} ${mark}`
    next.set(place, { value, version: expectedVersion + 1 })
    return { op: 'put', collection, key, value: new Uint8Array(Buffer.from(value)), ...expected }
  })
  const entry = { time: 1, actor: id, action: 'UPDATE', object: mark } as const
  if (random.below(4) === 0) {
    const wrong: Change = { op: 'delete', collection: 'c', key: 'never', expectedVersion: 9 }
    await assert.rejects(store.batch(id, [...changes, wrong], entry))
    return
  }
  // The batches of a tenant are applied in the order of the calls, so the model may move on before the disk does.
  model.clear()
  for (const [place, kept] of next) model.set(place, kept)
  audit.push(mark)
  await store.batch(id, changes, entry)
}

async function compare(
  store: Store,
  id: TenantId,
  models: ReadonlyMap<TenantId, Model>,
  audits: ReadonlyMap<TenantId, string[]>,
  random: Random,
): Promise<void> {
  const model = models.get(id)
  assert.ok(model)
  for (const collection of COLLECTIONS) {
    const prefix = random.pick(['', '', 'a', '键', '\u{10ffff}'])
    const seen = new Map<string, Kept>()
    await eachPage(
      (options) => store.scan(id, collection, { prefix, ...options }),
      1 + random.below(5),
      (page) => {
        for (const { key, value, version } of page.records) {
          seen.set(`${collection}\t${key}`, { value: Buffer.from(value).toString('utf8'), version })
        }
      },
    )
    const expected: [string, Kept][] = [...model].filter(([place]) =>
      place.startsWith(`${collection}\t${prefix}`),
    )
    assert.deepEqual(
      seen,
      new Map(expected.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))),
    )
    const key = random.pick(KEYS)
    const record = await store.get(id, collection, key)
    assert.equal(
      record && Buffer.from(record.value).toString('utf8'),
      model.get(`${collection}\t${key}`)?.value,
    )
  }
  const objects: string[] = []
  await eachPage(
    (options) => store.audit(id, options),
    7,
    (page) => {
      for (const entry of page.entries) {
        assert.equal(entry.actor, id)
        objects.push(entry.object)
      }
    },
  )
  assert.deepEqual(objects, audits.get(id))
}

async function eachPage<P extends { readonly cursor?: string }>(
  read: (options: PageOptions) => Promise<P>,
  limit: number,
  use: (page: P) => void,
): Promise<void> {
  let cursor: string | undefined
  do {
    const page = await read({ limit, ...(cursor === undefined ? {} : { cursor }) })
    use(page)
    cursor = page.cursor
  } while (cursor !== undefined)
}

interface Random {
  below(n: number): number
  pick<T>(from: readonly T[]): T
}

/** mulberry32: small, seeded, good enough to shuffle with. */
function generator(seed: number): Random {
  let state = seed >>> 0
  const below = (n: number) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
  return {
    below,
    pick(from) {
      const item = from[below(from.length)]
      assert.ok(item !== undefined)
      return item
    },
  }
}

function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}
