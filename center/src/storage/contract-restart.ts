import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, plainSealer } from '@yizhan/kernel'
import { acme, audit, code, type PlaceOf, put, text } from './contract-place.js'

const given = () => ({ clock: new ManualClock(), sealer: plainSealer })

/** What closing and opening again keeps. */
export function restartContract(engine: string, place: PlaceOf): void {
  test(`${engine}: everything is there after a restart, and cursors and versions go on`, async (t) => {
    const where = await place(t)
    const before = await where.open(given())
    await before.store.batch(acme, [put('a', '1'), put('b', '2', { subject: 'subj_1' })], {
      ...audit,
      time: 1,
    })
    await before.system.batch([put('a', 'system')])
    const { cursor = '' } = await before.store.scan(acme, 'things', { limit: 1 })
    await before.close()
    const after = await where.open(given())
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
    const first = await where.open(given())
    const waiting = first.store.batch(acme, [put('k', 'v')], audit)
    await first.close()
    assert.deepEqual(await waiting, [1])
    await first.close()
    await assert.rejects(first.store.batch(acme, [put('k', 'w')], audit), code('unavailable'))
    await assert.rejects(first.system.batch([put('k', 'w')]), code('unavailable'))
    await assert.rejects(first.store.get(acme, 'things', 'k'), code('unavailable'))
    const second = await where.open(given())
    t.after(() => second.close())
    assert.equal(text(await second.store.get(acme, 'things', 'k')), 'v')
  })
}
