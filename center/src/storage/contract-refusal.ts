import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { acme, audit, code, openedStorage, type PlaceOf, put } from './contract-place.js'
import type { AuditEntry, Change, IndexTerm, ScanOptions } from './port.js'

/** Bad arguments: a typed error, and nothing is written. */
export function refusalContract(engine: string, place: PlaceOf): void {
  for (const [what, change, expected] of BAD_CHANGES) {
    test(`${engine}: ${what} is refused with ${expected}, and nothing is written`, async (t) => {
      const { store, system } = await openedStorage(t, place)
      await assert.rejects(store.batch(acme, [put('good', '1'), change], audit), code(expected))
      await assert.rejects(system.batch([put('good', '1'), change]), code(expected))
      assert.equal(await store.get(acme, 'things', 'good'), undefined)
      assert.equal(await system.get('things', 'good'), undefined)
      assert.deepEqual((await store.audit(acme)).entries, [])
    })
  }

  for (const [what, entry, expected] of BAD_ENTRIES) {
    test(`${engine}: an audit entry with ${what} is refused with ${expected}, and nothing is written`, async (t) => {
      const { store } = await openedStorage(t, place)
      await assert.rejects(store.batch(acme, [put('good', '1')], { ...audit, ...entry }), code(expected))
      assert.equal(await store.get(acme, 'things', 'good'), undefined)
      assert.deepEqual((await store.audit(acme)).entries, [])
    })
  }

  for (const [what, options] of BAD_SCANS) {
    test(`${engine}: a scan with ${what} is refused`, async (t) => {
      const { store, system } = await openedStorage(t, place)
      await assert.rejects(store.scan(acme, 'things', options), code('invalid_argument'))
      await assert.rejects(system.scan('things', options), code('invalid_argument'))
    })
  }

  test(`${engine}: other bad reads are refused`, async (t) => {
    const { store, system } = await openedStorage(t, place)
    const refused = code('invalid_argument')
    await assert.rejects(store.get(acme, 'things', ''), refused)
    await assert.rejects(store.get(acme, 'no/slash', 'k'), refused)
    await assert.rejects(system.get('things', 'a\0b'), refused)
    await assert.rejects(store.scan(acme, '$audit'), refused)
    await assert.rejects(store.getMany(acme, 'things', ['k', '']), refused)
    await assert.rejects(store.getMany(acme, 'no/slash', ['k']), refused)
    await assert.rejects(store.getMany(acme, 'things', new Array<string>(1_001).fill('k')), refused)
    for (const from of [0, -1, 1.5]) await assert.rejects(store.audit(acme, { from }), refused)
    for (const limit of [0, 1_001]) {
      await assert.rejects(store.audit(acme, { limit }), refused)
      await assert.rejects(store.places(acme, { subject: 's' }, { limit }), refused)
    }
    await assert.rejects(store.places(acme, { subject: '' }), refused)
    await assert.rejects(store.places(acme, { subject: 'a\0b' }), refused)
    await assert.rejects(store.places(acme, { expiredBefore: 0.5 }), refused)
  })

  test(`${engine}: a batch of more than 32 MiB is too large, and nothing is written`, async (t) => {
    const { store } = await openedStorage(t, place)
    const value = new Uint8Array(1024 * 1024)
    const changes = Array.from({ length: 33 }, (_, i) => put(String(i), '', { value }))
    await assert.rejects(store.batch(acme, changes, audit), code('too_large'))
    assert.deepEqual((await store.scan(acme, 'things')).records, [])
  })

  test(`${engine}: an error names neither key nor value`, async (t) => {
    const { store } = await openedStorage(t, place)
    const secret = `person-42${'x'.repeat(600)}`
    for (const change of [put(secret, 'v'), put('k', 'v', { subject: secret })]) {
      const thrown = await store.batch(acme, [change], audit).catch((error: unknown) => error)
      assert.ok(thrown instanceof YizhanError)
      assert.ok(!JSON.stringify([thrown.message, thrown.details]).includes('person-42'))
    }
  })
}

function manyTerms(count: number): IndexTerm[] {
  return Array.from({ length: count }, (_, i) => ({ name: 'by', value: String(i) }))
}

const BAD_CHANGES: readonly (readonly [string, Change, string])[] = [
  ['an empty key', put('', 'v'), 'invalid_argument'],
  ['a key with a NUL', put('a\0b', 'v'), 'invalid_argument'],
  ['a key of 513 bytes', put('k'.repeat(513), 'v'), 'invalid_argument'],
  ['a key of 171 characters and 513 bytes', put('键'.repeat(171), 'v'), 'invalid_argument'],
  ['a key with half a character', put('a\ud800', 'v'), 'invalid_argument'],
  ['a collection with a NUL', put('k', 'v', { collection: 'a\0b' }), 'invalid_argument'],
  ['an empty collection', put('k', 'v', { collection: '' }), 'invalid_argument'],
  ["the audit's own collection", put('k', 'v', { collection: '$audit' }), 'invalid_argument'],
  ['an empty subject', put('k', 'v', { subject: '' }), 'invalid_argument'],
  ['a negative version', put('k', 'v', { expectedVersion: -1 }), 'invalid_argument'],
  ['half a version', put('k', 'v', { expectedVersion: 0.5 }), 'invalid_argument'],
  ['a value over 1 MiB', put('k', '', { value: new Uint8Array(1024 * 1024 + 1) }), 'too_large'],
  ['a subject of 256 bytes', put('k', 'v', { subject: 's'.repeat(256) }), 'invalid_argument'],
  ['an expiry before the epoch', put('k', 'v', { expiresAt: -1 }), 'invalid_argument'],
  ['half a millisecond of expiry', put('k', 'v', { expiresAt: 1.5 }), 'invalid_argument'],
  ['17 index terms', put('k', 'v', { terms: manyTerms(17) }), 'invalid_argument'],
  ['an index term twice', put('k', 'v', { terms: [...manyTerms(1), ...manyTerms(1)] }), 'invalid_argument'],
  ['an index term without a name', put('k', 'v', { terms: [{ name: '', value: 'x' }] }), 'invalid_argument'],
  ['an index term with a NUL', put('k', 'v', { terms: [{ name: 'by', value: 'a\0b' }] }), 'invalid_argument'],
  [
    'an index term of 257 bytes',
    put('k', 'v', { terms: [{ name: 'by', value: 'x'.repeat(257) }] }),
    'invalid_argument',
  ],
]

const BAD_ENTRIES: readonly (readonly [string, Partial<AuditEntry>, string])[] = [
  ['no actor', { actor: '' }, 'invalid_argument'],
  ['an actor of 257 bytes', { actor: 'a'.repeat(257) }, 'invalid_argument'],
  ['an object with a NUL', { object: 'a\0b' }, 'invalid_argument'],
  ['half a millisecond', { time: 0.5 }, 'invalid_argument'],
  ['an empty request id', { requestId: '' }, 'invalid_argument'],
  ['a request id of 129 bytes', { requestId: 'r'.repeat(129) }, 'invalid_argument'],
  ['an empty subject', { subject: '' }, 'invalid_argument'],
  ['a snapshot over 1 MiB', { after: new Uint8Array(1024 * 1024 + 1) }, 'too_large'],
]

const BAD_SCANS: readonly (readonly [string, ScanOptions])[] = [
  ['a limit of 0', { limit: 0 }],
  ['a limit of 1,001', { limit: 1_001 }],
  ['half a limit', { limit: 1.5 }],
  ['no number as its limit', { limit: Number.NaN }],
  ['a prefix with a NUL', { prefix: 'a\0' }],
  ['a start of 513 bytes', { from: 'k'.repeat(513) }],
  ['an end with half a character', { to: 'a\ud800' }],
  ['an index and a prefix', { index: { name: 'by' }, prefix: 'a' }],
  ['an exact value and bounds', { index: { name: 'by', value: 'x' }, from: 'a' }],
  ['an index without a name', { index: { name: '' } }],
  ['an index value with a NUL', { index: { name: 'by', value: 'a\0b' } }],
]
