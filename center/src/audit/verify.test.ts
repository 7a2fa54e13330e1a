import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { plainSealer, type Sealer, YizhanError } from '@yizhan/kernel'
import { type Row, type ScopeHead, sequenceText } from '../storage/index.js'
import { type SignedAnchor, signAnchor } from './anchor.js'
import { acme, json, pagesOf, type Stand, stand } from './testing/stand.js'
import { verifyAudit } from './verify.js'

const LAST = 6
const signal = new AbortController().signal

async function written(t: TestContext, s?: Stand): Promise<Stand> {
  const filled = s ?? (await stand(t))
  for (let n = 1; n <= LAST; n++) await filled.write({ before: json({ n: n - 1 }), after: json({ n }) })
  return filled
}

/** Verifies rows that somebody has had in their hands. */
async function verifyRows(
  s: Stand,
  rows: readonly Row[],
  more: {
    readonly head?: ScopeHead | undefined
    readonly anchors?: readonly SignedAnchor[]
    readonly opens?: (sequence: number) => Promise<boolean>
  } = {},
) {
  const head = 'head' in more ? more.head : await s.store.head(acme)
  const { anchors = [], opens } = more
  return verifyAudit(
    { rows: pagesOf(rows), head: async () => head, anchors, ...(opens ? { opens } : {}) },
    signal,
  )
}

function flipped(rows: readonly Row[], sequence: number, at: number): Row[] {
  return rows.map((row) => {
    if (row.key !== sequenceText(sequence)) return row
    const bytes = new Uint8Array(row.bytes)
    const place = at < 0 ? bytes.length + at : at
    bytes[place] = (bytes[place] ?? 0) ^ 1
    return { ...row, bytes }
  })
}

/** `before` and `found` without what only a person reads. */
function inShort(verdict: Awaited<ReturnType<typeof verifyAudit>>) {
  return verdict.s === 'whole' ? 'whole' : [verdict.what, verdict.sequence]
}

test('an audit that is whole is told by its numbers and its last hash', async (t) => {
  const s = await written(t)
  const head = await s.store.head(acme)
  assert.deepEqual(await s.auditLog.verify(acme, [], signal), {
    s: 'whole',
    entries: LAST,
    first: 1,
    last: LAST,
    hash: head?.auditHash,
    anchors: 0,
  })
})

test('a tenant that has never written has nothing to verify', async (t) => {
  const s = await stand(t)
  assert.equal((await s.auditLog.verify(acme, [], signal)).s, 'whole')
})

for (let k = 1; k <= LAST; k++) {
  test(`entry ${k} of ${LAST} with a changed byte is the first bad one, and so is a changed link to the one before`, async (t) => {
    const s = await written(t)
    const rows = await s.auditRows()
    const verdict = await verifyRows(s, flipped(rows, k, -3))
    assert.deepEqual(inShort(verdict), [k === LAST ? 'rewritten' : 'edited', k])
    if (k === LAST) {
      assert.deepEqual(verdict.s === 'broken' && [verdict.since, verdict.by], [1, 'head'])
      const opens = async (sequence: number) => sequence !== k
      assert.deepEqual(inShort(await verifyRows(s, flipped(rows, k, -3), { opens })), ['edited', k])
    } else {
      // Its seal holds: somebody with the key changed it, and the entry behind still knows the old one.
      const opens = async () => true
      assert.deepEqual(inShort(await verifyRows(s, flipped(rows, k, -3), { opens })), ['edited', k])
    }
    // Byte 0 is the format, then the hash of the entry before.
    assert.deepEqual(inShort(await verifyRows(s, flipped(rows, k, 0))), ['damaged', k])
    if (k > 1) {
      const opens = async () => true
      assert.deepEqual(inShort(await verifyRows(s, flipped(rows, k, 5), { opens })), ['edited', k])
    }
  })

  test(`entry ${k} of ${LAST} is missed when it was taken out`, async (t) => {
    const s = await written(t)
    const rows = (await s.auditRows()).filter(({ key }) => key !== sequenceText(k))
    const verdict = await verifyRows(s, rows)
    assert.deepEqual(inShort(verdict), [k === LAST ? 'tail_cut' : 'missing', k])
    assert.equal(verdict.entries, k - 1)
  })
}

test('two neighbours that were both changed are told by the earlier one, whose seal does not hold', async (t) => {
  const s = await written(t)
  const rows = flipped(flipped(await s.auditRows(), 3, -3), 4, -3)
  assert.deepEqual(inShort(await verifyRows(s, rows, { opens: async () => false })), ['edited', 3])
  assert.deepEqual(inShort(await verifyRows(s, rows)), ['edited', 3])
})

test('a tail that was cut together with the head is found by an anchor alone', async (t) => {
  const s = await written(t)
  const full = await s.store.head(acme)
  assert.ok(full)
  const anchor = signAnchor(s.signer, acme, { sequence: LAST, hash: full.auditHash }, s.clock.wall())
  const short = await written(t)
  const rows = (await s.auditRows()).slice(0, 4)
  const cutHash = (await short.store.audit(acme, { from: 4, limit: 1 })).entries[0]?.hash ?? ''
  const head = { ...full, auditSequence: 4, auditHash: cutHash }
  // Both tenants wrote the same at the same times under a sealer without keys: so the hash is the same.
  assert.equal(inShort(await verifyRows(s, rows, { head })), 'whole')
  const verdict = await verifyRows(s, rows, { head, anchors: [anchor] })
  assert.deepEqual(verdict, {
    s: 'broken',
    what: 'tail_cut',
    sequence: 5,
    by: 'anchor',
    expected: '6',
    found: '4',
    entries: 4,
  })
})

test('a chain that was rewritten from entry 4 on, head and all, is whole to itself and broken to an anchor', async (t) => {
  const s = await written(t)
  const forged = await stand(t)
  for (let n = 1; n <= LAST; n++) {
    await forged.write({ before: json({ n: n - 1 }), after: json({ n: n < 4 ? n : 'forged' }) })
  }
  assert.equal(inShort(await forged.auditLog.verify(acme, [], signal)), 'whole')
  const anchorAt = async (sequence: number) => {
    const [entry] = (await s.store.audit(acme, { from: sequence, limit: 1 })).entries
    return signAnchor(s.signer, acme, { sequence, hash: entry?.hash ?? '' }, s.clock.wall())
  }
  const anchors = [await anchorAt(2), await anchorAt(6)]
  const verdict = await verifyRows(forged, await forged.auditRows(), { anchors })
  assert.ok(verdict.s === 'broken')
  assert.deepEqual([verdict.what, verdict.by, verdict.since, verdict.sequence], ['rewritten', 'anchor', 3, 6])
  assert.equal(verdict.expected, anchors[1]?.hash)
  const close = [...anchors, await anchorAt(3), await anchorAt(4)]
  const exact = await verifyRows(forged, await forged.auditRows(), { anchors: close })
  assert.deepEqual(exact.s === 'broken' && [exact.since, exact.sequence], [4, 4])
  const own = await s.auditLog.verify(acme, close, signal)
  assert.equal(own.s === 'whole' && own.anchors, 4)
})

test('an entry that nobody counted is surplus', async (t) => {
  const s = await written(t)
  const head = await s.store.head(acme)
  assert.ok(head)
  const [fifth] = (await s.store.audit(acme, { from: 5, limit: 1 })).entries
  const counted = { ...head, auditSequence: 5, auditHash: fifth?.hash ?? '' }
  assert.deepEqual(inShort(await verifyRows(s, await s.auditRows(), { head: counted })), ['surplus', 6])
})

test('a head that cannot be read is told, and damage before it all the same', async (t) => {
  const s = await written(t)
  const rows = await s.auditRows()
  const unreadable = () => Promise.reject(new YizhanError('data_corrupt', 'the head cannot be read'))
  const verify = (given: readonly Row[]) =>
    verifyAudit({ rows: pagesOf(given), head: unreadable, anchors: [] }, signal)
  assert.deepEqual(inShort(await verify(rows)), ['head_damaged', 0])
  assert.deepEqual(inShort(await verify(flipped(rows, 2, -3))), ['edited', 2])
})

test('what was pruned is no damage, but an anchor of the last pruned entry still holds the beginning', async (t) => {
  const s = await written(t)
  const hashes = (await s.store.audit(acme)).entries.map(({ hash }) => hash)
  await s.upkeep.pruneAudit(acme, 3)
  const anchor = (sequence: number, hash = hashes[sequence - 1] ?? '') =>
    signAnchor(s.signer, acme, { sequence, hash }, s.clock.wall())
  const verdict = await s.auditLog.verify(acme, [anchor(1), anchor(3), anchor(5)], signal)
  assert.deepEqual(verdict.s === 'whole' && [verdict.first, verdict.entries, verdict.anchors], [4, 3, 2])
  const other = await s.auditLog.verify(acme, [anchor(3, 'f'.repeat(64))], signal)
  assert.deepEqual(inShort(other), ['edited', 4])
})

test('entries that come while it is verified are no surplus', async (t) => {
  const s = await written(t)
  async function* rows() {
    for await (const page of s.rows(acme, signal)) {
      await s.write()
      yield page
    }
  }
  const verdict = await verifyAudit({ rows: rows(), head: () => s.store.head(acme), anchors: [] }, signal)
  assert.equal(inShort(verdict), 'whole')
})

test('an anchor that was altered, or that another key signed, is refused', async (t) => {
  const s = await written(t)
  const other = await stand(t)
  const hash = (await s.store.head(acme))?.auditHash ?? ''
  const anchor = signAnchor(s.signer, acme, { sequence: LAST, hash }, s.clock.wall())
  const foreign = signAnchor(other.signer, acme, { sequence: LAST, hash }, s.clock.wall())
  for (const bad of [{ ...anchor, sequence: 5 }, { ...anchor, time: '2030-01-01T00:00:00.000Z' }, foreign]) {
    await assert.rejects(s.auditLog.verify(acme, [bad], signal), (thrown: unknown) => {
      return thrown instanceof YizhanError && thrown.code === 'data_corrupt'
    })
  }
})

test('a verification that nobody waits for any more ends', async (t) => {
  const s = await written(t)
  const gone = AbortSignal.abort(new YizhanError('cancelled', 'gone'))
  await assert.rejects(s.auditLog.verify(acme, [], gone), { code: 'cancelled' })
})

test('if the entry cannot be sealed, the change does not happen, and the chain goes on behind it', async (t) => {
  let broken = false
  const sealer: Sealer = {
    ...plainSealer,
    async sealAll(items) {
      if (broken && items.some(({ context }) => context.collection === '$audit')) {
        throw new YizhanError('key_unknown', 'the key is not there')
      }
      return plainSealer.sealAll(items)
    },
  }
  const s = await stand(t, { sealer })
  await s.write({ key: 'first' })
  const before = await s.store.head(acme)
  broken = true
  await assert.rejects(s.write({ key: 'second' }), { code: 'key_unknown' })
  assert.deepEqual(await s.store.head(acme), before)
  assert.equal(await s.store.get(acme, 'things', 'second'), undefined)
  broken = false
  await s.write({ key: 'third' })
  assert.equal(inShort(await s.auditLog.verify(acme, [], signal)), 'whole')
  assert.deepEqual(
    (await s.store.audit(acme)).entries.map(({ object }) => object),
    ['things/first', 'things/third'],
  )
})
