import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '../errors.js'
import { asTenantId, type TenantId } from '../ids.js'
import { openAny, plainSealer, type SealContext, type Sealer, sealAll } from './index.js'

function tenant(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

const context: SealContext = { tenant: tenant('acme'), collection: 'turns', key: 'k1', version: 3 }
const value = Buffer.from('the quick brown fox, 敏捷的棕狐')
const corrupt = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'data_corrupt'

test('every single flipped bit of a sealed value is found', () => {
  const sealed = plainSealer.seal(value, context)
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Uint8Array.from(sealed)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.throws(() => plainSealer.open(flipped, context), corrupt, `bit ${bit}`)
  }
})

test('a value cut short anywhere, or grown, is found', () => {
  const sealed = plainSealer.seal(value, context)
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => plainSealer.open(sealed.subarray(0, length), context), corrupt)
  }
  assert.throws(() => plainSealer.open(Buffer.concat([sealed, Uint8Array.of(0)]), context), corrupt)
})

test('a value under any other tenant, collection, key, version or subject does not open', () => {
  const sealed = plainSealer.seal(value, context)
  const others: SealContext[] = [
    { ...context, tenant: tenant('acme2') },
    { ...context, tenant: null },
    { ...context, collection: 'turnsk', key: '1' },
    { ...context, collection: 'turns"', key: 'k1' },
    { ...context, key: 'k2' },
    { ...context, version: 4 },
    { ...context, subject: 's1' },
  ]
  for (const other of others) assert.throws(() => plainSealer.open(sealed, other), corrupt)
})

test('what was sealed opens, also an empty value, a view and one without a tenant', () => {
  const system: SealContext = { tenant: null, collection: 'ca', key: 'root', version: 1, subject: 's' }
  for (const place of [context, system]) {
    for (const plain of [value, new Uint8Array(0), new Uint8Array(70_000).fill(7)]) {
      const stored = Buffer.concat([Uint8Array.of(1, 2, 3), plainSealer.seal(plain, place)]).subarray(3)
      assert.deepEqual(Buffer.from(plainSealer.open(stored, place)), Buffer.from(plain))
    }
  }
})

test('an error about a damaged value names neither its key nor its content', () => {
  const sealed = Uint8Array.from(plainSealer.seal(value, { ...context, key: 'person-42' }))
  sealed[9] = (sealed[9] ?? 0) ^ 1
  assert.throws(
    () => plainSealer.open(sealed, { ...context, key: 'person-42' }),
    (thrown) =>
      thrown instanceof YizhanError && !JSON.stringify([thrown.message, thrown.details]).includes('person'),
  )
})

/** A second format, as a later sealer would bring one. */
const reversing: Sealer = {
  id: 'reversing',
  format: 9,
  seal: (plain) => Uint8Array.of(9, ...Uint8Array.from(plain).reverse()),
  open: (sealed) => Uint8Array.from(sealed.subarray(1)).reverse(),
}

test('values of several sealers in one store each open by their format byte', () => {
  const store = openAny([plainSealer, reversing])
  for (const sealer of [plainSealer, reversing]) {
    assert.deepEqual(Buffer.from(store.open(sealer.seal(value, context), context)), value)
  }
})

test('an unknown format byte and an empty value are corrupt data', () => {
  const store = openAny([plainSealer])
  assert.throws(() => store.open(reversing.seal(value, context), context), corrupt)
  assert.throws(() => store.open(new Uint8Array(0), context), corrupt)
})

test('two sealers with one format byte cannot be told apart and are refused', () => {
  assert.throws(() => openAny([plainSealer, { ...reversing, format: 0 }]), /share a format byte/)
})

test('a batch is sealed in order', () => {
  const batch = ['a', 'b', 'c'].map((key) => ({ plain: Buffer.from(key), context: { ...context, key } }))
  const sealed = sealAll(plainSealer, batch)
  assert.deepEqual(
    sealed.map((bytes, i) => Buffer.from(plainSealer.open(bytes, batch[i]?.context ?? context)).toString()),
    ['a', 'b', 'c'],
  )
})
