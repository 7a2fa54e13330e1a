import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DiskFile, OpenDiskFile } from '../disk-file.js'
import { acme, foundIn, hex, isKey, startRig, tenant, withCode } from './testing/key-store-rig.js'

/** A disk whose faults the test switches on and off. */
interface Faults {
  /** The next writes into the file of this name fail with the code. */
  write?: { readonly name: string; readonly code: string; readonly afterBytes?: number }
  sync?: { readonly name: string; readonly code: string }
  /** No file grows beyond this. */
  full?: number
}

function failing(faults: Faults): OpenDiskFile {
  const fail = (code: string) => Object.assign(new Error(code), { code })
  return async (path, flags, mode) => {
    const file = await open(path, flags, mode)
    const write = async (bytes: Uint8Array, offset: number, length: number, position: number) => {
      const { write: fault, full } = faults
      if (fault && path.endsWith(fault.name)) {
        if (fault.afterBytes) await file.write(bytes, offset, Math.min(fault.afterBytes, length), position)
        throw fail(fault.code)
      }
      const { size } = await file.stat()
      const room = full === undefined || position + length <= size ? length : Math.max(0, full - position)
      if (room === 0 && length > 0) throw fail('ENOSPC')
      // A disk takes a part of what it is given at times.
      return file.write(bytes, offset, Math.min(room, 100_000, length), position)
    }
    return {
      read: file.read.bind(file),
      write: write as DiskFile['write'],
      datasync: async () => {
        if (faults.sync && path.endsWith(faults.sync.name)) throw fail(faults.sync.code)
        await file.datasync()
      },
      truncate: (length) => file.truncate(length),
      stat: file.stat.bind(file),
      close: () => file.close(),
    }
  }
}

test('a disk that is full refuses new keys, keeps all others, destroys keys all the same, and recovers', async (t) => {
  const rig = await startRig(t)
  const faults: Faults = {}
  await rig.reopen({ openFile: failing(faults) })
  const kept = await rig.store.sealingKey(acme, 'sub_kept')
  const doomed = await rig.store.sealingKey(acme, 'sub_doomed')
  const path = join(rig.dir, 'keys.slots')
  const room = readFileSync(path).length / 512 - 1 - rig.store.status().slots
  for (let i = 0; i < room; i++) await rig.store.sealingKey(acme, `sub_${i}`)
  faults.full = readFileSync(path).length + 1_000
  const before = rig.store.status()
  const refused = await Promise.allSettled(
    Array.from({ length: 20 }, async (_, i) => rig.store.sealingKey(acme, `late_${i}`)),
  )
  for (const answer of refused) {
    assert.equal(answer.status, 'rejected')
    assert.ok(withCode('disk_full')(answer.reason))
  }
  assert.deepEqual(rig.store.status().keys, before.keys)
  assert.equal(readFileSync(path).length, faults.full - 1_000, 'nothing half-written')
  assert.equal(rig.store.sealingKey(acme, 'sub_kept'), kept)
  assert.equal((await rig.store.destroySubject(acme, 'sub_doomed')).had, true)
  assert.equal(foundIn(rig.dir, doomed.id), false)
  await rig.reopen({ openFile: failing(faults) })
  isKey(await rig.store.openingKey(acme, 'sub_kept', kept.id))
  await assert.rejects(async () => rig.store.sealingKey(acme, 'late_0'), withCode('disk_full'))
  const { store } = rig
  delete faults.full
  const late = await rig.store.sealingKey(acme, 'late_0')
  await rig.reopen()
  await store.done
  assert.equal(hex((await rig.store.sealingKey(acme, 'late_0')).id), hex(late.id))
  assert.deepEqual(rig.store.status().damaged, [])
})

test('a destruction that finds no room is refused, the key lives, and the next try destroys it', async (t) => {
  const rig = await startRig(t)
  const faults: Faults = {}
  await rig.reopen({ openFile: failing(faults) })
  const key = await rig.store.sealingKey(acme, 'sub_1')
  faults.write = { name: 'keys.rewrite', code: 'ENOSPC' }
  await assert.rejects(rig.store.destroySubject(acme, 'sub_1'), withCode('disk_full'))
  await assert.rejects(rig.store.destroyTenant(acme), withCode('disk_full'))
  assert.equal(rig.store.erasedAt(acme, 'sub_1'), undefined)
  const opened = await rig.store.openingKey(acme, 'sub_1', key.id)
  isKey(opened)
  assert.equal(hex(opened.secret), hex(key.secret))
  delete faults.write
  assert.equal((await rig.store.destroySubject(acme, 'sub_1')).had, true)
  assert.equal(foundIn(rig.dir, key.id), false)
  assert.equal((await rig.store.destroyTenant(acme)).had, true)
})

test('a full copy-on-write disk leaves no half-written slot', async (t) => {
  const rig = await startRig(t)
  const faults: Faults = {}
  await rig.reopen({ openFile: failing(faults) })
  await rig.store.sealingKey(acme)
  faults.write = { name: 'keys.slots', code: 'ENOSPC' }
  await assert.rejects(async () => rig.store.sealingKey(acme, 'sub_1'), withCode('disk_full'))
  delete faults.write
  await rig.reopen()
  assert.deepEqual(rig.store.status().damaged, [])
  assert.deepEqual(rig.store.status().keys, { tenant: 1, subject: 0, lookup: 0 })
})

for (const [what, faults] of [
  ['a sync of the keys that fails', { sync: { name: 'keys.slots', code: 'EIO' } }],
  ['a sync of the journal that fails', { sync: { name: 'keys.rewrite', code: 'EIO' } }],
  ['an overwrite that stops half-way', { write: { name: 'keys.slots', code: 'EIO', afterBytes: 200 } }],
] as const satisfies readonly (readonly [string, Faults])[]) {
  test(`after ${what} nothing is written any more, nothing was told to be done, and a restart has every key`, async (t) => {
    const rig = await startRig(t)
    const now: Faults = {}
    await rig.reopen({ openFile: failing(now) })
    const keys = new Map<string, string>()
    for (let i = 0; i < 5; i++)
      keys.set(`sub_${i}`, hex((await rig.store.sealingKey(acme, `sub_${i}`)).secret))
    Object.assign(now, faults)
    await assert.rejects(rig.store.destroySubject(acme, 'sub_2'), withCode('storage_failed'))
    await assert.rejects(rig.store.done, withCode('storage_failed'))
    delete now.sync
    delete now.write
    await assert.rejects(rig.store.destroySubject(acme, 'sub_3'), withCode('storage_failed'))
    await assert.rejects(async () => rig.store.sealingKey(tenant('other')), withCode('storage_failed'))
    await assert.rejects(rig.store.rotateKek(new AbortController().signal), withCode('storage_failed'))
    await rig.reopen()
    assert.deepEqual(rig.store.status().damaged, [])
    for (const [subject, secret] of keys) {
      // The one that was begun is ended or undone, nothing in between.
      if (subject === 'sub_2' && rig.store.erasedAt(acme, subject) !== undefined) continue
      assert.equal(hex((await rig.store.sealingKey(acme, subject)).secret), secret)
    }
  })
}
