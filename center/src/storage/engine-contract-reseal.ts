import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acme, code, put, remove, tenant, text } from './contract-place.js'
import {
  type EnginePlaceOf,
  HEAD,
  never,
  openedEngine,
  problems,
  RotatingSealer,
  record,
  seen,
  write,
} from './engine-place.js'

const other = tenant('acme-2')

/** Sealing anew under the newest keys. */
export function resealContract(name: string, place: EnginePlaceOf): void {
  test(`${name}: after a reseal the old keys of records and head may go, and nothing reads differently`, async (t) => {
    const sealer = new RotatingSealer()
    const { engine, clock } = await openedEngine(t, place, sealer)
    const terms = [{ name: 'state', value: 'x' }]
    const changes = Array.from({ length: 1_200 }, (_, i) => put(`k${i}`, `v${i}`, { subject: 's1', terms }))
    await write(engine, acme, [...changes, put('late', 'x', { expiresAt: clock.wall() + 10 })])
    await write(engine, other, [put('k', 'theirs')])
    await write(engine, null, [put('k', 'ours')])
    const before = await seen(engine, acme)
    sealer.rotate()
    assert.deepEqual(await engine.reseal(acme, never), { resealed: 1_201 })
    assert.deepEqual(await seen(engine, acme), before)
    assert.deepEqual(await problems(engine, acme), [])
    assert.deepEqual(await engine.reseal(null, never), { resealed: 1 })
    sealer.retire()
    assert.equal(text(await engine.get(acme, 'things', 'k1199')), 'v1199')
    assert.equal(text(await engine.get(null, 'things', 'k')), 'ours')
    assert.equal((await engine.head(acme))?.records, 1_201)
    await assert.rejects(engine.get(other, 'things', 'k'), code('key_unknown'))
    await assert.rejects(engine.audit(acme), code('key_unknown'), 'audit entries stay as they were sealed')
  })

  test(`${name}: a reseal of a scope with a head alone, or with nothing, is no error`, async (t) => {
    const sealer = new RotatingSealer()
    const where = await openedEngine(t, place, sealer)
    await write(where.engine, acme, [put('k', 'v')])
    await write(where.engine, acme, [remove('k')])
    const before = await where.tamper.read(acme, HEAD)
    sealer.rotate()
    assert.deepEqual(await where.engine.reseal(acme, never), { resealed: 0 })
    assert.deepEqual(await where.engine.reseal(other, never), { resealed: 0 })
    assert.notDeepEqual(await where.tamper.read(acme, HEAD), before)
    assert.equal(await where.engine.head(other), undefined)
  })

  test(`${name}: writes that come in during a reseal win, and the head stays right`, async (t) => {
    const sealer = new RotatingSealer()
    const { engine } = await openedEngine(t, place, sealer)
    const keys = Array.from({ length: 1_500 }, (_, i) => `k${String(i).padStart(4, '0')}`)
    await write(
      engine,
      acme,
      keys.map((key) => put(key, 'old')),
    )
    sealer.rotate()
    const resealing = engine.reseal(acme, never)
    const writes = keys
      .filter((_, i) => i % 10 === 0)
      .map((key, i) => write(engine, acme, [i % 3 === 0 ? remove(key) : put(key, 'new')]))
    await Promise.all([resealing, ...writes])
    sealer.retire()
    const records = await engine.scan(acme, 'things', { limit: 1_000 })
    const changed = new Map(records.records.map((found) => [found.key, text(found)]))
    assert.equal(changed.get('k0000'), undefined)
    assert.equal(changed.get('k0010'), 'new')
    assert.equal(changed.get('k0011'), 'old')
    const found = (await problems(engine, acme)).filter((problem) => !problem.startsWith('audit_damaged'))
    assert.deepEqual(found, [])
  })

  test(`${name}: a reseal goes on after an abort, and leaves erased persons' records as they lie`, async (t) => {
    const sealer = new RotatingSealer()
    const { engine, tamper } = await openedEngine(t, place, sealer)
    await write(engine, acme, [put('a', '1', { subject: 's1' }), put('b', '2'), put('c', '3')])
    sealer.erased.add('s1')
    sealer.rotate()
    const before = await tamper.read(acme, record('a'))
    await assert.rejects(engine.reseal(acme, AbortSignal.abort(new Error('stop'))), /stop/)
    assert.deepEqual(await problems(engine, acme), [])
    assert.deepEqual(await engine.reseal(acme, never), { resealed: 2 })
    assert.deepEqual(await tamper.read(acme, record('a')), before)
    assert.deepEqual(await problems(engine, acme), [])
  })

  test(`${name}: a damaged record is told once all others are sealed anew, and stays as it is`, async (t) => {
    const sealer = new RotatingSealer()
    const { engine, tamper } = await openedEngine(t, place, sealer)
    await write(engine, acme, [put('a', '1'), put('b', '2'), put('c', '3')])
    const bytes = (await tamper.read(acme, record('b'))) ?? assert.fail()
    const bad = Uint8Array.from(bytes, (byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
    await tamper.write(acme, record('b'), bad)
    sealer.rotate()
    await assert.rejects(engine.reseal(acme, never), code('data_corrupt'))
    assert.ok(Buffer.from(bad).equals((await tamper.read(acme, record('b'))) ?? new Uint8Array()))
    sealer.retire()
    assert.equal(text(await engine.get(acme, 'things', 'a')), '1')
    assert.equal(text(await engine.get(acme, 'things', 'c')), '3')
    assert.deepEqual(await problems(engine, acme), [
      'audit_damaged 1',
      'digest_differs',
      'record_damaged things b',
    ])
  })
}
