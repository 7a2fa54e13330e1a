import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import type { AuditQuery } from './query.js'
import { MAX_LOOKED_AT, queryAudit } from './query.js'
import { acme, json, type Stand, stand } from './testing/stand.js'
import { CLOCK_SLACK_MS, firstSequenceAfter, lastSequenceBefore } from './time-search.js'

const DAY = 86_400_000
const reader = { actor: 'auditor_1', requestId: 'req-9' }
const refused = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'invalid_argument'

async function numbers(s: Stand, query: AuditQuery): Promise<number[]> {
  const found: number[] = []
  let cursor: string | undefined
  do {
    const page = await queryAudit(s.store, acme, { ...query, ...(cursor === undefined ? {} : { cursor }) })
    found.push(...page.entries.map(({ sequence }) => sequence))
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

for (const [what, query] of [
  ['a limit of 0', { limit: 0 }],
  ['a limit beyond a page', { limit: 1_001 }],
  ['half an entry', { limit: 1.5 }],
  ['a cursor of another list', { cursor: 'bm90IGE' }],
  ['a negative cursor', { cursor: '-1' }],
  ['a cursor that no number holds', { cursor: '9'.repeat(17) }],
] as [string, AuditQuery][]) {
  test(`${what} is refused`, async (t) => {
    const s = await stand(t)
    await s.write()
    await assert.rejects(queryAudit(s.store, acme, query), refused)
  })
}

test('a tenant that has never written has no entries', async (t) => {
  const s = await stand(t)
  assert.deepEqual(await queryAudit(s.store, acme, { from: 5, to: 9 }), { entries: [] })
})

async function mixed(t: TestContext): Promise<Stand> {
  const s = await stand(t)
  await s.write({ actor: 'user_1', action: 'CREATE', key: 'a' })
  await s.write({ actor: 'bot_1', action: 'UPDATE', key: 'ab', requestId: 'req-1' })
  await s.write({ actor: 'user_1', action: 'DELETE', key: 'a', requestId: 'req-1' })
  await s.write({ actor: 'user_2', action: 'READ', object: 'thingsbeside/a', subject: 'sub_1' })
  await s.write({ actor: 'user_1', action: 'UPDATE', key: 'b' })
  return s
}

for (const [what, query, expected] of [
  ['a person', { actor: 'user_1' }, [1, 3, 5]],
  ['an action', { action: 'UPDATE' }, [2, 5]],
  ['an object, exactly', { object: 'things/a' }, [1, 3]],
  ['a collection, not the one whose name it begins', { object: 'things/' }, [1, 2, 3, 5]],
  ['a call', { requestId: 'req-1' }, [2, 3]],
  ['whose data it was', { subject: 'sub_1' }, [4]],
  ['several at once', { actor: 'user_1', action: 'UPDATE' }, [5]],
  ['newest first', { actor: 'user_1', reverse: true }, [5, 3, 1]],
  ['pages of one', { object: 'things/', limit: 1 }, [1, 2, 3, 5]],
  ['pages of one, newest first', { object: 'things/', limit: 1, reverse: true }, [5, 3, 2, 1]],
  ['nobody', { actor: 'user_' }, []],
] as [string, AuditQuery, number[]][]) {
  test(`entries are found by ${what}`, async (t) => {
    assert.deepEqual(await numbers(await mixed(t), query), expected)
  })
}

test('entries are found by time, the beginning counts and the end does not', async (t) => {
  const s = await mixed(t)
  const at = (await s.store.audit(acme)).entries.map(({ time }) => time)
  const [, second = 0, , fourth = 0] = at
  assert.deepEqual(await numbers(s, { from: second, to: fourth }), [2, 3])
  assert.deepEqual(await numbers(s, { from: second, to: fourth, reverse: true }), [3, 2])
  assert.deepEqual(await numbers(s, { to: at[0] ?? 0 }), [])
})

test('an entry has the five fields, its place in the chain, and snapshots only for who asks for them', async (t) => {
  const s = await stand(t)
  await s.write({ requestId: 'req-1', before: json({ n: 1 }), after: Buffer.from([0xff, 0x00]) })
  const [plain] = (await queryAudit(s.store, acme, {})).entries
  const stored = (await s.store.audit(acme)).entries[0]
  assert.ok(stored && plain)
  assert.deepEqual(plain, {
    tenant: 'acme',
    sequence: 1,
    time: new Date(stored.time).toISOString(),
    actor: 'user_1',
    action: 'UPDATE',
    object: 'things/k',
    requestId: 'req-1',
    hash: stored.hash,
  })
  const [full] = (await queryAudit(s.store, acme, { snapshots: true })).entries
  assert.deepEqual(full, { ...plain, before: { json: { n: 1 } }, after: { base64: '/wA=' } })
})

for (const [what, bytes, expected] of [
  ['an object', '{"b":1,"a":[2]}', { json: { b: 1, a: [2] } }],
  ['a number that would lose digits', '12345678901234567891', { base64: 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTE=' }],
  ['a key that stands twice', '{"a":1,"a":2}', { base64: 'eyJhIjoxLCJhIjoyfQ==' }],
  ['a key that reaches a prototype', '{"__proto__":1}', { base64: 'eyJfX3Byb3RvX18iOjF9' }],
  ['nothing', '', { base64: '' }],
] as const) {
  test(`a snapshot of ${what} is shown so that it gives the same bytes again`, async (t) => {
    const s = await stand(t)
    await s.write({ after: Buffer.from(bytes) })
    const [entry] = (await queryAudit(s.store, acme, { snapshots: true })).entries
    assert.deepEqual(entry?.after, expected)
  })
}

test('an apply tells what it changed without its snapshots', async (t) => {
  const s = await stand(t)
  const diff = Array.from({ length: 25 }, (_, i) => ({ kind: 'intent', name: `it.${i}`, change: 'added' }))
  await s.write({ object: 'tenants/current', after: json({ version: 2, diff }) })
  await s.write({ object: 'tenants/other', after: json({ diff }) })
  const [applied, other] = (await s.auditLog.query(acme, {}, reader)).entries
  assert.deepEqual(applied?.changes, diff.slice(0, 20))
  assert.equal(applied?.changeCount, 25)
  assert.equal(other?.changes, undefined)
  assert.equal((await s.store.head(acme))?.auditSequence, 2, 'no reading was noted')
})

test('whoever sees snapshots leaves an entry, one a call, before they are shown', async (t) => {
  const s = await stand(t)
  for (let n = 1; n <= 4; n++) await s.write({ after: json(n) })
  await s.auditLog.query(acme, { snapshots: true, limit: 3 }, reader)
  await s.auditLog.entry(acme, 2, reader)
  await s.auditLog.query(acme, { snapshots: true, actor: 'nobody' }, reader)
  const noted = (await s.store.audit(acme, { from: 5 })).entries
  assert.deepEqual(
    noted.map(({ action, object, actor, requestId }) => [action, object, actor, requestId]),
    [
      ['READ', 'audit/1-3', 'auditor_1', 'req-9'],
      ['READ', 'audit/2', 'auditor_1', 'req-9'],
    ],
  )
})

test('a reading that cannot be noted shows nothing', async (t) => {
  const s = await stand(t)
  await s.write({ after: json({ secret: 1 }) })
  const noWriter = { ...reader, actor: 'x'.repeat(300) }
  await assert.rejects(s.auditLog.query(acme, { snapshots: true }, noWriter), refused)
  await assert.rejects(s.auditLog.entry(acme, 1, noWriter), refused)
  const options = { format: 'jsonl', filter: {} } as const
  await assert.rejects(s.auditLog.export(acme, options, noWriter, new AbortController().signal), refused)
})

test('one entry is shown with what differs, place by place', async (t) => {
  const s = await stand(t)
  await s.write({
    before: json({ name: 'a', list: [1, 2], 'a/b~c': 1, gone: null }),
    after: json({ name: 'b', list: [1, 3, 4], 'a/b~c': { deep: 1 } }),
  })
  const entry = await s.auditLog.entry(acme, 1, reader)
  assert.deepEqual(entry?.difference, [
    { path: '/name', before: 'a', after: 'b' },
    { path: '/list/1', before: 2, after: 3 },
    { path: '/list/2', after: 4 },
    { path: '/a~1b~0c', before: 1, after: { deep: 1 } },
    { path: '/gone', before: null },
  ])
  assert.equal(await s.auditLog.entry(acme, 99, reader), undefined)
})

test('a call looks at so many entries and no more, and the next one goes on there', async (t) => {
  const s = await stand(t)
  const entry = { time: s.clock.wall(), actor: 'user_1', action: 'READ', object: 'things' } as const
  for (let left = MAX_LOOKED_AT + 5; left > 0; left -= 2_000) {
    await Promise.all(Array.from({ length: Math.min(left, 2_000) }, () => s.store.batch(acme, [], entry)))
  }
  await s.write({ actor: 'user_2' })
  const first = await queryAudit(s.store, acme, { actor: 'user_2' })
  assert.deepEqual(first, { entries: [], cursor: String(MAX_LOOKED_AT + 1) })
  assert.deepEqual(await numbers(s, { actor: 'user_2' }), [MAX_LOOKED_AT + 6])
})

test('a search by time leaves out no entry although the clock went back by three weeks, for every time', async (t) => {
  const s = await stand(t)
  const start = s.clock.wall()
  // Days: forwards, a jump ahead, three weeks back, and on.
  const days = [0, 10, 20, 31, 62, 62, 41, 45, 62, 90, 91, 120]
  for (const day of days) await s.write({ time: start + day * DAY })
  for (let day = -5; day < 130; day++) {
    const time = start + day * DAY
    const first = await firstSequenceAfter(s.store, acme, time)
    const late = days.slice(0, first - 1).filter((one) => start + one * DAY >= time)
    assert.deepEqual(late, [], `day ${day}: an entry before ${first} is young`)
    const last = await lastSequenceBefore(s.store, acme, time)
    const early = days.slice(last).filter((one) => start + one * DAY <= time)
    assert.deepEqual(early, [], `day ${day}: an entry behind ${last} is old`)
    const wanted = days.flatMap((one, i) => (one >= day && one < day + 5 ? [i + 1] : []))
    assert.deepEqual(await numbers(s, { from: time, to: time + 5 * DAY }), wanted)
  }
  // It does leave out what is surely older.
  assert.equal(await firstSequenceAfter(s.store, acme, start + 200 * DAY), days.length + 1)
  assert.equal(await firstSequenceAfter(s.store, acme, start + 91 * DAY + CLOCK_SLACK_MS), 11)
})
