import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, type Sealer, silentLogger, YizhanError } from '@yizhan/kernel'
import { acme, audit, bytes, code, keysOf, put, tenant, text } from './contract-place.js'
import { openStorage, type Storage } from './storage.js'
import { type Before, secondPlace } from './testing/second-place.js'

const signal = new AbortController().signal
const RECORDS = 30

interface Given {
  readonly before?: Before
  readonly sealer?: Sealer
}

async function directory(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-move-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

function open(dir: string, { before, sealer = plainSealer }: Given = {}): Promise<Storage> {
  return openStorage(
    {
      log: silentLogger(),
      sealer,
      clock: new ManualClock(),
      openEngine: secondPlace(join(dir, 'second'), before),
    },
    { dir, shards: 2, newTenants: 'shard-0' },
  )
}

/** A storage where acme lives in shard-0, with more than a page of rows, and clinic beside it. */
async function filled(t: TestContext, given: Given = {}): Promise<{ storage: Storage; dir: string }> {
  const dir = await directory(t)
  const storage = await open(dir, given)
  t.after(() => storage.close())
  await fill(storage)
  return { storage, dir }
}

async function fill({ store }: Storage): Promise<void> {
  const value = 'x'.repeat(60_000)
  for (let i = 0; i < RECORDS; i++) {
    const key = `k${String(i).padStart(3, '0')}`
    const terms = [{ name: 'state', value: i % 2 === 0 ? 'even' : 'odd' }]
    await store.batch(acme, [put(key, `${i}:${value}`, { terms, subject: `s${i % 3}` })], {
      ...audit,
      time: i + 1,
      after: bytes(`after ${i}`),
    })
  }
  await store.batch(tenant('clinic'), [put('k', 'theirs')], audit)
}

/** Everything that a tenant can see of itself. */
async function seen({ store }: Storage) {
  const all = await store.scan(acme, 'things', { limit: 1_000 })
  const even = await store.scan(acme, 'things', { index: { name: 'state', value: 'even' }, limit: 1_000 })
  const { places } = await store.places(acme, { subject: 's1' }, { limit: 1_000 })
  const { entries } = await store.audit(acme, { limit: 1_000 })
  return { all: all.records, even: keysOf(even.records), places, entries, head: await store.head(acme) }
}

async function whole({ upkeep }: Storage): Promise<void> {
  const { problems, records, auditEntries } = await upkeep.check(acme, signal)
  assert.deepEqual(problems, [])
  assert.deepEqual({ records, auditEntries }, { records: RECORDS, auditEntries: RECORDS })
}

/** How many tenants each place says that it holds, whoever they belong to. */
async function held({ upkeep }: Storage): Promise<Record<string, number>> {
  const sizes = await upkeep.places()
  return Object.fromEntries(sizes.map(({ place, tenants }) => [place, tenants]))
}

test('a move to no place, of no tenant, or to where it is already changes nothing', async (t) => {
  const { storage } = await filled(t)
  const { upkeep } = storage
  await assert.rejects(upkeep.move(acme, 'shard-3', signal), code('invalid_argument'))
  await assert.rejects(upkeep.move(acme, 'system', signal), code('invalid_argument'))
  await assert.rejects(upkeep.move(tenant('nobody'), 'shard-1', signal), code('not_found'))
  const { rows, from } = await upkeep.move(acme, 'shard-0', signal)
  assert.deepEqual({ rows, from }, { rows: 0, from: 'shard-0' })
  assert.deepEqual(upkeep.moves(), [])
  assert.deepEqual(await held(storage), { system: 0, 'shard-0': 2, 'shard-1': 0, second: 0 })
})

test('a moved tenant sees what it saw, writes on, and leaves nothing behind, over a restart too', async (t) => {
  const { storage, dir } = await filled(t)
  const before = await seen(storage)
  const { cursor } = await storage.store.scan(acme, 'things', { limit: 10 })
  assert.ok(cursor)
  for (const place of ['shard-1', 'second', 'shard-0']) {
    const report = await storage.upkeep.move(acme, place, signal)
    // Head, records and audit entries.
    assert.equal(report.rows, 1 + 2 * RECORDS)
    assert.equal(report.cleaned, true)
    assert.deepEqual(await seen(storage), before)
    await whole(storage)
    const page = await storage.store.scan(acme, 'things', { limit: 10, cursor })
    assert.equal(page.records[0]?.key, 'k010')
  }
  await storage.upkeep.move(acme, 'second', signal)
  const [version] = await storage.store.batch(acme, [put('k000', 'new')], audit)
  assert.equal(version, 2)
  await storage.close()
  const again = await open(dir)
  t.after(() => again.close())
  assert.equal(text(await again.store.get(acme, 'things', 'k000')), 'new')
  assert.equal((await again.upkeep.tenant(acme)).place, 'second')
  assert.deepEqual(await held(again), { system: 0, 'shard-0': 1, 'shard-1': 0, second: 1 })
  assert.equal(text(await again.store.get(tenant('clinic'), 'things', 'k')), 'theirs')
})

test('while a tenant is moved it reads, others write, and its writes are told to come again', async (t) => {
  let tried: unknown
  const { storage } = await filled(t, {
    before: async (method) => {
      if (method !== 'load') return
      tried = await storage.store.batch(acme, [put('k000', 'lost')], audit).catch((thrown: unknown) => thrown)
      assert.ok(await storage.store.get(acme, 'things', 'k001'))
      assert.equal((await storage.store.audit(acme, { limit: 1_000 })).entries.length, RECORDS)
      await storage.store.batch(tenant('clinic'), [put('k', 'more')], audit)
      await assert.rejects(storage.upkeep.move(acme, 'shard-1', signal), code('failed_precondition'))
      await assert.rejects(storage.upkeep.drop(acme, signal), code('failed_precondition'))
      assert.deepEqual(
        storage.upkeep.moves().map(({ from, to, step }) => ({ from, to, step })),
        [{ from: 'shard-0', to: 'second', step: 'copying' }],
      )
    },
  })
  await storage.upkeep.move(acme, 'second', signal)
  assert.ok(tried instanceof YizhanError)
  assert.equal(tried.code, 'unavailable')
  assert.equal(tried.retryable, true)
  assert.match(tried.message, /moved/)
  await whole(storage)
  assert.deepEqual(await storage.store.batch(acme, [put('k000', 'now')], audit), [2])
})

test('a move waits for batches that were accepted before it, and copies them', async (t) => {
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const holding: Sealer = {
    ...plainSealer,
    async sealAll(items) {
      if (items.some(({ context }) => context.key === 'late')) await held
      return plainSealer.sealAll(items)
    },
  }
  const order: string[] = []
  const { storage } = await filled(t, { sealer: holding, before: (method) => order.push(method) })
  const accepted = storage.store.batch(acme, [put('late', 'late')], audit).then(() => order.push('written'))
  const moving = storage.upkeep.move(acme, 'second', signal)
  // Long enough for a move that does not wait to come to its copy.
  for (let i = 0; i < 5; i++) await storage.system.batch([put('k', String(i))])
  release()
  await Promise.all([accepted, moving])
  assert.deepEqual(order.slice(0, 2), ['written', 'drop'])
  assert.equal(text(await storage.store.get(acme, 'things', 'late')), 'late')
  assert.deepEqual((await storage.upkeep.check(acme, signal)).problems, [])
})

const FAILURES: readonly (readonly [string, string, (storage: Storage, abort: AbortController) => Before])[] =
  [
    [
      'aborted while it copies',
      'cancelled',
      (_storage, abort) => (method) => {
        if (method === 'load') abort.abort(new YizhanError('cancelled', 'no longer wanted'))
      },
    ],
    [
      'aborted while it verifies',
      'cancelled',
      (_storage, abort) => (method) => {
        if (method === 'check') abort.abort(new YizhanError('cancelled', 'no longer wanted'))
      },
    ],
    [
      'onto a disk that fills up',
      'disk_full',
      () => (method) => {
        if (method === 'load') throw new YizhanError('disk_full', 'the disk is full')
      },
    ],
  ]

for (const [what, expected, failure] of FAILURES) {
  test(`a move ${what} is undone: the tenant is where it was, writes, and can be moved later`, async (t) => {
    const abort = new AbortController()
    let before: Before = () => undefined
    const { storage } = await filled(t, { before: (method) => before(method) })
    const was = await seen(storage)
    before = failure(storage, abort)
    await assert.rejects(storage.upkeep.move(acme, 'second', abort.signal), code(expected))
    before = () => undefined
    assert.deepEqual(storage.upkeep.moves(), [])
    assert.deepEqual(await held(storage), { system: 0, 'shard-0': 2, 'shard-1': 0, second: 0 })
    assert.deepEqual(await seen(storage), was)
    await storage.upkeep.move(acme, 'second', signal)
    assert.deepEqual(await seen(storage), was)
    assert.deepEqual(await storage.store.batch(acme, [put('k000', 'now')], audit), [2])
  })
}

test('a tenant whose records are damaged is not moved, so that the damage stays where a backup can mend it', async (t) => {
  let harm = false
  const harming: Sealer = {
    ...plainSealer,
    async sealAll(items) {
      const sealed = await plainSealer.sealAll(items)
      for (const [i, item] of items.entries()) {
        const value = sealed[i]
        if (harm && item.context.collection === 'things' && value) value[6] = (value[6] ?? 0) ^ 1
      }
      return sealed
    },
  }
  const { storage } = await filled(t, { sealer: harming })
  harm = true
  await storage.store.batch(acme, [put('bad', 'a value')], audit)
  await assert.rejects(storage.upkeep.move(acme, 'shard-1', signal), code('data_corrupt'))
  assert.deepEqual(storage.upkeep.moves(), [])
  assert.equal((await storage.upkeep.tenant(acme)).place, 'shard-0')
  assert.ok(await storage.store.get(acme, 'things', 'k000'))
})

test('a switch whose record cannot be written is undone, and the tenant is never in two places', async (t) => {
  const failing: Sealer = {
    ...plainSealer,
    async sealAll(items) {
      const switching = items.some(
        ({ context, plain }) =>
          context.collection === 'places' && Buffer.from(plain).toString().includes('"switched"'),
      )
      if (switching) throw new YizhanError('disk_full', 'the disk is full')
      return plainSealer.sealAll(items)
    },
  }
  const { storage } = await filled(t, { sealer: failing })
  const was = await seen(storage)
  await assert.rejects(storage.upkeep.move(acme, 'second', signal), code('disk_full'))
  assert.deepEqual(storage.upkeep.moves(), [])
  assert.deepEqual(await seen(storage), was)
  assert.deepEqual(await storage.store.batch(acme, [put('k000', 'now')], audit), [2])
})

test('a crash at any step of a move leaves one whole tenant, and the next start settles the move', async (t) => {
  const images: { dir: string; at: string }[] = []
  const { storage, dir } = await filled(t, { before: (method) => picture(method) })
  const root = await directory(t)
  const was = await seen(storage)
  // What is on disk at this moment: every write is synced before it is acknowledged.
  function picture(at: string): void {
    const image = join(root, String(images.length))
    images.push({ dir: image, at })
    cpSync(dir, image, { recursive: true })
  }
  for (const place of ['second', 'shard-0']) {
    await storage.upkeep.move(acme, place, signal, ({ step }) => picture(step))
  }
  const steps = new Set<string>()
  const places = new Set<string>()
  for (const image of images) {
    const calls: string[] = []
    const crashed = await open(image.dir, { before: (method) => calls.push(method) })
    for (const { step } of crashed.upkeep.moves()) steps.add(step)
    assert.deepEqual(await seen(crashed), was, image.at)
    assert.deepEqual(await crashed.upkeep.settleMoves(), [], image.at)
    await crashed.close()
    // What settled it is durable.
    const settled = await open(image.dir, { before: (method) => calls.push(method) })
    assert.deepEqual(settled.upkeep.moves(), [], image.at)
    assert.deepEqual(await seen(settled), was, image.at)
    await whole(settled)
    const { place } = await settled.upkeep.tenant(acme)
    places.add(place)
    assert.deepEqual(await settled.store.batch(acme, [put('k000', 'now')], audit), [2])
    // Nothing of a copy is left: it would be refused here.
    await settled.upkeep.move(acme, place === 'second' ? 'shard-0' : 'second', signal)
    assert.deepEqual((await settled.upkeep.check(acme, signal)).problems, [])
    await settled.close()
  }
  t.diagnostic(`${images.length} images, ${[...steps].join(', ')}`)
  assert.deepEqual([...steps].sort(), ['copying', 'deleting', 'switched', 'verifying'])
  assert.deepEqual([...places].sort(), ['second', 'shard-0'])
})

test('a move that a crash left waits for its place to come back; the tenant is served meanwhile', async (t) => {
  const { storage, dir } = await filled(t, {
    before: (method) => {
      if (method === 'load') cpSync(dir, image, { recursive: true })
    },
  })
  const image = join(await directory(t), 'image')
  await storage.upkeep.move(acme, 'second', signal)
  const given = { log: silentLogger(), sealer: plainSealer, clock: new ManualClock() }
  const without = await openStorage(given, { dir: image, shards: 2, newTenants: 'shard-0' })
  assert.equal((await without.upkeep.settleMoves()).length, 1)
  assert.equal(without.upkeep.moves().length, 1)
  await without.store.batch(acme, [put('k000', 'now')], audit)
  await assert.rejects(without.upkeep.move(acme, 'shard-1', signal), code('unavailable'))
  await without.close()
  const back = await open(image)
  t.after(() => back.close())
  assert.deepEqual(await back.upkeep.settleMoves(), [])
  assert.deepEqual(back.upkeep.moves(), [])
  assert.equal(text(await back.store.get(acme, 'things', 'k000')), 'now')
})

test('a tenant whose first write never came through moves by its place alone', async (t) => {
  const { storage } = await filled(t)
  const { store, upkeep } = storage
  const school = tenant('school')
  await assert.rejects(store.batch(school, [put('k', 'v', { expectedVersion: 7 })], audit), code('conflict'))
  assert.equal((await upkeep.tenant(school)).place, 'shard-0')
  assert.equal((await upkeep.move(school, 'shard-1', signal)).rows, 0)
  assert.equal((await upkeep.tenant(school)).place, 'shard-1')
  await store.batch(school, [put('k', 'v')], audit)
  assert.equal(text(await store.get(school, 'things', 'k')), 'v')
})
