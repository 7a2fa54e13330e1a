import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { test } from 'node:test'
import type { OpenDiskFile } from '../disk-file.js'
import { foundIn, hex, isKey, startRig, tenant, withCode } from './testing/key-store-rig.js'

const never = new AbortController().signal
const TENANTS = ['one', 'two', 'three'].map(tenant)

/** The same numbers from the same seed (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** What a key store has to hold: secrets by key id, of each tenant ('') and person. */
class Model {
  readonly keys = new Map<string, Map<string, string>>()
  readonly erased = new Map<string, number>()
  readonly gone = new Set<string>()

  made(who: string, id: Uint8Array, secret: Uint8Array): void {
    const keys = this.keys.get(who) ?? new Map<string, string>()
    this.keys.set(who, keys.set(hex(id), hex(secret)))
  }

  destroyed(who: string, at: number): void {
    for (const id of this.keys.get(who)?.keys() ?? []) this.gone.add(id)
    this.keys.delete(who)
    if (!this.erased.has(who)) this.erased.set(who, at)
  }
}

for (const seed of [1, 2, 3, 4]) {
  test(`any order of minting, rotating, destroying and restarting does what a map would do (seed ${seed})`, async (t) => {
    const rig = await startRig(t)
    const model = new Model()
    const next = numbers(seed)
    const subjects = Array.from({ length: 12 }, (_, i) => `sub_${i}`)
    const step = async (): Promise<void> => {
      const who = TENANTS[next(TENANTS.length)] ?? TENANTS[0]
      const subject = subjects[next(subjects.length)]
      assert.ok(who && subject)
      const name = `${who} ${subject}`
      const dead = () => model.erased.has(name) || model.erased.has(`${who} `)
      const choice = next(100)
      if (choice < 60) {
        try {
          const key = await rig.store.sealingKey(who, subject)
          model.made(name, key.id, key.secret)
          const own = await rig.store.sealingKey(who)
          model.made(`${who} `, own.id, own.secret)
        } catch (thrown) {
          assert.ok(withCode('erased')(thrown) && dead())
        }
      } else if (choice < 72) {
        const { at } = await rig.store.destroySubject(who, subject)
        model.destroyed(name, at)
      } else if (choice < 80) {
        if (!dead() && !model.erased.has(`${who} `)) await rig.store.rotateTenant(who)
      } else if (choice < 84) {
        if (model.erased.has(`${who} `)) return
        const newest = hex((await rig.store.sealingKey(who)).id)
        await rig.store.retireOldTenantKeys(who, never)
        const own = model.keys.get(`${who} `)
        for (const id of [...(own?.keys() ?? [])]) {
          if (id === newest) continue
          own?.delete(id)
          model.gone.add(id)
        }
      } else if (choice < 88) {
        await rig.store.rotateKek(never)
      } else if (choice < 92) {
        if (!dead() && model.keys.has(name)) rig.store.sealWorn(who, subject)
      } else if (choice < 93) {
        if (next(4) > 0) return
        const { at } = await rig.store.destroyTenant(who)
        for (const one of [...model.keys.keys()]) if (one.startsWith(`${who} `)) model.destroyed(one, at)
        model.erased.set(`${who} `, at)
      } else {
        await rig.reopen({ maxKeysInMemory: 1 + next(8) })
      }
    }
    for (let turn = 0; turn < 250; turn++) {
      rig.clock.advance(1)
      await step()
    }
    await rig.reopen()
    assert.deepEqual(rig.store.status().damaged, [])
    for (const who of TENANTS) {
      for (const subject of ['', ...subjects]) {
        const name = `${who} ${subject}`
        const of = subject === '' ? undefined : subject
        for (const [id, secret] of model.keys.get(name) ?? []) {
          const opened = await rig.store.openingKey(who, of, Buffer.from(id, 'hex'))
          isKey(opened)
          assert.equal(hex(opened.secret), secret)
        }
        const at = model.erased.get(name) ?? model.erased.get(`${who} `)
        if (of !== undefined) assert.equal(rig.store.erasedAt(who, of), at)
        if (at !== undefined) assert.throws(() => rig.store.sealingKey(who, of), withCode('erased'))
      }
    }
    assert.ok(model.gone.size > 0)
    for (const id of model.gone) assert.equal(foundIn(rig.dir, Buffer.from(id, 'hex')), false)
  })
}

/** A file system whose reads can be held back after they have read. */
function holdable(): { openFile: OpenDiskFile; hold(): { reading: Promise<void>; release(): void } } {
  let onRead: () => Promise<void> = async () => undefined
  return {
    openFile: async (path, flags, mode) => {
      const file = await open(path, flags, mode)
      const read = async (bytes: Buffer, offset: number, length: number, position: number) => {
        const answer = await file.read(bytes, offset, length, position)
        await onRead()
        return answer
      }
      return new Proxy(file, {
        get: (target, name) => {
          if (name === 'read') return read
          const member: unknown = Reflect.get(target, name)
          return typeof member === 'function' ? member.bind(target) : member
        },
      })
    },
    hold: () => {
      const { promise: held, resolve: release } = withResolvers()
      const { promise: reading, resolve: started } = withResolvers()
      onRead = () => {
        started()
        return held
      }
      return {
        reading,
        release: () => {
          onRead = async () => undefined
          release()
        },
      }
    },
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

test('a key that is destroyed while it is read to be wrapped anew does not come back', async (t) => {
  const rig = await startRig(t)
  const [who, other] = TENANTS
  assert.ok(who && other)
  const disk = holdable()
  await rig.reopen({ openFile: disk.openFile })
  const person = await rig.store.sealingKey(who, 'sub_1')
  await rig.store.sealingKey(who, 'sub_2')
  await rig.store.rotateTenant(who)
  const first = disk.hold()
  const retiring = rig.store.retireOldTenantKeys(who, never)
  await first.reading
  await rig.store.destroySubject(who, 'sub_1')
  first.release()
  assert.equal((await retiring).rewrapped, 1)

  const own = await rig.store.sealingKey(other)
  const second = disk.hold()
  const wrapping = rig.store.rotateKek(never)
  await second.reading
  await rig.store.destroyTenant(other)
  second.release()
  await wrapping

  for (const restarted of [false, true]) {
    const store = restarted ? await rig.reopen() : rig.store
    assert.equal(foundIn(rig.dir, person.id), false)
    assert.equal(foundIn(rig.dir, own.id), false)
    assert.throws(() => store.sealingKey(who, 'sub_1'), withCode('erased'))
    assert.throws(() => store.sealingKey(other), withCode('erased'))
    isKey(await store.sealingKey(who, 'sub_2'))
    assert.deepEqual(store.status().damaged, [])
  }
})

test('a key that is destroyed while somebody loads it is answered as erased and stays out of memory', async (t) => {
  const rig = await startRig(t)
  const [who] = TENANTS
  assert.ok(who)
  const { id } = await rig.store.sealingKey(who, 'sub_1')
  const disk = holdable()
  await rig.reopen({ openFile: disk.openFile })
  await rig.store.sealingKey(who)
  const held = disk.hold()
  const sealing = Promise.resolve(rig.store.sealingKey(who, 'sub_1'))
  const refused = assert.rejects(sealing, withCode('erased'))
  const opening = rig.store.openingKey(who, 'sub_1', id)
  await held.reading
  const { at } = await rig.store.destroySubject(who, 'sub_1')
  held.release()
  await refused
  assert.deepEqual(await opening, { s: 'erased', at })
  assert.equal(rig.store.status().inMemory, 1)
})

test('everything at once: minting, rotating, retiring, re-wrapping and destroying do not disturb each other', async (t) => {
  const rig = await startRig(t)
  const who = TENANTS[0]
  assert.ok(who)
  await rig.reopen({ maxKeysInMemory: 20 })
  const secrets = new Map<string, { id: Uint8Array; secret: string }>()
  const seal = async (subject: string) => {
    const { id, secret } = await rig.store.sealingKey(who, subject)
    secrets.set(subject, { id, secret: hex(secret) })
  }
  const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `sub_${from + i}`)
  await Promise.all(names(0, 300).map(seal))
  for (let round = 0; round < 4; round++) {
    await rig.store.rotateTenant(who)
    const doomed = names(round * 50, round * 50 + 50)
    await Promise.all([
      rig.store.retireOldTenantKeys(who, never),
      rig.store.rotateKek(never),
      ...names(300 + round * 100, 400 + round * 100).map(seal),
      ...doomed.map((subject) => rig.store.destroySubject(who, subject)),
      ...names(250, 300).map(seal),
    ])
  }
  for (const restarted of [false, true]) {
    const store = restarted ? await rig.reopen() : rig.store
    assert.deepEqual(store.status().damaged, [])
    for (const [subject, { id, secret }] of secrets) {
      const opened = await store.openingKey(who, subject, id)
      if (Number(subject.slice(4)) < 200) {
        assert.ok('s' in opened)
        assert.equal(foundIn(rig.dir, id), false)
      } else {
        isKey(opened)
        assert.equal(hex(opened.secret), secret)
      }
    }
  }
})
