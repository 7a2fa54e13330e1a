import assert from 'node:assert/strict'
import {
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { silentLogger } from '../log.js'
import { importKeys } from './key-copy.js'
import { openKeyStore } from './open-key-store.js'
import { acme, foundIn, hex, isKey, startRig, tenant, withCode } from './testing/key-store-rig.js'

const never = new AbortController().signal

test('a copy that was cut short, altered at its ends, or is none is refused, and the directory stays empty', async (t) => {
  const { store, dir } = await startRig(t)
  for (let i = 0; i < 10; i++) await store.sealingKey(acme, `sub_${i}`)
  const copy = join(dirname(dir), 'copy')
  const target = join(dirname(dir), 'new')
  const refused = async (change: () => void) => {
    rmSync(copy, { force: true })
    await store.exportTo(copy, never)
    change()
    await assert.rejects(importKeys(target, copy, { erased: [] }), withCode('data_corrupt'))
    assert.deepEqual(readdirSync(target), [])
  }
  // Header, the tenant's key, ten people's, trailer.
  const size = 13 * 512
  for (const length of [0, 100, 512, size - 512, size - 1]) await refused(() => truncateSync(copy, length))
  await refused(() => writeFileSync(copy, Buffer.concat([readFileSync(copy), Buffer.alloc(512)])))
  await refused(() => writeFileSync(copy, 'no keys'))
  await assert.rejects(importKeys(target, join(dir, 'nothing'), { erased: [] }), withCode('storage_failed'))
})

test('a copy does not go into a directory with keys', async (t) => {
  const { store, dir } = await startRig(t)
  const key = await store.sealingKey(acme)
  const copy = join(dirname(dir), 'copy')
  await store.exportTo(copy, never)
  await assert.rejects(importKeys(dir, copy, { erased: [] }), withCode('failed_precondition'))
  assert.equal(hex((await store.sealingKey(acme)).id), hex(key.id))
})

test('a copy never takes the place of another file, nor of the key store itself', async (t) => {
  const { store, dir } = await startRig(t)
  await store.sealingKey(acme)
  for (const [name, content] of [
    ['notes', 'keep me'],
    ['empty', ''],
    ['zeros', Buffer.alloc(2_048)],
  ] as const) {
    const path = join(dirname(dir), name)
    writeFileSync(path, content)
    await assert.rejects(store.exportTo(path, never), withCode('already_exists'))
    assert.deepEqual(readFileSync(path), Buffer.from(content))
  }
  const live = join(dir, 'keys.slots')
  const before = readFileSync(live)
  await assert.rejects(store.exportTo(live, never), withCode('already_exists'))
  await assert.rejects(store.exportTo(dir, never), withCode('storage_failed'))
  assert.deepEqual(readFileSync(live), before)
})

test('a copy opens elsewhere under the same KEK, without those who were erased since', async (t) => {
  const rig = await startRig(t)
  const other = tenant('other')
  const keys = []
  for (let i = 0; i < 5; i++) keys.push(await rig.store.sealingKey(acme, `sub_${i}`))
  const gone = await rig.store.sealingKey(other, 'sub_0')
  await rig.store.destroySubject(acme, 'sub_4')
  const copy = join(dirname(rig.dir), 'copy')
  assert.deepEqual(await rig.store.exportTo(copy, never), { slots: 8, bytes: 10 * 512 })
  assert.equal(statSync(copy).mode & 0o077, 0)
  const before = [...rig.store.erasures()]
  const erased = [
    ...before,
    { tenant: acme, subject: 'sub_1', at: 7 },
    { tenant: acme, subject: 'sub_99', at: 8 },
    { tenant: other, at: 9 },
  ]
  const dir = join(dirname(rig.dir), 'elsewhere')
  assert.deepEqual(await importKeys(dir, copy, { erased }), { slots: 8, erased: 3 })
  for (const id of [keys[1]?.id, gone.id]) assert.equal(foundIn(dir, id ?? Buffer.alloc(8)), false)
  const store = await openKeyStore({ kek: rig.kek, log: silentLogger(), clock: rig.clock }, { dir })
  t.after(() => store.close())
  for (const i of [0, 2, 3]) {
    const opened = await store.openingKey(acme, `sub_${i}`, keys[i]?.id ?? Buffer.alloc(8))
    isKey(opened)
    assert.equal(hex(opened.secret), hex(keys[i]?.secret ?? Buffer.alloc(8)))
  }
  assert.equal(store.erasedAt(acme, 'sub_1'), 7)
  assert.equal(store.erasedAt(acme, 'sub_99'), 8)
  assert.equal(store.erasedAt(other, 'sub_0'), 9)
  assert.equal(store.erasedAt(acme, 'sub_4'), before[0]?.at)
  assert.throws(() => store.sealingKey(acme, 'sub_99'), withCode('erased'))
  assert.equal(store.status().storeId, rig.store.status().storeId)
})

test('a new copy overwrites the former one, so that no destroyed key stays in it', async (t) => {
  const { store, dir } = await startRig(t)
  const key = await store.sealingKey(acme, 'sub_1')
  const directory = join(dirname(dir), 'copies')
  mkdirSync(directory)
  const copy = join(directory, 'keys')
  await store.exportTo(copy, never)
  assert.equal(foundIn(directory, key.id), true)
  // A look at the former file after its name is gone.
  const former = openSync(copy, 'r')
  await store.destroySubject(acme, 'sub_1')
  await store.exportTo(copy, never)
  assert.deepEqual(readdirSync(directory), ['keys'])
  assert.equal(foundIn(directory, key.id), false)
  const left = Buffer.alloc(64 * 1024)
  assert.ok(readSync(former, left, 0, left.length, 0) > 0)
  assert.equal(left.includes(Buffer.from(key.id)), false)
})

test('what a crash within a former call left is overwritten, but never the good copy under a second name', async (t) => {
  const { store, dir } = await startRig(t)
  const key = await store.sealingKey(acme, 'sub_1')
  const directory = join(dirname(dir), 'copies')
  mkdirSync(directory)
  const copy = join(directory, 'keys')
  await store.exportTo(copy, never)
  const good = readFileSync(copy)
  const lefts = [`${copy}.old`, `${copy}.new`].map((path) => {
    writeFileSync(path, good)
    return openSync(path, 'r')
  })
  const broken = AbortSignal.abort(new Error('enough'))
  await assert.rejects(store.exportTo(copy, broken), /enough/)
  for (const left of lefts) {
    const bytes = Buffer.alloc(good.length)
    readSync(left, bytes, 0, bytes.length, 0)
    assert.equal(bytes.includes(Buffer.from(key.id)), false)
  }
  linkSync(copy, `${copy}.old`)
  await assert.rejects(store.exportTo(copy, broken), /enough/)
  assert.deepEqual(readdirSync(directory), ['keys'])
  assert.deepEqual(readFileSync(copy), good)
})

test('keys that are destroyed while a copy is made are not in it', async (t) => {
  const { store, dir } = await startRig(t)
  const keys = await Promise.all(
    Array.from({ length: 6_000 }, async (_, i) => store.sealingKey(acme, `sub_${i}`)),
  )
  const directory = join(dirname(dir), 'copies')
  mkdirSync(directory)
  const copying = store.exportTo(join(directory, 'keys'), never)
  while (!existsSync(join(directory, 'keys.new')) || statSync(join(directory, 'keys.new')).size === 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all([0, 1, 2_500, 5_999].map((i) => store.destroySubject(acme, `sub_${i}`)))
  await copying
  const bytes = readFileSync(join(directory, 'keys'))
  for (const i of [0, 1, 2_500, 5_999]) assert.equal(bytes.includes(Buffer.from(keys[i]?.id ?? [])), false)
  assert.equal(bytes.includes(Buffer.from(keys[3]?.id ?? [])), true)
})

test('a copy that is broken off leaves the former one', async (t) => {
  const { store, dir } = await startRig(t)
  await store.sealingKey(acme)
  const directory = join(dirname(dir), 'copies')
  mkdirSync(directory)
  await store.exportTo(join(directory, 'keys'), never)
  const before = readFileSync(join(directory, 'keys'))
  await assert.rejects(
    store.exportTo(join(directory, 'keys'), AbortSignal.abort(new Error('enough'))),
    /enough/,
  )
  assert.deepEqual(readdirSync(directory), ['keys'])
  assert.deepEqual(readFileSync(join(directory, 'keys')), before)
  await assert.rejects(store.exportTo(join(dir, 'none', 'keys'), never), withCode('storage_failed'))
})
