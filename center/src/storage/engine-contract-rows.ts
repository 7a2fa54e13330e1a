import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acme, bytes, code, put, remove, tenant, text } from './contract-place.js'
import type { RecordEngine, Row, Scope } from './engine.js'
import {
  allRows,
  type EnginePlaceOf,
  HEAD,
  never,
  openedEngine,
  problems,
  record,
  seen,
  write,
} from './engine-place.js'

const other = tenant('acme-2')

/** Rows of a scope: one view, and the way into another engine. */
export function rowsContract(name: string, place: EnginePlaceOf): void {
  for (const scope of [acme, null]) {
    const whose = scope === null ? 'the system' : 'a tenant'

    test(`${name}: rows of ${whose} loaded elsewhere read the same, and nothing else comes along`, async (t) => {
      const from = await openedEngine(t, place)
      const to = await openedEngine(t, place)
      await fill(from.engine, scope)
      await fill(from.engine, other)
      await write(to.engine, tenant('resident'), [put('k', 'v')])
      await to.engine.load(scope, from.engine.rows(scope, never), never)
      assert.deepEqual(await seen(to.engine, scope), await seen(from.engine, scope))
      assert.deepEqual(await allRows(to.engine, scope), await allRows(from.engine, scope))
      assert.deepEqual(await problems(to.engine, scope), [])
      assert.equal(await to.engine.head(other), undefined)
      assert.deepEqual(await write(to.engine, scope, [put('k1', 'next', { expectedVersion: 2 })]), [3])
      assert.deepEqual(await problems(to.engine, scope), [])
    })

    test(`${name}: rows of ${whose} come head first, then records and audit in order, in bounded pages`, async (t) => {
      const { engine } = await openedEngine(t, place)
      const value = new Uint8Array(300 * 1024)
      for (const key of ['b', 'a/😀', 'a/Ａ', 'a']) {
        await write(engine, scope, [put(key, '', { value }), put(key, 'x', { collection: 'notes' })])
      }
      await write(engine, scope, [put('huge', '', { value: new Uint8Array(1024 * 1024) })])
      const order: string[] = []
      for await (const page of engine.rows(scope, never)) {
        const size = page.reduce((sum, row) => sum + row.bytes.length, 0)
        assert.ok(page.length === 1 || size <= 1024 * 1024, `a page of ${page.length} rows and ${size} bytes`)
        order.push(...page.map(({ kind, collection, key }) => `${kind} ${collection} ${key}`))
      }
      const records = ['notes', 'things'].flatMap((collection) =>
        ['a', 'a/Ａ', 'a/😀', 'b', 'huge']
          .filter((key) => collection === 'things' || key !== 'huge')
          .map((key) => `record ${collection} ${key}`),
      )
      const entries =
        scope === null ? [] : [1, 2, 3, 4, 5].map((n) => `audit  ${String(n).padStart(14, '0')}`)
      assert.deepEqual(order, ['head  ', ...records, ...entries])
    })
  }

  test(`${name}: rows are one view, whatever is written while they are read`, async (t) => {
    const from = await openedEngine(t, place)
    const to = await openedEngine(t, place)
    const value = new Uint8Array(400 * 1024)
    for (let i = 0; i < 9; i++) await write(from.engine, acme, [put(`k${i}`, '', { value, subject: 's1' })])
    const before = await seen(from.engine, acme)
    await to.engine.load(acme, slowly(from.engine, acme), never)
    assert.deepEqual(await problems(to.engine, acme), [])
    assert.deepEqual(await seen(to.engine, acme), before)
    assert.deepEqual(await problems(from.engine, acme), [])
  })

  test(`${name}: a scope without anything has no rows, and their reading stops at a signal`, async (t) => {
    const { engine } = await openedEngine(t, place)
    assert.deepEqual(await allRows(engine, acme), [])
    const value = new Uint8Array(1024 * 1024)
    for (let i = 0; i < 5; i++) await write(engine, acme, [put(`k${i}`, '', { value })])
    const stop = new AbortController()
    const reading = async () => {
      let pages = 0
      for await (const _ of engine.rows(acme, stop.signal)) if (++pages === 3) stop.abort(new Error('enough'))
    }
    await assert.rejects(reading(), /enough/)
    await assert.rejects(engine.rows(acme, stop.signal)[Symbol.asyncIterator]().next(), /enough/)
  })

  test(`${name}: records without their head are no empty scope`, async (t) => {
    const { engine, tamper } = await openedEngine(t, place)
    await write(engine, acme, [put('k', 'v')])
    await tamper.write(acme, HEAD, undefined)
    await assert.rejects(allRows(engine, acme), code('data_corrupt'))
  })

  test(`${name}: a load into a scope where something is, is refused and changes nothing`, async (t) => {
    const from = await openedEngine(t, place)
    const to = await openedEngine(t, place)
    await fill(from.engine, acme)
    await write(to.engine, acme, [put('mine', 'v')])
    const load = () => to.engine.load(acme, from.engine.rows(acme, never), never)
    await assert.rejects(load(), code('already_exists'))
    assert.equal(text(await to.engine.get(acme, 'things', 'mine')), 'v')
    assert.equal(await to.engine.get(acme, 'things', 'k1'), undefined)
    assert.deepEqual(await problems(to.engine, acme), [])
    await to.tamper.write(acme, HEAD, undefined)
    await to.tamper.write(acme, record('mine'), undefined)
    await assert.rejects(load(), code('already_exists'), 'an audit entry is something too')
  })

  for (const [what, breakOff] of BROKEN_LOADS) {
    test(`${name}: a load that ${what} leaves no head, and can be dropped and done again`, async (t) => {
      const from = await openedEngine(t, place)
      const to = await openedEngine(t, place)
      await fill(from.engine, acme)
      await write(to.engine, other, [put('k', 'v')])
      await assert.rejects(breakOff(from.engine, to.engine))
      assert.equal(await to.engine.head(acme), undefined)
      await to.engine.drop(acme, never)
      assert.deepEqual(await to.engine.tenants(), [other])
      await to.engine.load(acme, from.engine.rows(acme, never), never)
      assert.deepEqual(await seen(to.engine, acme), await seen(from.engine, acme))
      assert.deepEqual(await problems(to.engine, acme), [])
    })
  }
}

type BreakOff = (from: RecordEngine, to: RecordEngine) => Promise<void>

const BROKEN_LOADS: readonly (readonly [string, BreakOff])[] = [
  ['breaks off', (from, to) => to.load(acme, some(from, acme, 3, new Error('cable')), never)],
  ['ends without a head', (from, to) => to.load(acme, withoutHead(from, acme), never)],
  ['holds a damaged record', (from, to) => to.load(acme, damaged(from, acme), never)],
  ['holds a key that is none', (from, to) => to.load(acme, misplaced(from, acme), never)],
  [
    'is aborted',
    async (from, to) => {
      const stop = new AbortController()
      await to.load(
        acme,
        some(from, acme, 3, undefined, () => stop.abort(new Error('stop'))),
        stop.signal,
      )
    },
  ],
]

/** Three versions of `k1` and one each of what else there can be. */
async function fill(engine: RecordEngine, scope: Scope): Promise<void> {
  const terms = [
    { name: 'state', value: 'open' },
    { name: 'state', value: 'new' },
  ]
  const later = 1_900_000_000_000
  await write(engine, scope, [put('k1', `${scope} 1`), put('k2', '2', { subject: 's1' })])
  await write(engine, scope, [put('k3', '3', { terms, expiresAt: later }), put('gone', 'x', { terms })], {
    subject: 's1',
    before: bytes('old'),
    after: bytes('new'),
  })
  await write(engine, scope, [put('k1', `${scope} 1b`, { terms }), remove('gone')])
  await write(engine, scope, [put('键/😀', 'n', { collection: 'notes', subject: 's1', terms })])
  for (let i = 0; i < 4; i++) {
    await write(engine, scope, [put(`big-${i}`, '', { value: new Uint8Array(500 * 1024).fill(i) })])
  }
}

/** Rows with a write to the same scope after every page. */
async function* slowly(engine: RecordEngine, scope: Scope): AsyncGenerator<readonly Row[]> {
  let i = 0
  for await (const page of engine.rows(scope, never)) {
    yield page
    await write(engine, scope, [put(`k${i}`, 'changed'), remove(`k${8 - i}`), put(`z${i}`, 'new')])
    i += 1
    assert.ok(i < 40, 'the rows have no end')
  }
  assert.ok(i >= 4, 'too few pages to write between')
}

async function* some(
  engine: RecordEngine,
  scope: Scope,
  count: number,
  error?: Error,
  then?: () => void,
): AsyncGenerator<readonly Row[]> {
  for await (const page of engine.rows(scope, never)) {
    yield page
    if (--count === 0) {
      then?.()
      if (error) throw error
    }
  }
}

async function* withoutHead(engine: RecordEngine, scope: Scope): AsyncGenerator<readonly Row[]> {
  for await (const page of engine.rows(scope, never)) yield page.filter(({ kind }) => kind !== 'head')
}

async function* damaged(engine: RecordEngine, scope: Scope): AsyncGenerator<readonly Row[]> {
  for await (const page of engine.rows(scope, never)) {
    yield page.map((row) => (row.kind === 'record' ? { ...row, bytes: row.bytes.subarray(0, 3) } : row))
  }
}

async function* misplaced(engine: RecordEngine, scope: Scope): AsyncGenerator<readonly Row[]> {
  for await (const page of engine.rows(scope, never)) {
    yield page.map((row) => (row.key === 'k3' ? { ...row, key: 'k3\0r\0things' } : row))
  }
}
