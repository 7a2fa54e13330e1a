import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { acme, foundIn, hex, isKey, startRig, tenant, withCode } from './testing/key-store-rig.js'

const never = new AbortController().signal

test('a subject id that is empty, too long, or not printable ASCII is refused', async (t) => {
  const { store } = await startRig(t)
  for (const subject of ['', 'a b', 'ü', 'x'.repeat(65), 'a\u0000']) {
    assert.throws(() => store.sealingKey(acme, subject), withCode('invalid_argument'))
    await assert.rejects(store.destroySubject(acme, subject), withCode('invalid_argument'))
  }
})

test('a key id that nobody made is unknown, for a tenant and for a person, also of another tenant', async (t) => {
  const { store } = await startRig(t)
  const mine = await store.sealingKey(acme, 'sub_1')
  await store.sealingKey(tenant('other'), 'sub_1')
  for (const [scope, subject, id] of [
    [acme, undefined, Buffer.alloc(8, 1)],
    [acme, 'sub_1', Buffer.alloc(8, 1)],
    [acme, 'sub_2', mine.id],
    [acme, undefined, mine.id],
    [tenant('other'), 'sub_1', mine.id],
    [tenant('nobody'), undefined, mine.id],
    [null, 'sub_1', mine.id],
  ] as const) {
    await assert.rejects(async () => store.openingKey(scope, subject, id), withCode('key_unknown'))
  }
})

test('a key is the same for everyone who asks at once, later, and after a restart', async (t) => {
  const rig = await startRig(t)
  const asked = await Promise.all(Array.from({ length: 20 }, async () => rig.store.sealingKey(acme, 'sub_1')))
  assert.equal(new Set(asked.map((key) => hex(key.secret))).size, 1)
  const [first] = asked
  assert.ok(first)
  assert.equal(rig.store.sealingKey(acme, 'sub_1'), first, 'what is in memory is answered at once')
  await rig.reopen()
  const again = await rig.store.openingKey(acme, 'sub_1', first.id)
  isKey(again)
  assert.equal(hex(again.secret), hex(first.secret))
  assert.equal(hex((await rig.store.sealingKey(acme, 'sub_1')).id), hex(first.id))
})

test('tenants, people, the system and lookups have keys of their own', async (t) => {
  const { store } = await startRig(t)
  const other = tenant('other')
  const secrets = [
    (await store.sealingKey(null)).secret,
    (await store.sealingKey(null, 'sub_1')).secret,
    (await store.sealingKey(acme)).secret,
    (await store.sealingKey(acme, 'sub_1')).secret,
    (await store.sealingKey(acme, 'sub_2')).secret,
    (await store.sealingKey(other, 'sub_1')).secret,
    await store.lookupKey(null),
    await store.lookupKey(acme),
    await store.lookupKey(other),
  ]
  assert.equal(new Set(secrets.map(hex)).size, secrets.length)
  for (const secret of secrets) assert.equal(secret.length, 32)
  assert.deepEqual(store.status().keys, { tenant: 3, subject: 4, lookup: 3 })
})

test('no key lies in the files in clear, and others may not read them', async (t) => {
  const { store, dir } = await startRig(t)
  const secrets = [(await store.sealingKey(acme, 'sub_1')).secret, await store.lookupKey(acme)]
  for (const secret of secrets) assert.equal(foundIn(dir, secret), false)
  for (const name of ['keys.slots', 'keys.rewrite']) {
    assert.equal(statSync(join(dir, name)).mode & 0o077, 0)
  }
})

test('a rotated tenant seals with the new key and opens with both; its lookup key stays', async (t) => {
  const rig = await startRig(t)
  const old = await rig.store.sealingKey(acme)
  const lookup = hex(await rig.store.lookupKey(acme))
  const rotated = await rig.store.rotateTenant(acme)
  assert.equal(rotated.generation, 2)
  for (const restarted of [false, true]) {
    const store = restarted ? await rig.reopen() : rig.store
    assert.equal(hex((await store.sealingKey(acme)).id), rotated.keyId)
    const opened = await store.openingKey(acme, undefined, old.id)
    isKey(opened)
    assert.equal(hex(opened.secret), hex(old.secret))
    assert.equal(hex(await store.lookupKey(acme)), lookup)
  }
})

test('retired tenant keys are gone from the files and unknown, the people’s keys live on under the new one', async (t) => {
  const rig = await startRig(t)
  const old = await rig.store.sealingKey(acme)
  const people = await Promise.all(
    Array.from({ length: 600 }, async (_, i) => rig.store.sealingKey(acme, `sub_${i}`)),
  )
  await rig.store.rotateTenant(acme)
  assert.deepEqual(await rig.store.retireOldTenantKeys(acme, never), { rewrapped: 600, retired: 1 })
  assert.deepEqual(await rig.store.retireOldTenantKeys(acme, never), { rewrapped: 0, retired: 0 })
  assert.equal(foundIn(rig.dir, old.id), false)
  for (const restarted of [false, true]) {
    const store = restarted ? await rig.reopen() : rig.store
    await assert.rejects(async () => store.openingKey(acme, undefined, old.id), withCode('key_unknown'))
    for (const [i, key] of people.entries()) {
      const opened = await store.openingKey(acme, `sub_${i}`, key.id)
      isKey(opened)
      assert.equal(hex(opened.secret), hex(key.secret))
    }
  }
})

test('a key that has sealed enough gets a successor in the background; the old one opens', async (t) => {
  const rig = await startRig(t)
  const old = await rig.store.sealingKey(acme, 'sub_1')
  rig.store.sealWorn(acme, 'sub_1')
  rig.store.sealWorn(acme, 'sub_1')
  await rig.reopen()
  const successor = await rig.store.sealingKey(acme, 'sub_1')
  assert.notEqual(hex(successor.id), hex(old.id))
  isKey(await rig.store.openingKey(acme, 'sub_1', old.id))
  assert.equal(rig.store.status().slots, 3, 'the tenant’s key and two of the person')
})

test('a destroyed person’s keys are in no file, wrapped or not, and the person never gets one again', async (t) => {
  const rig = await startRig(t)
  const keys = [await rig.store.sealingKey(acme, 'sub_1')]
  rig.store.sealWorn(acme, 'sub_1')
  const before = await rig.reopen()
  keys.push(await before.sealingKey(acme, 'sub_1'))
  await before.sealingKey(acme, 'sub_2')
  const wrapped = wrappedOf(
    rig.dir,
    keys.map((key) => key.id),
  )
  assert.equal(wrapped.length, 2)
  rig.clock.advance(5_000)
  const at = rig.clock.wall()
  assert.deepEqual(await before.destroySubject(acme, 'sub_1'), { had: true, at })
  for (const bytes of [...wrapped, ...keys.flatMap(({ id, secret }) => [id, secret])]) {
    for (let part = 0; part + 8 <= bytes.length; part += 8) {
      assert.equal(foundIn(rig.dir, bytes.subarray(part, part + 8)), false)
    }
  }
  for (const restarted of [false, true]) {
    const store = restarted ? await rig.reopen() : rig.store
    assert.throws(() => store.sealingKey(acme, 'sub_1'), withCode('erased'))
    for (const key of keys) assert.deepEqual(store.openingKey(acme, 'sub_1', key.id), { s: 'erased', at })
    assert.equal(store.erasedAt(acme, 'sub_1'), at)
    assert.deepEqual([...store.erasures()], [{ tenant: acme, subject: 'sub_1', at }])
    assert.deepEqual(await store.destroySubject(acme, 'sub_1'), { had: false, at })
    isKey(await store.sealingKey(acme, 'sub_2'))
    assert.equal(store.erasedAt(acme, 'sub_2'), undefined)
  }
})

test('a person who never had a key is erased for good too', async (t) => {
  const rig = await startRig(t)
  assert.deepEqual(await rig.store.destroySubject(acme, 'sub_9'), { had: false, at: rig.clock.wall() })
  await rig.reopen()
  assert.throws(() => rig.store.sealingKey(acme, 'sub_9'), withCode('erased'))
})

test('a person who is destroyed while the key is being made has none afterwards', async (t) => {
  const rig = await startRig(t)
  for (let i = 0; i < 30; i++) {
    const subject = `sub_${i}`
    const minting = Promise.resolve(rig.store.sealingKey(acme, subject)).catch(() => undefined)
    for (let turn = 0; turn < i; turn++) await Promise.resolve()
    await rig.store.destroySubject(acme, subject)
    const key = await minting
    assert.throws(() => rig.store.sealingKey(acme, subject), withCode('erased'))
    if (key) assert.equal(foundIn(rig.dir, key.id), false)
  }
  await rig.reopen()
  assert.equal(rig.store.status().keys.subject, 0)
  assert.equal(rig.store.status().erased.subjects, 30)
})

test('a destroyed tenant has no key of any kind, and an earlier erasure keeps its own time', async (t) => {
  const rig = await startRig(t)
  const other = tenant('other')
  const kept = await rig.store.sealingKey(other, 'sub_1')
  const keys = [await rig.store.sealingKey(acme)]
  await rig.store.rotateTenant(acme)
  for (let i = 0; i < 700; i++) keys.push(await rig.store.sealingKey(acme, `sub_${i}`))
  const lookup = await rig.store.lookupKey(acme)
  const { at: earlier } = await rig.store.destroySubject(acme, 'sub_3')
  rig.clock.advance(1_000)
  const at = rig.clock.wall()
  assert.deepEqual(await rig.store.destroyTenant(acme), { had: true, at })
  for (const { id } of keys) assert.equal(foundIn(rig.dir, id), false)
  for (const restarted of [false, true]) {
    const store = restarted ? await rig.reopen() : rig.store
    assert.throws(() => store.sealingKey(acme), withCode('erased'))
    assert.throws(() => store.sealingKey(acme, 'sub_new'), withCode('erased'))
    await assert.rejects(store.lookupKey(acme), withCode('erased'))
    await assert.rejects(store.rotateTenant(acme), withCode('erased'))
    assert.equal(store.erasedAt(acme, 'sub_3'), earlier)
    assert.equal(store.erasedAt(acme, 'sub_4'), at)
    assert.deepEqual(await store.destroyTenant(acme), { had: false, at })
    isKey(await store.openingKey(other, 'sub_1', kept.id))
  }
  assert.equal(hex(lookup).length, 64)
})

test('slots of a destroyed tenant are used again', async (t) => {
  const { store } = await startRig(t)
  for (let i = 0; i < 50; i++) await store.sealingKey(acme, `sub_${i}`)
  await store.destroyTenant(acme)
  const { slots } = store.status()
  for (let i = 0; i < 40; i++) await store.sealingKey(tenant('other'), `sub_${i}`)
  assert.equal(store.status().slots, slots)
})

test('more people than memory holds keys for: the others’ keys come from disk', async (t) => {
  const rig = await startRig(t)
  await rig.reopen({ maxKeysInMemory: 10 })
  const made = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => rig.store.sealingKey(acme, `sub_${i}`)),
  )
  assert.equal(rig.store.status().inMemory, 10)
  for (const [i, key] of made.entries()) {
    assert.equal(hex((await rig.store.sealingKey(acme, `sub_${i}`)).secret), hex(key.secret))
  }
})

/** Wrapped forms in the key file of the keys with these ids. */
function wrappedOf(dir: string, ids: readonly Uint8Array[]): Buffer[] {
  const bytes = readFileSync(join(dir, 'keys.slots'))
  return ids.map((id) => {
    const slot = Math.floor(bytes.indexOf(id) / 512) * 512
    return bytes.subarray(slot + 180, slot + 180 + bytes.readUInt16BE(slot + 10))
  })
}
