import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, silentLogger, YizhanError } from '@yizhan/kernel'
import { acme, audit, code, put, text } from './contract-place.js'
import { Cursors } from './cursor.js'
import { Mover } from './move.js'
import { PlaceGates } from './place-gate.js'
import { PlaceMap } from './place-map.js'
import { Places } from './places.js'
import type { Change, StoredRecord, SystemStore } from './port.js'
import { RoutedStore } from './routed-store.js'
import { secondPlace } from './testing/second-place.js'

const signal = new AbortController().signal

type Fault = 'lost' | 'written' | 'written, then unreachable'

/** The system's records in memory; a write that holds `at` fails as told, once. */
class FaultySystem implements SystemStore {
  readonly #records = new Map<string, StoredRecord>()
  fault: { readonly at: string; readonly how: Fault } | undefined
  reachable = true

  async get(_collection: string, key: string) {
    if (!this.reachable) throw new YizhanError('unavailable', 'the system store cannot be reached')
    return this.#records.get(key)
  }

  async batch(changes: readonly Change[]) {
    if (!this.reachable) throw new YizhanError('unavailable', 'the system store cannot be reached')
    const [change] = changes
    assert.ok(change?.op === 'put')
    const { key, value, expectedVersion } = change
    const current = this.#records.get(key)?.version ?? 0
    if (expectedVersion !== current) throw new YizhanError('conflict', 'another version')
    const { fault } = this
    const faulty = fault !== undefined && Buffer.from(value).toString().includes(`"${fault.at}"`)
    if (!faulty || fault.how !== 'lost') this.#records.set(key, { key, value, version: current + 1 })
    if (!faulty) return [current + 1]
    this.fault = undefined
    this.reachable = fault.how !== 'written, then unreachable'
    throw new YizhanError('unavailable', 'the connection broke while it was written')
  }

  async scan() {
    return { records: [...this.#records.values()] }
  }

  async close() {}
}

/** acme in `first` with one record; both places are LevelDBs. */
async function stand(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-unclear-'))
  const log = silentLogger()
  const clock = new ManualClock()
  const given = { log, clock, sealer: plainSealer, cursors: new Cursors(new Uint8Array(32)) }
  const [first, second] = await Promise.all(
    ['first', 'second'].map(async (name) =>
      Object.assign(await secondPlace(join(dir, name))(given), { name }),
    ),
  )
  assert.ok(first && second)
  t.after(async () => {
    await first.close()
    await second.close()
    await rm(dir, { recursive: true, force: true })
  })
  const system = new FaultySystem()
  const places = new Places([first, second], 'first')
  /** As a start finds it. */
  const start = async () => {
    const map = new PlaceMap(system, (tenant) => places.choose(tenant))
    await map.load()
    const gates = new PlaceGates()
    const closing = new AbortController().signal
    const mover = new Mover({ places, map, gates, clock, log, closing })
    return { mover, map, store: new RoutedStore({ places, map, gates }) }
  }
  const now = await start()
  await now.store.batch(acme, [put('k', 'kept')], audit)
  const tenantsIn = async () => [(await first.tenants()).length, (await second.tenants()).length]
  return { system, start, tenantsIn, ...now }
}

for (const at of ['copying', 'verifying', 'deleting']) {
  for (const how of ['lost', 'written'] as const) {
    test(`a record of a move that fails at "${at}" and is ${how} leaves one whole tenant`, async (t) => {
      const { system, mover, map, store, tenantsIn, start } = await stand(t)
      system.fault = { at, how }
      const moved = await mover.move(acme, 'second', signal).then(
        ({ cleaned }) => cleaned,
        () => undefined,
      )
      assert.equal(moved, at === 'deleting' ? false : undefined)
      await mover.settleMoves()
      assert.deepEqual(mover.moves(), [])
      assert.deepEqual(await tenantsIn(), at === 'deleting' ? [0, 1] : [1, 0])
      assert.equal(map.find(acme)?.place, at === 'deleting' ? 'second' : 'first')
      assert.equal(text(await store.get(acme, 'things', 'k')), 'kept')
      await store.batch(acme, [put('k', 'more')], audit)
      assert.deepEqual((await start()).map.find(acme), map.find(acme))
    })
  }
}

test('a switch that is lost is undone, one that was written after all counts', async (t) => {
  for (const how of ['lost', 'written'] as const) {
    const { system, mover, map, store, tenantsIn, start } = await stand(t)
    system.fault = { at: 'switched', how }
    const moving = mover.move(acme, 'second', signal)
    if (how === 'lost') await assert.rejects(moving, code('unavailable'))
    else assert.equal((await moving).to, 'second')
    assert.deepEqual(await tenantsIn(), how === 'lost' ? [1, 0] : [0, 1], how)
    assert.deepEqual(mover.moves(), [])
    assert.equal(text(await store.get(acme, 'things', 'k')), 'kept')
    await store.batch(acme, [put('k', 'more')], audit)
    assert.deepEqual((await start()).map.find(acme), map.find(acme))
  }
})

test('while nobody can tell whether a switch counts, the tenant reads and takes no writes; a start decides', async (t) => {
  const { system, mover, store, start, tenantsIn } = await stand(t)
  system.fault = { at: 'switched', how: 'written, then unreachable' }
  await assert.rejects(mover.move(acme, 'second', signal), code('unavailable'))
  assert.equal(text(await store.get(acme, 'things', 'k')), 'kept')
  await assert.rejects(store.batch(acme, [put('k', 'two truths')], audit), code('unavailable'))
  // Both copies are still there, and equal.
  assert.deepEqual(await tenantsIn(), [1, 1])
  system.reachable = true
  const again = await start()
  assert.equal(again.map.find(acme)?.place, 'second')
  assert.deepEqual(await again.mover.settleMoves(), [])
  assert.deepEqual(await tenantsIn(), [0, 1])
  assert.equal(text(await again.store.get(acme, 'things', 'k')), 'kept')
  assert.deepEqual(await again.store.batch(acme, [put('k', 'more')], audit), [2])
})

test('once the system store is back, the same process settles an unclear switch and takes writes again', async (t) => {
  const { system, mover, map, store, tenantsIn } = await stand(t)
  system.fault = { at: 'switched', how: 'written, then unreachable' }
  await assert.rejects(mover.move(acme, 'second', signal), code('unavailable'))
  system.reachable = true
  assert.deepEqual(await mover.settleMoves(), [])
  assert.equal(map.find(acme)?.place, 'second')
  assert.deepEqual(await tenantsIn(), [0, 1])
  assert.deepEqual(await store.batch(acme, [put('k', 'more')], audit), [2])
})
