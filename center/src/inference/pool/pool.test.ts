import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import type { AdmissionRequest, Backend, EngineLoad } from '../port.js'
import { settle, tenant } from '../testing/book-harness.js'
import { HeldBackend } from '../testing/held-backend.js'
import type { MemberConfig } from './member.js'
import { Pool, type PoolConfig } from './pool.js'
import { startPoolUpkeep } from './upkeep.js'

type Settings = Readonly<Record<string, Partial<MemberConfig>>>

/** A pool of backends of these names; what a request is expected to write is 128 tokens as long as none has ended. */
function setUp(settings: Settings, config: Partial<PoolConfig> = {}, lots: readonly number[] = [0.5]) {
  const clock = new ManualClock()
  let lot = 0
  const backends = Object.entries(settings).map(([name, own]) => ({
    backend: new HeldBackend(name),
    config: { creditTokens: 10_000, ...own },
  }))
  const random = () => lots[lot++ % lots.length] ?? 0
  const pool = new Pool({ backends, clock, log: silentLogger(), metrics: createMetrics(), random }, config)
  const take = (estimatedTokens = 72, more: Partial<AdmissionRequest> = {}) =>
    pool.take({ tenant, priority: 'interactive', estimatedTokens, ...more })
  const running = () => Object.fromEntries(pool.state().map(({ name, running: now }) => [name, now]))
  /** Which backend a request gets. */
  const placed = (estimatedTokens?: number, more?: Partial<AdmissionRequest>) => {
    const before = running()
    const place = take(estimatedTokens, more)
    const name = Object.entries(running()).find(([key, now]) => now > (before[key] ?? 0))?.[0]
    return { place, name }
  }
  return { clock, pool, take, running, placed }
}

test('without a backend that can be used a request is refused with a time to come back', () => {
  const { pool, take } = setUp({ a: {}, b: {} })
  pool.drain('a', true)
  pool.drain('b', true)
  assert.throws(() => take(), { code: 'unavailable', details: { retryAfterMs: 10_000 } })
  assert.throws(() => pool.drain('c', true), { code: 'not_found' })
})

test('a request goes where the fewest tokens are in flight, by weight', () => {
  const { placed } = setUp({ a: {}, b: { weight: 2 } })
  const names = [placed(), placed(), placed(), placed(), placed(), placed()].map(({ name }) => name)
  assert.deepEqual(names, ['a', 'b', 'b', 'a', 'b', 'b'])
})

test('the tokens count, not the requests', () => {
  const { placed } = setUp({ a: {}, b: {} })
  const names = [placed(2_000), placed(), placed(), placed()].map(({ name }) => name)
  assert.deepEqual(names, ['a', 'b', 'b', 'b'])
})

test('a conversation stays where it was unless that one is much busier', () => {
  const { placed } = setUp({ a: { creditTokens: 100_000 }, b: {} })
  const first = placed(72, { conversation: 'c' })
  first.place?.release()
  assert.equal(first.name, 'a')
  placed(2_000)
  assert.equal(placed(72, { conversation: 'c' }).name, 'a', 'though a has more in flight')
  placed(72, { conversation: 'of another' })
  placed(9_000, { conversation: 'c' }).place
  assert.equal(placed(72, { conversation: 'c' }).name, 'b', 'a has too much in flight')
})

test('what no backend has room for is told to wait, and told when there is room', () => {
  const { pool, take, running } = setUp({ a: { creditTokens: 400 }, b: { maxRunning: 1 } })
  const places = [take(), take(), take()]
  assert.deepEqual(running(), { a: 2, b: 1 })
  assert.equal(take(), undefined)
  let told = 0
  pool.onRoom(() => told++)
  places[0]?.release()
  places[0]?.release()
  assert.equal(told, 1)
  assert.ok(take())
})

test('all backends together run no more than the pool may', () => {
  const { take } = setUp({ a: {}, b: {} }, { maxRunning: 2 })
  take()
  take()
  assert.equal(take(), undefined)
})

test('a request that is larger than all the credit goes alone', () => {
  const { take } = setUp({ a: { creditTokens: 1_000 } })
  const huge = take(50_000)
  assert.ok(huge)
  assert.equal(take(), undefined)
  huge.release()
  take()
  assert.equal(take(50_000), undefined)
})

test('a canary gets its share of the requests, and of a conversation all or none', () => {
  const { placed } = setUp({ a: {}, b: { canary: 0.25 } }, {}, [0.1, 0.3, 0.24, 0.9])
  const names = [placed(), placed(), placed(), placed()].map(({ name }) => name)
  assert.deepEqual(names, ['b', 'a', 'b', 'a'])
  const byConversation = new Set<string>()
  let canaries = 0
  for (let n = 0; n < 400; n++) {
    const places = [0, 1].map(() => placed(1, { conversation: `c${n}` }))
    for (const { place } of places) place?.release()
    byConversation.add(places.map(({ name }) => name).join())
    if (places[0]?.name === 'b') canaries++
  }
  assert.deepEqual([...byConversation].sort(), ['a,a', 'b,b'])
  assert.ok(canaries > 60 && canaries < 140, `${canaries} of 400`)
})

test('a full primary makes requests wait; the backup is only for when no primary can be used', () => {
  const { pool, take, running } = setUp({ z: { channel: 'backup' }, a: { maxRunning: 1 } })
  take()
  assert.equal(take(), undefined)
  pool.drain('a', true)
  assert.ok(take())
  assert.deepEqual(running(), { z: 1, a: 1 })
  pool.drain('a', false)
  assert.equal(take(), undefined)
})

test('a backend that is drained finishes what it has and gets nothing new', () => {
  const { pool, placed } = setUp({ a: {}, b: {} })
  const first = placed()
  assert.deepEqual([pool.drain('a', true).running, first.name], [1, 'a'])
  assert.deepEqual([placed().name, placed().name], ['b', 'b'])
  first.place?.release()
  assert.equal(pool.state()[0]?.running, 0)
})

class Probed extends HeldBackend implements Backend {
  dead = false
  loadNow: EngineLoad | undefined
  override async probe(): Promise<void> {
    if (this.dead) throw new Error('connection refused')
  }
  async load(): Promise<EngineLoad | undefined> {
    return this.loadNow
  }
}

test('a backend that loses two probes gets nothing until it answers one, and its load sets its credit', async () => {
  const clock = new ManualClock()
  const [a, b] = [new Probed('a'), new Probed('b')]
  const pool = new Pool({
    backends: [{ backend: a }, { backend: b }],
    clock,
    log: silentLogger(),
    metrics: createMetrics(),
  })
  const upkeep = startPoolUpkeep({ pool, clock, log: silentLogger() }, { probeMs: 10_000 })
  await settle()
  const state = () => pool.state().find(({ name }) => name === 'a')
  a.dead = true
  a.loadNow = { running: 4, waiting: 3, cacheTokens: 16_000 }
  clock.advance(10_000)
  await settle()
  assert.equal(state()?.alive, true)
  assert.ok((state()?.creditTokens ?? 0) <= 14_400, 'no more than its memory holds')
  clock.advance(10_000)
  await settle()
  assert.equal(state()?.alive, false)
  for (let n = 0; n < 3; n++) pool.take({ tenant, priority: 'interactive', estimatedTokens: 10 })
  assert.equal(state()?.running, 0)
  a.dead = false
  clock.advance(10_000)
  await settle()
  assert.equal(state()?.alive, true)
  await upkeep.stop('the test is over')
  assert.equal(clock.pending, 0)
})
