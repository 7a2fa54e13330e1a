import assert from 'node:assert/strict'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { parse } from 'csv-parse/sync'
import { type SignedAnchor, signAnchor } from './anchor.js'
import type { AuditFilter } from './audit-filter.js'
import { checkExport, type ExportVerdict } from './check-export.js'
import { lineDigest, signEnd } from './export-format.js'
import { acme, json, pagesOf, type Stand, stand, textOf } from './testing/stand.js'

const LAST = 5
const reader = { actor: 'auditor_1', requestId: 'req-9' }
const signal = new AbortController().signal

async function written(t: TestContext): Promise<Stand> {
  const s = await stand(t)
  for (let n = 1; n <= LAST; n++) {
    await s.write({ key: `k${n}`, before: json({ n: n - 1 }), after: json({ n }), requestId: `req-${n}` })
  }
  return s
}

async function exported(s: Stand, format: 'jsonl' | 'csv' = 'jsonl', filter: AuditFilter = {}) {
  return textOf(await s.auditLog.export(acme, { format, filter }, reader, signal))
}

function linesIn(text: string): string[] {
  return text.trimEnd().split('\n')
}

function check(
  lines: readonly string[],
  options: { readonly anchors?: readonly SignedAnchor[]; readonly publicKey?: KeyObject } = {},
): Promise<ExportVerdict> {
  return checkExport(pagesOf(...lines), { anchors: [], ...options })
}

function publicKeyOf(s: Stand): KeyObject {
  const [key] = s.auditLog.keys()
  assert.ok(key)
  return createPublicKey(key.publicKey)
}

async function anchorAt(s: Stand, sequence: number, time = s.clock.wall()): Promise<SignedAnchor> {
  const [entry] = (await s.store.audit(acme, { from: sequence, limit: 1 })).entries
  return signAnchor(s.signer, acme, { sequence, hash: entry?.hash ?? '' }, time)
}

type Value = Record<string, unknown>

/** The lines as somebody would write them who knows the format and has a key. */
function forged(s: Stand, lines: readonly string[], change: (values: Value[]) => Value[]): string[] {
  const values = lines.map((line) => JSON.parse(line) as Value)
  const { end } = values.pop() as { end: Parameters<typeof signEnd>[1] & Value }
  let digest = ''
  const changed = change(values).map(({ line: _line, ...value }) => {
    digest = lineDigest(digest, value)
    return JSON.stringify({ ...value, line: digest })
  })
  const { tenant, time, head } = end
  const about = { tenant, time, digest, entries: changed.length - 1, ...(head ? { head } : {}) }
  return [...changed, JSON.stringify(signEnd(s.signer, about))]
}

test('an export has a line for each entry with its five fields and its sealed bytes, and ends with the signed head', async (t) => {
  const s = await written(t)
  const head = await s.store.head(acme)
  const lines = linesIn(await exported(s))
  assert.equal(lines.length, LAST + 2)
  const third = JSON.parse(lines[3] ?? '')
  const [stored] = (await s.store.audit(acme, { from: 3, limit: 1 })).entries
  const row = (await s.auditRows())[2]
  assert.ok(stored && row)
  const { line, sealed, ...shown } = third
  assert.match(line, /^[0-9a-f]{64}$/)
  assert.deepEqual(Buffer.from(sealed, 'base64'), Buffer.from(row.bytes))
  assert.deepEqual(shown, {
    tenant: 'acme',
    sequence: 3,
    time: new Date(stored.time).toISOString(),
    actor: 'user_1',
    action: 'UPDATE',
    object: 'things/k3',
    requestId: 'req-3',
    before: { json: { n: 2 } },
    after: { json: { n: 3 } },
    hash: stored.hash,
  })
  const { end } = JSON.parse(lines.at(-1) ?? '')
  assert.deepEqual([end.head.sequence, end.head.hash], [LAST, head?.auditHash])
  assert.deepEqual(await check(lines, { publicKey: publicKeyOf(s), anchors: [await anchorAt(s, 2)] }), {
    s: 'whole',
    entries: LAST,
    first: 1,
    last: LAST,
    hash: head?.auditHash,
    anchors: 1,
    tenant: 'acme',
    time: new Date(s.clock.wall()).toISOString(),
    filtered: false,
    keyId: s.signer.current.keyId,
  })
  assert.deepEqual(
    (await s.store.audit(acme, { from: LAST + 1 })).entries.map(({ object }) => object),
    ['audit/1-5'],
  )
})

for (let at = 1; at <= LAST; at++) {
  test(`entry ${at} of an export that was edited, taken out or doubled is named by its line`, async (t) => {
    const s = await written(t)
    const lines = linesIn(await exported(s))
    const edited = lines.map((line, i) => (i === at ? line.replace('"user_1"', '"user_2"') : line))
    const found = await check(edited)
    assert.ok(found.s === 'bad-file')
    assert.deepEqual([found.what, found.line, found.sequence], ['edited', at + 1, at])
    const without = await check(lines.filter((_, i) => i !== at))
    assert.ok(without.s === 'bad-file')
    assert.deepEqual([without.what, without.line], ['edited', at + 1])
    const doubled = await check(lines.flatMap((line, i) => (i === at ? [line, line] : [line])))
    assert.deepEqual(doubled.s === 'bad-file' && doubled.line, at + 2)
  })
}

for (const [what, spoil, expected] of [
  ['is empty', () => [], ['cut_off', 1]],
  ['has lost its end', (lines) => lines.slice(0, -1), ['cut_off', LAST + 2]],
  ['goes on behind its end', (lines) => [...lines, lines[1] ?? ''], ['malformed', LAST + 3]],
  ['has no beginning', (lines) => lines.slice(1), ['edited', 1]],
  ['is of another kind', () => ['{"hello":1}'], ['edited', 1]],
  ['is no JSON', () => ['time,actor'], ['malformed', 1]],
  [
    'says another number of entries',
    (lines) => lines.map((line) => line.replace('"entries":5', '"entries":4')),
    ['signature', LAST + 2],
  ],
] as [string, (lines: readonly string[]) => string[], [string, number]][]) {
  test(`an export that ${what} is refused`, async (t) => {
    const s = await written(t)
    const found = await check(spoil(linesIn(await exported(s))))
    assert.ok(found.s === 'bad-file')
    assert.deepEqual([found.what, found.line], expected)
  })
}

test('lines that were changed and chained anew do not belong to the signed end', async (t) => {
  const s = await written(t)
  const lines = linesIn(await exported(s))
  const changed = forged(s, lines, (values) =>
    values.map((value) => (value.sequence === 3 ? { ...value, actor: 'user_2' } : value)),
  )
  const found = await check([...changed.slice(0, -1), lines.at(-1) ?? ''])
  assert.ok(found.s === 'bad-file')
  assert.deepEqual([found.what, found.line], ['edited', LAST + 2])
})

test('an export that was made up by somebody else is refused by the key of the center', async (t) => {
  const s = await written(t)
  const other = await stand(t)
  const lines = forged(other, linesIn(await exported(s)), (values) => values)
  const publicKey = publicKeyOf(s)
  const found = await check(lines, { publicKey })
  assert.ok(found.s === 'bad-file')
  assert.deepEqual(
    [found.what, found.expected, found.found],
    ['other_key', s.signer.current.keyId, other.signer.current.keyId],
  )
})

test('whoever has the key of the center too cannot change what was anchored', async (t) => {
  const s = await written(t)
  const lines = linesIn(await exported(s))
  const anchors = [await anchorAt(s, 2), await anchorAt(s, 4)]
  const publicKey = publicKeyOf(s)
  assert.equal(
    (
      await check(
        forged(s, lines, (values) => values),
        { publicKey, anchors },
      )
    ).s,
    'whole',
  )
  const short = forged(s, lines, (values) => values.slice(0, 3))
  const cut = await check(short, { publicKey, anchors })
  assert.deepEqual(cut.s === 'broken' && [cut.what, cut.by, cut.sequence], ['tail_cut', 'anchor', 3])
  const other = await stand(t)
  for (let n = 1; n <= LAST; n++) await other.write({ key: n < 3 ? `k${n}` : 'forged' })
  const rewritten = linesIn(await exported(other))
  const found = await check(
    forged(s, rewritten, (values) => values),
    { publicKey, anchors },
  )
  assert.equal(found.s, 'broken')
})

test('an entry whose hash does not belong to its sealed bytes is named', async (t) => {
  const s = await written(t)
  const lines = forged(s, linesIn(await exported(s)), (values) =>
    values.map((value) => (value.sequence === 3 ? { ...value, hash: 'a'.repeat(64) } : value)),
  )
  const found = await check(lines)
  assert.deepEqual(found.s === 'broken' && [found.what, found.sequence], ['edited', 3])
})

test('an anchor that is younger than the export may know of more', async (t) => {
  const s = await written(t)
  const lines = linesIn(await exported(s))
  await s.write()
  const anchors = [await anchorAt(s, LAST + 2)]
  const found = await check(lines, { anchors })
  assert.deepEqual(found.s === 'whole' && found.last, LAST)
})

test('a filtered export says so, leaves out what does not match, and verifies', async (t) => {
  const s = await written(t)
  const at = (await s.store.audit(acme)).entries.map(({ time }) => time)
  const lines = linesIn(await exported(s, 'jsonl', { from: at[1] ?? 0, to: at[3] ?? 0 }))
  assert.deepEqual(
    lines.slice(1, -1).map((line) => JSON.parse(line).sequence),
    [2, 3],
  )
  const found = await check(lines, { publicKey: publicKeyOf(s), anchors: [await anchorAt(s, 3)] })
  assert.deepEqual(found.s === 'whole' && [found.filtered, found.entries, found.anchors], [true, 2, 1])
  const gaps = linesIn(await exported(s, 'jsonl', { object: 'things/k4' }))
  assert.equal((await check(gaps)).s, 'whole')
})

test('an export of nothing is whole', async (t) => {
  const s = await stand(t)
  const found = await check(linesIn(await exported(s)))
  assert.deepEqual(found.s === 'whole' && [found.entries, found.last], [0, 0])
})

test('a table has a column for each field, and no cell that a spreadsheet would run', async (t) => {
  const s = await stand(t)
  await s.write({ actor: '=cmd()', object: '+things/k', after: json('@x'), before: json(-1) })
  await s.write({ actor: '-user', requestId: '@req', after: Buffer.from('a,"b"\r\nc') })
  const text = await exported(s, 'csv')
  assert.ok(text.startsWith('\ufeff'))
  const [first, second] = parse(text, { bom: true, columns: true, relax_quotes: false }) as Record<
    string,
    string
  >[]
  assert.deepEqual(
    [first?.actor, first?.object, first?.before, first?.after, first?.sequence],
    ["'=cmd()", "'+things/k", "'-1", '"@x"', '1'],
  )
  assert.deepEqual([second?.actor, second?.requestId, second?.before], ["'-user", "'@req", ''])
  assert.equal(second?.after, `base64:${Buffer.from('a,"b"\r\nc').toString('base64')}`)
  for (const row of [first, second]) {
    for (const cell of Object.values(row ?? {})) assert.doesNotMatch(cell, /^[=+\-@]/)
  }
})

test('an export is made while it is read: a page of entries waits, never all of them', async (t) => {
  const s = await stand(t)
  const entry = { time: s.clock.wall(), actor: 'user_1', action: 'READ', object: 'things' } as const
  for (let n = 0; n < 3; n++) {
    await Promise.all(Array.from({ length: 2_000 }, () => s.store.batch(acme, [], entry)))
  }
  let pages = 0
  const rows = async function* (...args: Parameters<typeof s.rows>) {
    for await (const page of s.rows(...args)) {
      pages += 1
      yield page
    }
  }
  const { exportJsonl } = await import('./export-jsonl.js')
  const head = await s.store.head(acme)
  const range = { tenant: acme, filter: {}, time: s.clock.wall(), head, first: 1, last: 6_000 }
  const read: string[] = []
  for await (const line of exportJsonl({ ...s, rows }, range, signal)) {
    read.push(line)
    if (read.length === 10) break
  }
  assert.ok(pages <= 2, `${pages} pages were read for ten lines`)
  const whole = await textOf(exportJsonl({ ...s, rows }, range, signal))
  assert.equal((await check(linesIn(whole))).s, 'whole')
  assert.ok(pages > 5)
})

test('an export that nobody reads any more ends', async (t) => {
  const s = await written(t)
  const gone = new AbortController()
  const text = await s.auditLog.export(acme, { format: 'csv', filter: {} }, reader, gone.signal)
  gone.abort(new Error('gone'))
  await assert.rejects(textOf(text), /gone/)
})
