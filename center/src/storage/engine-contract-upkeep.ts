import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock, plainSealer } from '@yizhan/kernel'
import { acme, code, put, tenant, text } from './contract-place.js'
import { auditRow, type EnginePlaceOf, never, openedEngine, problems, seen, write } from './engine-place.js'

const other = tenant('acme-2')

/** Tenants, drop, pruning, space. */
export function upkeepContract(name: string, place: EnginePlaceOf): void {
  test(`${name}: every tenant that has something is listed once, and the system is none`, async (t) => {
    const { engine } = await openedEngine(t, place)
    assert.deepEqual(await engine.tenants(), [])
    const names = ['b', 'a', 'a-', 'ab', 'a-b', 'z9'].map(tenant)
    for (const id of names) await write(engine, id, [put('k', 'v'), put('l', 'w')])
    await write(engine, tenant('only-audit'), [])
    await write(engine, null, [put('k', 'v')])
    assert.deepEqual((await engine.tenants()).toSorted(), [...names, tenant('only-audit')].toSorted())
  })

  test(`${name}: drop takes all of a scope and nothing of its neighbours, and may be done again`, async (t) => {
    const { engine } = await openedEngine(t, place)
    const more = { subject: 's1', expiresAt: 1_900_000_000_000, terms: [{ name: 'state', value: 'x' }] }
    const neighbours = [tenant('acm'), other, tenant('acme-'), null]
    for (const scope of [acme, ...neighbours]) {
      for (let i = 0; i < 3; i++) {
        const changes = Array.from({ length: 500 }, (_, j) => put(`k${i}-${j}`, 'v', more))
        await write(engine, scope, changes)
      }
    }
    const before = await Promise.all(neighbours.map((scope) => seen(engine, scope)))
    await engine.drop(acme, never)
    assert.equal(await engine.head(acme), undefined)
    assert.deepEqual(await seen(engine, acme), {
      things: { records: [] },
      notes: { records: [] },
      byState: { records: [] },
      ofPerson: { places: [] },
      expiring: { places: [] },
      audit: { entries: [] },
      head: undefined,
    })
    assert.ok(!(await engine.tenants()).includes(acme))
    await engine.drop(acme, never)
    assert.deepEqual(await Promise.all(neighbours.map((scope) => seen(engine, scope))), before)
    assert.deepEqual(await write(engine, acme, [put('k', 'new', { expectedVersion: 0 })]), [1])
    assert.equal((await engine.head(acme))?.auditSequence, 1)
    assert.deepEqual(await problems(engine, acme), [])
  })

  test(`${name}: a drop that is stopped anywhere leaves all of it, or no head; asked again it goes on`, async (t) => {
    const { engine } = await openedEngine(t, place)
    await write(engine, acme, [put('k', 'v')])
    await assert.rejects(engine.drop(acme, AbortSignal.abort(new Error('stop'))), /stop/)
    assert.deepEqual(await problems(engine, acme), [])
    const stopped: string[] = []
    for (let turns = 0; turns < 12; turns++) {
      await write(
        engine,
        acme,
        Array.from({ length: 3_000 }, (_, i) => put(`k${i}`, 'v')),
      )
      const stop = new AbortController()
      const dropping = engine.drop(acme, stop.signal).then(
        () => 'done',
        () => 'stopped',
      )
      for (let i = 0; i < turns; i++) await setImmediate()
      stop.abort(new Error('stop'))
      stopped.push(await dropping)
      if (await engine.head(acme)) assert.deepEqual(await problems(engine, acme), [])
      await engine.drop(acme, never)
      assert.deepEqual(await engine.tenants(), [])
    }
    assert.ok(stopped.includes('stopped'))
  })

  test(`${name}: a pruned audit goes on from where it was cut, and its chain still verifies`, async (t) => {
    const { engine, tamper } = await openedEngine(t, place)
    for (let time = 1; time <= 10; time++) await write(engine, acme, [put('k', String(time))], { time })
    await write(engine, other, [], { time: 1 })
    const before = await engine.head(acme)
    await engine.pruneAudit(acme, 4)
    const sequences = async () =>
      (await engine.audit(acme, { limit: 100 })).entries.map(({ sequence }) => sequence)
    assert.deepEqual(await sequences(), [5, 6, 7, 8, 9, 10])
    const backwards = await engine.audit(acme, { reverse: true, limit: 100 })
    assert.deepEqual(backwards.entries.at(-1)?.sequence, 5)
    assert.equal(backwards.cursor, undefined)
    assert.deepEqual(await engine.head(acme), { ...before, auditFirst: 5 })
    assert.deepEqual(await problems(engine, acme), [])
    assert.equal(await tamper.read(acme, auditRow(4)), undefined)
    await engine.pruneAudit(acme, 4)
    await engine.pruneAudit(acme, 2)
    await engine.pruneAudit(acme, 0)
    assert.deepEqual(await sequences(), [5, 6, 7, 8, 9, 10])
    await engine.pruneAudit(acme, 10)
    assert.deepEqual(await sequences(), [])
    assert.deepEqual(await problems(engine, acme), [])
    await write(engine, acme, [], { time: 11 })
    assert.deepEqual(await sequences(), [11])
    assert.deepEqual(await problems(engine, acme), [])
    assert.equal((await engine.audit(other)).entries.length, 1)
  })

  test(`${name}: pruning what is not there, or not a number, is refused`, async (t) => {
    const { engine } = await openedEngine(t, place)
    await write(engine, acme, [])
    for (const through of [-1, 0.5, Number.NaN, 2]) {
      await assert.rejects(engine.pruneAudit(acme, through), code('invalid_argument'))
    }
    await assert.rejects(engine.pruneAudit(other, 1), code('invalid_argument'))
    assert.equal((await engine.head(acme))?.auditFirst, 1)
    assert.equal(await engine.head(other), undefined)
  })

  test(`${name}: an entry removed from what a pruning left is still found`, async (t) => {
    const { engine, tamper } = await openedEngine(t, place)
    for (let i = 0; i < 6; i++) await write(engine, acme, [])
    await engine.pruneAudit(acme, 3)
    await tamper.write(acme, auditRow(4), undefined)
    assert.deepEqual(await problems(engine, acme), ['audit_missing 4'])
    await assert.rejects(engine.audit(acme), code('data_corrupt'))
  })

  test(`${name}: compaction leaves everything as it is, and sizes are told`, async (t) => {
    const { engine } = await openedEngine(t, place)
    const value = new Uint8Array(randomBytes(200 * 1024))
    for (let i = 0; i < 20; i++) await write(engine, acme, [put(`k${i % 5}`, '', { value })])
    await write(engine, null, [put('k', 'v')])
    const before = await seen(engine, acme)
    await engine.compact(never, acme)
    await engine.compact(never, null)
    await engine.compact(never)
    await engine.reclaim(acme, 'things', 'k2', never)
    assert.deepEqual(await seen(engine, acme), before)
    assert.deepEqual(await problems(engine, acme), [])
    const { bytes, scopeBytes = 0 } = await engine.size(acme)
    assert.ok(bytes >= scopeBytes && scopeBytes > 200 * 1024, `${scopeBytes} of ${bytes} bytes`)
    assert.equal((await engine.size()).scopeBytes, undefined)
    const stopped = AbortSignal.abort(new Error('stop'))
    await assert.rejects(engine.compact(stopped), /stop/)
    await assert.rejects(engine.reclaim(acme, 'things', 'k2', stopped), /stop/)
  })

  test(`${name}: after draining, upkeep that writes is refused, and what was loaded is there at the next start`, async (t) => {
    const where = await place(t)
    const given = { clock: new ManualClock(), sealer: plainSealer }
    const first = await where.open(given)
    await write(first.engine, other, [put('k', 'v')])
    const from = await openedEngine(t, place)
    await write(from.engine, acme, [put('k', 'loaded')])
    await first.engine.load(acme, from.engine.rows(acme, never), never)
    await first.engine.drain()
    const again = first.engine.load(tenant('third'), from.engine.rows(acme, never), never)
    await assert.rejects(again, code('unavailable'))
    await assert.rejects(first.engine.drop(other, never), code('unavailable'))
    await assert.rejects(first.engine.pruneAudit(other, 1), code('unavailable'))
    await first.close()
    const second = await where.open(given)
    t.after(() => second.close())
    assert.equal(text(await second.engine.get(other, 'things', 'k')), 'v')
    assert.deepEqual(await seen(second.engine, acme), await seen(from.engine, acme))
    assert.deepEqual((await second.engine.tenants()).toSorted(), [acme, other])
  })
}
