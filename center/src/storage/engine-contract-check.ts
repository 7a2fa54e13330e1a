import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acme, bytes, put, remove, tenant } from './contract-place.js'
import {
  auditRow,
  type EnginePlaceOf,
  HEAD,
  never,
  type OpenedEngine,
  openedEngine,
  problems,
  RotatingSealer,
  type RowPlace,
  record,
  write,
} from './engine-place.js'

const other = tenant('acme-2')
const open = { name: 'state', value: 'open' }

/** Ten records and five audit entries of acme's, and as many of a neighbour's. */
async function filled(where: OpenedEngine): Promise<OpenedEngine> {
  for (const scope of [acme, other]) {
    for (let i = 0; i < 5; i++) {
      const changes = [put(`a${i}`, `${scope} ${i}`, { terms: [open] }), put(`b${i}`, 'x', { subject: 's1' })]
      await write(where.engine, scope, changes, { time: i, after: bytes(`${scope} ${i}`), subject: 's1' })
    }
  }
  return where
}

/** Damage of every kind, each found by `check` and by nothing that it is not. */
export function checkContract(name: string, place: EnginePlaceOf): void {
  for (const [what, harm, expected] of DAMAGE) {
    test(`${name}: a check finds ${what}`, async (t) => {
      const where = await filled(await openedEngine(t, place))
      assert.deepEqual(await problems(where.engine, acme), [])
      await harm(where)
      assert.deepEqual(await problems(where.engine, acme), expected.toSorted())
      assert.deepEqual(await problems(where.engine, other), [])
    })
  }

  for (const [what, at] of [
    ['a record', record('a3')],
    ['an audit entry', auditRow(3)],
    ['the head', HEAD],
  ] as const) {
    test(`${name}: a check finds every flipped bit of ${what}`, async (t) => {
      const where = await openedEngine(t, place)
      for (let i = 0; i < 5; i++) await write(where.engine, acme, [put(`a${i}`, 'v')], { actor: 'u' })
      const stored = await read(where, at)
      // Every byte, a bit that wanders.
      for (let i = 0; i < stored.length; i++) {
        await where.tamper.write(acme, at, flipped(stored, i, i % 8))
        assert.notDeepEqual(await problems(where.engine, acme), [], `byte ${i}`)
      }
      await where.tamper.write(acme, at, stored)
      assert.deepEqual(await problems(where.engine, acme), [])
    })
  }

  test(`${name}: a check counts what it read, and an empty scope is no problem`, async (t) => {
    const { engine } = await filled(await openedEngine(t, place))
    const sound = { problems: [], problemCount: 0 }
    assert.deepEqual(await engine.check(acme, never), { records: 10, auditEntries: 5, ...sound })
    assert.deepEqual(await engine.check(tenant('nobody'), never), { records: 0, auditEntries: 0, ...sound })
    await write(engine, null, [put('k', 'v', { terms: [open] })])
    assert.deepEqual(await engine.check(null, never), { records: 1, auditEntries: 0, ...sound })
    await assert.rejects(engine.check(acme, AbortSignal.abort(new Error('stop'))), /stop/)
  })

  test(`${name}: a check beside writes sees one moment, and finds nothing`, async (t) => {
    const { engine } = await filled(await openedEngine(t, place))
    const writing = (async () => {
      for (let i = 0; i < 60; i++) {
        await write(engine, acme, [put(`w${i % 7}`, String(i), { terms: [open] }), remove(`w${(i + 3) % 7}`)])
      }
    })()
    for (let i = 0; i < 5; i++) assert.deepEqual(await problems(engine, acme), [])
    await writing
    assert.deepEqual(await problems(engine, acme), [])
  })

  test(`${name}: an erasure is no damage, and a lost key is`, async (t) => {
    const sealer = new RotatingSealer()
    const { engine } = await filled(await openedEngine(t, place, sealer))
    sealer.erased.add('s1')
    assert.deepEqual(await problems(engine, acme), [])
    sealer.rotate()
    sealer.retire()
    const found = await problems(engine, acme)
    assert.ok(found.includes('record_damaged things a0'))
    assert.ok(found.includes('head_damaged'))
    assert.ok(found.includes('audit_damaged 1'))
    assert.ok(!found.includes('record_damaged things b0'))
  })
}

type Harm = (where: OpenedEngine) => Promise<void>

const DAMAGE: readonly (readonly [string, Harm, readonly string[]])[] = [
  [
    'a flipped bit in a value',
    (where) => flip(where, record('a3')),
    ['record_damaged things a3', 'digest_differs'],
  ],
  [
    'a record cut short',
    async (where) => where.tamper.write(acme, record('b3'), (await read(where, record('b3'))).subarray(0, 5)),
    ['record_damaged things b3', 'digest_differs'],
  ],
  [
    'a record that vanished',
    async ({ tamper }) => {
      await tamper.write(acme, record('a3'), undefined)
      await tamper.term(acme, 'things', 'a3', open, false)
    },
    ['count_differs', 'digest_differs'],
  ],
  [
    'an older version that was put back',
    async (where) => {
      const old = await read(where, record('a3'))
      await write(where.engine, acme, [put('a3', 'newer', { terms: [open] })])
      await where.tamper.write(acme, record('a3'), old)
    },
    ['digest_differs'],
  ],
  [
    'a deleted record that was put back',
    async (where) => {
      const old = await read(where, record('a3'))
      await write(where.engine, acme, [remove('a3')])
      await where.tamper.write(acme, record('a3'), old)
      await where.tamper.term(acme, 'things', 'a3', open, true)
    },
    ['count_differs', 'digest_differs'],
  ],
  [
    'a record that was copied to another key',
    async (where) => {
      await where.tamper.write(acme, record('a9'), await read(where, record('a3')))
      await where.tamper.term(acme, 'things', 'a9', open, true)
    },
    ['record_damaged things a9', 'count_differs', 'digest_differs'],
  ],
  [
    "another tenant's record under this one's key",
    async (where) => {
      const theirs = (await where.tamper.read(other, record('a3'))) ?? assert.fail()
      await where.tamper.write(acme, record('a3'), theirs)
    },
    ['record_damaged things a3', 'digest_differs'],
  ],
  [
    'two records that were exchanged',
    async (where) => {
      const [a, b] = [await read(where, record('a1')), await read(where, record('a2'))]
      await where.tamper.write(acme, record('a1'), b)
      await where.tamper.write(acme, record('a2'), a)
    },
    ['record_damaged things a1', 'record_damaged things a2'],
  ],
  [
    'an index entry that is missing',
    ({ tamper }) => tamper.term(acme, 'things', 'a3', open, false),
    ['index_differs things a3'],
  ],
  [
    'an index entry of a value that the record does not have',
    ({ tamper }) => tamper.term(acme, 'things', 'a3', { name: 'state', value: 'shut' }, true),
    ['index_differs things a3'],
  ],
  [
    'an index entry of a record that is not there',
    ({ tamper }) => tamper.term(acme, 'things', 'a9', open, true),
    ['index_differs things a9'],
  ],
  [
    'an index entry in the place of another',
    async ({ tamper }) => {
      await tamper.term(acme, 'things', 'a1', open, false)
      await tamper.term(acme, 'things', 'a9', open, true)
    },
    ['index_differs things a1', 'index_differs things a9'],
  ],
  [
    'a flipped bit in an audit entry',
    (where) => flip(where, auditRow(3)),
    ['chain_broken 4', 'audit_damaged 3'],
  ],
  [
    'a flipped bit in the last audit entry',
    (where) => flip(where, auditRow(5)),
    ['audit_damaged 5', 'chain_broken 5'],
  ],
  [
    'an audit entry that is missing in the middle',
    ({ tamper }) => tamper.write(acme, auditRow(3), undefined),
    ['audit_missing 3'],
  ],
  [
    'the first audit entries missing',
    async ({ tamper }) => {
      await tamper.write(acme, auditRow(1), undefined)
      await tamper.write(acme, auditRow(2), undefined)
    },
    ['audit_missing 1'],
  ],
  [
    'the last audit entries missing',
    async ({ tamper }) => {
      await tamper.write(acme, auditRow(4), undefined)
      await tamper.write(acme, auditRow(5), undefined)
    },
    ['audit_missing 4'],
  ],
  [
    'an audit that is gone whole',
    async ({ tamper }) => {
      for (let i = 1; i <= 5; i++) await tamper.write(acme, auditRow(i), undefined)
    },
    ['audit_missing 1'],
  ],
  [
    'an audit entry behind the last',
    async (where) => where.tamper.write(acme, auditRow(6), await read(where, auditRow(5))),
    ['chain_broken 6', 'audit_damaged 6', 'chain_broken 6'],
  ],
  ['a flipped bit in the head', (where) => flip(where, HEAD), ['head_damaged']],
  ['a head that is missing', ({ tamper }) => tamper.write(acme, HEAD, undefined), ['head_damaged']],
  [
    'a head of an earlier time',
    async (where) => {
      const old = await read(where, HEAD)
      await write(where.engine, acme, [put('c', 'new')])
      await where.tamper.write(acme, HEAD, old)
    },
    ['count_differs', 'digest_differs', 'chain_broken 6'],
  ],
  [
    "a neighbour's head",
    async (where) => where.tamper.write(acme, HEAD, await where.tamper.read(other, HEAD)),
    ['head_damaged'],
  ],
]

async function read({ tamper }: OpenedEngine, at: RowPlace): Promise<Uint8Array> {
  return (await tamper.read(acme, at)) ?? assert.fail('nothing to tamper with')
}

async function flip(where: OpenedEngine, at: RowPlace): Promise<void> {
  const stored = await read(where, at)
  await where.tamper.write(acme, at, flipped(stored, stored.length - 1, 0))
}

function flipped(stored: Uint8Array, at: number, bit: number): Uint8Array {
  return Uint8Array.from(stored, (byte, i) => (i === at ? byte ^ (1 << bit) : byte))
}
