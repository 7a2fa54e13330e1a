import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type ErrorCode, YizhanError } from '../errors.js'
import { asTenantId } from '../ids.js'
import {
  createSealer,
  type Keyring,
  openOne,
  plainSealer,
  type SealContext,
  type SealerOptions,
  sealOne,
} from './index.js'
import { TestKeyring } from './testing/test-keyring.js'

const acme = asTenantId('acme') ?? null
const context: SealContext = { tenant: acme, collection: 'turns', key: 'k1', version: 3 }
const personal: SealContext = { ...context, subject: 's1' }
const value = Buffer.from('the quick brown fox, 敏捷的棕狐')
const sealer = (keyring: Keyring, more: Partial<SealerOptions> = {}) => createSealer({ keyring, ...more })

function fails(code: ErrorCode, index = 0) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError)
    assert.deepEqual([thrown.code, thrown.details.index, thrown.details.collection], [code, index, 'turns'])
    return true
  }
}

for (const algorithm of ['sm4', 'aes-256-gcm'] as const) {
  suite(algorithm, () => {
    const given = (keyring: Keyring, more = {}) => sealer(keyring, { algorithm, ...more })

    test('a value sealed twice is never the same, and nothing is enciphered twice by one counter block', async () => {
      const sealing = given(new TestKeyring())
      const blocks = new Set<bigint>()
      const seen = new Set<string>()
      const end = algorithm === 'sm4' ? 25 : 21
      for (let round = 0; round < 100; round++) {
        const batch = Array.from({ length: 1 + (round % 40) }, (_, i) => ({
          plain: Buffer.alloc(round * 3 + (i % 17)),
          context,
        }))
        for (const [i, sealed] of (await sealing.sealAll(batch)).entries()) {
          const bytes = Buffer.from(sealed)
          seen.add(bytes.subarray(end).toString('hex'))
          const nonce = BigInt(`0x${bytes.subarray(9, end).toString('hex')}`)
          // GCM counts in 32 bits of its own after the nonce.
          const used = algorithm === 'sm4' ? Math.max(1, Math.ceil((batch[i]?.plain.length ?? 0) / 16)) : 1
          for (let block = 0; block < used; block++) {
            const counter = BigInt.asUintN(128, nonce + BigInt(block))
            assert.ok(!blocks.has(counter), `round ${round}, value ${i}, block ${block}`)
            blocks.add(counter)
          }
        }
      }
      assert.equal(seen.size, 1_850)
    })

    test('an erased person’s values are an outcome when they are read, and an error when one is written', async () => {
      const keyring = new TestKeyring()
      const sealing = given(keyring)
      const sealed = await sealOne(sealing, value, personal)
      const other = await sealOne(sealing, value, context)
      keyring.erased.set('s1', 77)
      assert.deepEqual(
        (
          await sealing.openAll([
            { sealed, context: personal },
            { sealed: other, context },
          ])
        ).map((one) => (one.s === 'open' ? Buffer.from(one.plain) : one)),
        [{ s: 'erased', at: 77 }, value],
      )
      assert.equal(await openOne(sealing, sealed, personal), undefined)
      const batch = [
        { plain: value, context },
        { plain: value, context: personal },
      ]
      await assert.rejects(sealing.sealAll(batch), fails('erased', 1))
    })

    test('a key that the ring does not know is told apart from damage', async () => {
      const keyring = new TestKeyring()
      keyring.renew(acme)
      const sealed = await sealOne(given(keyring), value, context)
      for (const slow of [false, true]) {
        const other = given(new TestKeyring({ slow }))
        const fine = await sealOne(other, value, context)
        await assert.rejects(
          other.openAll([
            { sealed: fine, context },
            { sealed, context },
          ]),
          fails('key_unknown', 1),
        )
      }
    })

    test('a wrong key under the right id opens nothing', async () => {
      const sealed = await sealOne(given(new TestKeyring()), value, context)
      const spoilt = new TestKeyring()
      spoilt.spoil(acme)
      await assert.rejects(openOne(given(spoilt), sealed, context), fails('data_corrupt'))
    })

    test('after a new key the old values still open', async () => {
      const keyring = new TestKeyring()
      const sealing = given(keyring)
      const before = await sealOne(sealing, value, context)
      keyring.renew(acme)
      const after = await sealOne(sealing, value, context)
      assert.notDeepEqual(before.subarray(1, 9), after.subarray(1, 9))
      for (const sealed of [before, after]) {
        assert.deepEqual(Buffer.from((await openOne(sealing, sealed, context)) ?? []), value)
      }
    })

    test('a plain value in a sealed store does not open', async () => {
      const plain = await sealOne(plainSealer, value, context)
      await assert.rejects(openOne(given(new TestKeyring()), plain, context), fails('data_corrupt'))
    })

    test('nothing of the value is left in its sealed form', async () => {
      const secret = Buffer.from('SECRET-0123456789')
      const sealed = await given(new TestKeyring()).sealAll(
        Array.from({ length: 50 }, (_, i) => ({
          plain: Buffer.concat([Buffer.alloc(i), secret]),
          context: { ...context, key: 'KEY-0123456789' },
        })),
      )
      for (const one of sealed) {
        for (const word of [secret.subarray(0, 6), 'KEY-', 'acme', 'turns'])
          assert.ok(!Buffer.from(one).includes(word))
      }
    })

    test('half a surrogate pair in a place is refused, as two of them would be one place', async () => {
      const sealing = given(new TestKeyring())
      const batch = ['good 😀', 'half \ud83d'].map((key) => ({ plain: value, context: { ...context, key } }))
      await assert.rejects(sealing.sealAll(batch), fails('invalid_argument', 1))
    })

    test('a new key is asked for after so many values on average, large ones count for more', async () => {
      const asked: unknown[] = []
      let random = 0
      const sealing = given(new TestKeyring(), {
        wornAfter: 100,
        random: () => random,
        onWorn: (...whose: unknown[]) => asked.push(whose),
      })
      for (random = 0; random < 1; random += 0.002) await sealOne(sealing, value, personal)
      assert.deepEqual(asked.splice(0), Array(5).fill([acme, 's1']))
      for (random = 0; random < 1; random += 0.05) await sealOne(sealing, Buffer.alloc(20 * 65_536), context)
      assert.deepEqual(asked, Array(5).fill([acme, undefined]))
    })
  })
}

test('values of both algorithms lie in one store, whichever seals now', async () => {
  const keyring = new TestKeyring()
  const sm4 = sealer(keyring)
  const gcm = sealer(keyring, { algorithm: 'aes-256-gcm' })
  const stored = [
    { sealed: await sealOne(sm4, value, context), context },
    { sealed: await sealOne(gcm, value, context), context },
  ]
  for (const opener of [sm4, gcm]) {
    for (const one of await opener.openAll(stored)) {
      assert.deepEqual(one.s === 'open' && Buffer.from(one.plain), value)
    }
  }
})

test('a key’s bytes are not used by the two algorithms alike', async () => {
  const keyring = new TestKeyring()
  const sealed = await sealOne(sealer(keyring), Buffer.alloc(64), context)
  // Made into the other format it is only damaged.
  sealed[0] = 2
  await assert.rejects(openOne(sealer(keyring), sealed, context), fails('data_corrupt'))
})

test('a ring that gives something that is no key is found out before anything is sealed', async () => {
  const bad: Keyring = {
    sealingKey: () => ({ id: new Uint8Array(8), secret: new Uint8Array(16) }),
    openingKey: () => ({ id: new Uint8Array(8), secret: new Uint8Array(16) }),
  }
  await assert.rejects(
    sealOne(sealer(bad), value, context),
    (thrown) => thrown instanceof YizhanError && thrown.code === 'internal',
  )
})

test('a large batch lets the event loop have its turns', async () => {
  const batch = Array.from({ length: 400 }, () => ({ plain: Buffer.alloc(4_096), context }))
  let turns = 0
  const counting = setInterval(() => turns++, 0)
  const sealing = sealer(new TestKeyring())
  const sealed = await sealing.sealAll(batch)
  await sealing.openAll(sealed.map((one) => ({ sealed: one, context })))
  clearInterval(counting)
  assert.ok(turns >= 6, `${turns} turns`)
})
