import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { YizhanError } from '../errors.js'
import { silentLogger } from '../log.js'
import type { DataKey } from '../sealing/index.js'
import { kekLine } from './kek-lines.js'
import { envKek } from './local-kek.js'
import { openKeyStore } from './open-key-store.js'
import { decodeSlot, encodeSlot, type LiveSlot } from './slot.js'
import { keyStoreIsEmpty } from './store-files.js'
import { acme, foundIn, hex, isKey, type Rig, startRig, tenant, withCode } from './testing/key-store-rig.js'

const inSlot = (slot: number) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === 'data_corrupt' && thrown.details.slot === slot

/** A store with the tenant's key in slot 1 and people's in 2 to 6, closed and changed. */
async function damagedRig(t: Parameters<typeof startRig>[0], change: (file: Buffer) => Buffer) {
  const rig = await startRig(t)
  const people: DataKey[] = []
  for (let i = 0; i < 5; i++) people.push(await rig.store.sealingKey(acme, `sub_${i}`))
  await rig.store.close()
  const path = join(rig.dir, 'keys.slots')
  writeFileSync(path, change(readFileSync(path)))
  await rig.reopen()
  return { rig, people }
}

/** Magic, kind, lengths and letters of tenant and subject. */
const HIDES_OWNER = new Set([6, 7, 8, 52, 55, 116, 119])

async function opens(rig: Rig, i: number, key: DataKey | undefined): Promise<void> {
  assert.ok(key)
  const opened = await rig.store.openingKey(acme, `sub_${i}`, key.id)
  isKey(opened)
  assert.equal(hex(opened.secret), hex(key.secret))
}

test('every flipped byte of a person’s slot is found; the others open, and no second key is made in doubt', async (t) => {
  const rig = await startRig(t)
  const people: DataKey[] = []
  for (let i = 0; i < 3; i++) people.push(await rig.store.sealingKey(acme, `sub_${i}`))
  const path = join(rig.dir, 'keys.slots')
  await rig.store.close()
  const whole = readFileSync(path)
  for (const at of [...Array(14).keys(), 20, 36, 52, 55, 116, 119, 180, 200, 259, 400, 508, 511]) {
    const file = Buffer.from(whole)
    file[3 * 512 + at] = (file[3 * 512 + at] ?? 0) ^ 0x11
    writeFileSync(path, file)
    await rig.reopen()
    assert.deepEqual(rig.store.status().damaged, [{ slot: 3, why: 'damaged' }], `byte ${at}`)
    await opens(rig, 0, people[0])
    await opens(rig, 2, people[2])
    // Where the damage hides whose slot it is, nobody can know that this person had a key.
    if (!HIDES_OWNER.has(at)) {
      await assert.rejects(async () => rig.store.openingKey(acme, 'sub_1', Buffer.alloc(8)), inSlot(3))
      await assert.rejects(async () => rig.store.sealingKey(acme, 'sub_1'), inSlot(3))
    }
  }
})

test('a damaged slot of a person is overwritten when the person is erased', async (t) => {
  const { rig, people } = await damagedRig(t, (file) => {
    file[4 * 512 + 30] = 0xff
    return file
  })
  await assert.rejects(async () => rig.store.sealingKey(acme, 'sub_2'), inSlot(4))
  await rig.store.destroySubject(acme, 'sub_2')
  assert.equal(foundIn(rig.dir, people[2]?.id ?? Buffer.alloc(8)), false)
  assert.deepEqual(rig.store.status().damaged, [])
})

test('a damaged key of a tenant: nothing of its people opens, no other key takes its place, other tenants work', async (t) => {
  const { rig, people } = await damagedRig(t, (file) => {
    file[512 + 190] = (file[512 + 190] ?? 0) ^ 1
    return file
  })
  await assert.rejects(async () => rig.store.sealingKey(acme), inSlot(1))
  await assert.rejects(async () => rig.store.lookupKey(acme), inSlot(1))
  await assert.rejects(
    async () => rig.store.openingKey(acme, 'sub_0', people[0]?.id ?? Buffer.alloc(8)),
    withCode('data_corrupt'),
  )
  await assert.rejects(async () => rig.store.sealingKey(acme, 'sub_new'), inSlot(1))
  isKey(await rig.store.sealingKey(tenant('other'), 'sub_0'))
})

test('garbage and a slot of a later format are named by number, the others open', async (t) => {
  const { rig, people } = await damagedRig(t, (file) => {
    file.fill('garbage!', 3 * 512, 4 * 512)
    file[5 * 512 + 4] = 9
    return file
  })
  assert.deepEqual(
    rig.store.status().damaged.map(({ slot }) => slot),
    [3, 5],
  )
  for (const i of [0, 2, 4]) await opens(rig, i, people[i])
})

test('a slot that lies twice is told, and both are overwritten when the person is erased', async (t) => {
  const { rig, people } = await damagedRig(t, (file) => {
    file.copy(file, 9 * 512, 4 * 512, 5 * 512)
    file.copy(file, 10 * 512, 512, 1024)
    return file
  })
  assert.deepEqual(rig.store.status().damaged, [
    { slot: 9, why: 'duplicate' },
    { slot: 10, why: 'duplicate' },
  ])
  for (const [i, key] of people.entries()) await opens(rig, i, key)
  await rig.store.destroySubject(acme, 'sub_2')
  assert.equal(foundIn(rig.dir, people[2]?.id ?? Buffer.alloc(8)), false)
  await rig.reopen()
  assert.deepEqual(rig.store.status().damaged, [{ slot: 10, why: 'duplicate' }])
})

test('a slot that is put back after its person was erased is destroyed at the next start', async (t) => {
  const rig = await startRig(t)
  const key = await rig.store.sealingKey(acme, 'sub_0')
  const path = join(rig.dir, 'keys.slots')
  const old = readFileSync(path).subarray(2 * 512, 3 * 512)
  const { at } = await rig.store.destroySubject(acme, 'sub_0')
  await rig.store.close()
  const file = readFileSync(path)
  old.copy(file, 7 * 512)
  writeFileSync(path, file)
  await rig.reopen()
  assert.deepEqual(rig.store.openingKey(acme, 'sub_0', key.id), { s: 'erased', at })
  assert.equal(foundIn(rig.dir, key.id), false)
})

test('a key under another name, tenant or generation does not open, though the checksum is right', async (t) => {
  const rig = await startRig(t)
  const own = await rig.store.sealingKey(acme)
  const person = await rig.store.sealingKey(acme, 'sub_0')
  await rig.store.close()
  const path = join(rig.dir, 'keys.slots')
  const file = readFileSync(path)
  const change = (from: number, to: number, fields: Partial<LiveSlot>) => {
    const slot = decodeSlot(file.subarray(from * 512, (from + 1) * 512))
    assert.ok(slot.s === 'live')
    encodeSlot({ ...slot, ...fields }).copy(file, to * 512)
  }
  change(2, 3, { subject: 'sub_1' })
  change(2, 4, { subject: 'sub_0', generation: 2 })
  change(1, 5, { tenant: 'other' })
  change(1, 6, { kind: 'lookup' })
  writeFileSync(path, file)
  await rig.reopen()
  assert.deepEqual(rig.store.status().damaged, [])
  const moved = withCode('data_corrupt')
  await assert.rejects(async () => rig.store.openingKey(acme, 'sub_1', person.id), moved)
  await assert.rejects(async () => rig.store.sealingKey(acme, 'sub_0'), moved)
  await assert.rejects(async () => rig.store.openingKey(tenant('other'), undefined, own.id), moved)
  await assert.rejects(rig.store.lookupKey(acme), moved)
  assert.equal(hex((await rig.store.sealingKey(acme)).secret), hex(own.secret))
})

test('a tail that is no whole slot is left alone', async (t) => {
  const { rig, people } = await damagedRig(t, (file) =>
    Buffer.concat([file.subarray(0, 7 * 512), Buffer.alloc(100, 7)]),
  )
  for (const [i, key] of people.entries()) await opens(rig, i, key)
  isKey(await rig.store.sealingKey(acme, 'sub_new'))
  await rig.reopen()
  assert.deepEqual(rig.store.status().damaged, [])
  assert.equal(rig.store.status().keys.subject, 6)
})

test('a damaged header, an empty file, and keys that are gone are told, and nothing is made in their place', async (t) => {
  const rig = await startRig(t)
  await rig.store.sealingKey(acme)
  await rig.store.close()
  const path = join(rig.dir, 'keys.slots')
  const file = readFileSync(path)
  file[9] = (file[9] ?? 0) ^ 1
  writeFileSync(path, file)
  await assert.rejects(rig.reopen(), inSlot(0))
  truncateSync(path, 0)
  await assert.rejects(rig.reopen(), inSlot(0))
  rmSync(path)
  await assert.rejects(rig.reopen(), withCode('data_corrupt'))
  await assert.rejects(keyStoreIsEmpty(rig.dir), withCode('data_corrupt'))
  assert.equal(existsSync(path), false)
})

test('another KEK, and one without the epoch, open nothing and change nothing', async (t) => {
  const rig = await startRig(t)
  await rig.store.sealingKey(acme, 'sub_1')
  await rig.store.close()
  const before = readFileSync(join(rig.dir, 'keys.slots'))
  for (const epoch of [1, 2]) {
    const kek = envKek(kekLine(epoch, Buffer.from(Array.from({ length: 32 }, (_, i) => i))))
    await assert.rejects(
      openKeyStore({ kek, log: silentLogger(), clock: rig.clock }, { dir: rig.dir }),
      (thrown) =>
        withCode('key_unknown')(thrown) && thrown instanceof YizhanError && thrown.hint !== undefined,
    )
  }
  assert.deepEqual(readFileSync(join(rig.dir, 'keys.slots')), before)
  await rig.reopen()
})
