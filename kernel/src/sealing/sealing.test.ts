import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { YizhanError } from '../errors.js'
import { asTenantId, type TenantId } from '../ids.js'
import { createSealer, openOne, plainSealer, type SealContext, type Sealer, sealOne } from './index.js'
import { TestKeyring } from './testing/test-keyring.js'

function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

const context: SealContext = { tenant: tenant('acme'), collection: 'turns', key: 'k1', version: 3 }
const value = Buffer.from('the quick brown fox, 敏捷的棕狐')

const keyring = new TestKeyring()
const SEALERS: readonly Sealer[] = [
  plainSealer,
  createSealer({ keyring }),
  createSealer({ keyring, algorithm: 'aes-256-gcm' }),
  createSealer({ keyring: new TestKeyring({ slow: true }) }),
  // Only the tag keeps places apart where one key seals all.
  createSealer({ keyring: new TestKeyring({ shared: true }) }),
  createSealer({ keyring: new TestKeyring({ shared: true }), algorithm: 'aes-256-gcm' }),
]

/** Fails to open; a key id that no key has may be known as such. */
const refuses = (thrown: unknown) =>
  thrown instanceof YizhanError && (thrown.code === 'data_corrupt' || thrown.code === 'key_unknown')

for (const [number, sealer] of SEALERS.entries()) {
  suite(`every sealer (${sealer.id}, ${number})`, () => {
    test('every single flipped bit of a sealed value is found', async () => {
      const sealed = await sealOne(sealer, value, context)
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const flipped = Uint8Array.from(sealed)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        await assert.rejects(openOne(sealer, flipped, context), refuses, `bit ${bit}`)
      }
    })

    test('a value cut short anywhere, or grown, is found', async () => {
      const sealed = await sealOne(sealer, value, context)
      for (let length = 0; length < sealed.length; length++) {
        await assert.rejects(openOne(sealer, sealed.subarray(0, length), context), refuses, `${length} bytes`)
      }
      await assert.rejects(openOne(sealer, Buffer.concat([sealed, Uint8Array.of(0)]), context), refuses)
      await assert.rejects(openOne(sealer, new Uint8Array(0), context), refuses)
    })

    test('a value under any other tenant, collection, key, version or subject does not open', async () => {
      const sealed = await sealOne(sealer, value, context)
      const others: SealContext[] = [
        { ...context, tenant: tenant('acme2') },
        { ...context, tenant: null },
        { ...context, collection: 'turnsk', key: '1' },
        { ...context, collection: 'turn', key: 'sk1' },
        { ...context, collection: 'turns"', key: 'k1' },
        { ...context, key: 'k2' },
        { ...context, version: 4 },
        { ...context, version: 3 + 2 ** 40 },
        { ...context, subject: 's1' },
        { ...context, subject: '' },
      ]
      for (const other of others) {
        await assert.rejects(openOne(sealer, sealed, other), refuses, JSON.stringify(other))
      }
    })

    test('what was sealed opens, also an empty value, a view and one without a tenant', async () => {
      const system: SealContext = { tenant: null, collection: 'ca', key: '根证书', version: 1, subject: 's' }
      const long: SealContext = { ...context, key: 'k'.repeat(5_000), version: Number.MAX_SAFE_INTEGER }
      for (const place of [context, system, long]) {
        for (const length of [0, 1, 15, 16, 17, 4_096, 70_000]) {
          const plain = Buffer.alloc(length + 3, 7).subarray(3)
          const sealed = await sealOne(sealer, plain, place)
          const stored = Buffer.concat([Uint8Array.of(1, 2, 3), sealed]).subarray(3)
          assert.deepEqual(Buffer.from((await openOne(sealer, stored, place)) ?? []), plain)
        }
        const none = await sealOne(sealer, new Uint8Array(new ArrayBuffer(0)), place)
        assert.equal((await openOne(sealer, none, place))?.length, 0)
      }
    })

    test('a batch is answered in its order, and one damaged value is named by its index', async () => {
      const batch = Array.from({ length: 2_000 }, (_, i) => ({
        plain: Buffer.from(`value ${i} `.repeat(i % 40)),
        context: {
          ...context,
          tenant: i % 3 ? tenant(`t${i % 7}`) : null,
          key: `k${i}`,
          ...(i % 2 ? { subject: `s${i % 5}` } : {}),
        },
      }))
      const sealed = await sealer.sealAll(batch)
      const stored = batch.map((item, i) => ({
        sealed: sealed[i] ?? new Uint8Array(0),
        context: item.context,
      }))
      const opened = await sealer.openAll(stored)
      assert.deepEqual(
        opened.map((one) => (one.s === 'open' ? Buffer.from(one.plain) : one)),
        batch.map(({ plain }) => plain),
      )
      const last = stored[1_234]?.sealed
      assert.ok(last)
      last[last.length - 1] = (last.at(-1) ?? 0) ^ 1
      await assert.rejects(sealer.openAll(stored), (thrown) => {
        assert.ok(thrown instanceof YizhanError)
        assert.equal(thrown.code, 'data_corrupt')
        assert.deepEqual(thrown.details, { index: 1_234, collection: 'turns', version: 3 })
        return true
      })
      assert.deepEqual(await sealer.sealAll([]), [])
      assert.deepEqual(await sealer.openAll([]), [])
    })

    test('an error about a damaged value names neither its key nor its content', async () => {
      const place = { ...context, key: 'person-42', subject: 'subject-42' }
      const sealed = Uint8Array.from(await sealOne(sealer, Buffer.from('content-42'), place))
      sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1
      await assert.rejects(openOne(sealer, sealed, place), (thrown) => {
        assert.ok(thrown instanceof YizhanError)
        assert.doesNotMatch(JSON.stringify([thrown.message, thrown.details, thrown.hint]), /42/)
        return true
      })
    })
  })
}
