import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@yizhan/kernel'
import { idTime } from './id-time.js'
import { installation, SECTION } from './testing/installation.js'
import { acme, anna, by, DAY, never } from './testing/stand.js'

const dry = { dryRun: true, by }
const wet = { dryRun: false, by }

test('an id tells when it was made, and other texts do not', () => {
  assert.equal(idTime(newId('turn', 1_800_000_000_123)), 1_800_000_000_123)
  for (const text of ['', 't1', 'turn_', 'sub_0', `${newId('turn', 1)}/x`])
    assert.equal(idTime(text), undefined)
})

test('what has expired is deleted with an audit entry that lists it; a dry run only counts', async (t) => {
  const { s, privacy } = await installation(t)
  const subject = await privacy.subjects.resolve(acme, anna, {}, by)
  const soon = s.clock.wall() + DAY
  await s.write(subject, 'samples', 's1', 'one', soon)
  await s.write(subject, 'samples', 's2', 'two', soon + DAY)
  await s.write(subject, 'samples', 's3', 'three')
  s.clock.advance(3 * DAY)
  const before = (await s.audit()).length
  const counted = await privacy.sweeper.sweep(acme, dry, never)
  assert.deepEqual(counted.classes, { samples: { count: 2, oldest: soon } })
  assert.equal((await s.audit()).length, before)
  assert.equal((await s.parts.store.places(acme, { expiredBefore: s.clock.wall() })).places.length, 2)

  const swept = await privacy.sweeper.sweep(acme, wet, never)
  assert.deepEqual(swept.classes, counted.classes)
  assert.deepEqual((await s.parts.store.places(acme, { expiredBefore: s.clock.wall() })).places, [])
  assert.ok(await s.parts.store.get(acme, 'samples', 's3'))
  const entry = (await s.audit()).at(-1)
  assert.deepEqual([entry?.action, entry?.object], ['DELETE', 'retention/expired'])
  assert.deepEqual(JSON.parse(Buffer.from(entry?.after ?? []).toString()), {
    rule: 'expired',
    deleted: { samples: 2 },
    keys: ['samples/s1', 'samples/s2'],
  })
  assert.deepEqual((await privacy.sweeper.sweep(acme, wet, never)).classes, {})
})

test('five hundred go in pages, each with its entry', async (t) => {
  const { s, privacy } = await installation(t)
  const expiresAt = s.clock.wall() + 1
  const keys = Array.from({ length: 500 }, (_, i) => `s${i}`)
  await s.parts.store.batch(
    acme,
    keys.map((key) => ({ op: 'put', collection: 'samples', key, value: new Uint8Array(), expiresAt })),
    { time: 1, actor: 'bot_1', action: 'CREATE', object: 'samples' },
  )
  s.clock.advance(DAY)
  assert.equal((await privacy.sweeper.sweep(acme, wet, never)).classes.samples?.count, 500)
  assert.equal((await s.audit()).filter(({ object }) => object === 'retention/expired').length, 3)
})

test('a record that was written anew under an expired key is not swept', async (t) => {
  const { s, privacy } = await installation(t)
  const subject = await privacy.subjects.resolve(acme, anna, {}, by)
  for (const key of ['s1', 's2', 's3']) await s.write(subject, 'samples', key, 'old', s.clock.wall() + 1)
  s.clock.advance(DAY)
  const places = s.parts.store.places.bind(s.parts.store)
  s.parts.store.places = async (...args) => {
    const page = await places(...args)
    s.parts.store.places = places
    await s.write(subject, 'samples', 's2', 'new')
    return page
  }
  assert.equal((await privacy.sweeper.sweep(acme, wet, never)).classes.samples?.count, 2)
  assert.equal(Buffer.from((await s.parts.store.get(acme, 'samples', 's2'))?.value ?? []).toString(), 'new')
})

test('once a run has deleted a thousand of a collection, what they took is given back up to the last', async (t) => {
  const { s, privacy, setSection, reclaimed } = await installation(t)
  setSection(SECTION)
  const writeTurns = async (count: number) => {
    const keys = Array.from({ length: count }, () => newId('turn', s.clock.wall())).sort()
    for (let at = 0; at < count; at += 200) {
      await s.parts.store.batch(
        acme,
        keys.slice(at, at + 200).map((key) => {
          return { op: 'put', collection: 'turns', key, value: new Uint8Array() }
        }),
        { time: 1, actor: 'bot_1', action: 'CREATE', object: 'turns' },
      )
    }
    s.clock.advance(31 * DAY)
    return keys.at(-1)
  }
  await writeTurns(999)
  assert.equal((await privacy.sweeper.sweep(acme, wet, never)).classes.turns?.count, 999)
  assert.deepEqual(reclaimed, [], 'too few to be worth it')
  const last = await writeTurns(1_000)
  await privacy.sweeper.sweep(acme, dry, never)
  assert.deepEqual(reclaimed, [], 'a dry run deletes nothing')
  assert.equal((await privacy.sweeper.sweep(acme, wet, never)).classes.turns?.count, 1_000)
  assert.deepEqual(reclaimed, [[acme, 'turns', last]])
})

test('records older than their class is kept go by the tenant’s own time', async (t) => {
  const { s, privacy, setSection } = await installation(t)
  const subject = await privacy.subjects.resolve(acme, anna, {}, by)
  const old = newId('turn', s.clock.wall())
  await s.write(subject, 'turns', old, 'old')
  s.clock.advance(29 * DAY)
  const young = newId('turn', s.clock.wall())
  await s.write(subject, 'turns', young, 'young')
  s.clock.advance(2 * DAY)
  setSection(undefined)
  assert.deepEqual((await privacy.sweeper.sweep(acme, wet, never)).classes, {}, 'the default is 180 days')
  setSection(SECTION)
  assert.equal((await privacy.sweeper.sweep(acme, wet, never)).classes.turns?.count, 1)
  assert.equal(await s.parts.store.get(acme, 'turns', old), undefined)
  assert.ok(await s.parts.store.get(acme, 'turns', young))
})

test('a hold of a person or of the tenant keeps what it covers, and the audit whole', async (t) => {
  const { s, privacy, pruned } = await installation(t)
  const { subjects, holds, sweeper } = privacy
  const subject = await subjects.resolve(acme, anna, {}, by)
  const other = await subjects.resolve(acme, { channel: 'web', sender: 'ben' }, {}, by)
  await s.write(subject, 'samples', 's1', 'held', s.clock.wall() + DAY)
  await s.write(other, 'samples', 's2', 'free', s.clock.wall() + DAY)
  const hold = await holds.set(acme, { subject, reason: 'file 12/2026' }, by)
  s.clock.advance(400 * DAY)
  const first = await sweeper.sweep(acme, wet, never)
  assert.equal(first.classes.samples?.count, 1)
  assert.ok(first.held > 1)
  assert.deepEqual(
    (await s.parts.store.places(acme, { expiredBefore: s.clock.wall() })).places.map(({ key }) => key),
    ['s1'],
  )
  assert.deepEqual(pruned, [])
  const whole = await holds.set(acme, { reason: 'court order' }, by)
  await holds.release(acme, hold.id, by)
  assert.deepEqual((await sweeper.sweep(acme, wet, never)).classes, {})
  await holds.release(acme, whole.id, by)
  assert.equal((await sweeper.sweep(acme, wet, never)).classes.samples?.count, 1)
  assert.equal(pruned.length, 1)
})

test('the audit is cut past its retention, never within 180 days, and says so itself', async (t) => {
  const { s, privacy, pruned, setSection } = await installation(t)
  setSection({ ...SECTION, retentionMs: { audit: DAY } })
  const entry = (object: string) =>
    s.parts.store.batch(acme, [], { time: s.clock.wall(), actor: 'user_1', action: 'UPDATE', object })
  await entry('a')
  await entry('b')
  s.clock.advance(100 * DAY)
  await entry('c')
  s.clock.advance(79 * DAY)
  assert.deepEqual((await privacy.sweeper.sweep(acme, wet, never)).audit, { count: 0 })
  s.clock.advance(2 * DAY)
  const oldest = s.clock.wall() - 181 * DAY
  assert.deepEqual((await privacy.sweeper.sweep(acme, dry, never)).audit, { count: 2, oldest })
  assert.deepEqual(pruned, [])
  assert.deepEqual((await privacy.sweeper.sweep(acme, wet, never)).audit, { count: 2, oldest })
  assert.deepEqual(pruned, [[acme, 2]])
  const last = (await s.audit()).at(-1)
  assert.deepEqual([last?.action, last?.object], ['DELETE', 'audit'])
  assert.match(Buffer.from(last?.after ?? []).toString(), /"pruned":2/)
})
