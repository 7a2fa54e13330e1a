import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import { filesWith, testSealer } from '../privacy/testing.js'
import { noteFence } from './fence.js'
import { bytes, contents, faultyHost, openTestJournal, segmentFiles, temporaryDir } from './testing.js'

test('epoch, positions, dedupe keys and age survive a restart', async (t) => {
  const dir = await temporaryDir(t)
  const clock = new ManualClock()
  const first = await openTestJournal(t, dir, { clock })
  clock.advance(5_000)
  await first.journal.append([bytes('a')], { dedupe: { key: 'k', value: 't_1' } })
  await first.journal.close()
  clock.jumpWall(-864_000_000)
  const { journal } = await openTestJournal(t, dir, { clock })
  assert.equal(journal.epoch, first.journal.epoch)
  assert.equal(journal.next, 2)
  assert.equal(journal.known('k'), 't_1')
  assert.equal(journal.age(), 5_000)
})

test('a fenced journal is moved aside at the next open, once, and its dedupe keys with it', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  await first.journal.append([bytes('a')], { dedupe: { key: 'k', value: 't_1' } })
  await first.journal.fence()
  await first.journal.close()
  const second = await openTestJournal(t, dir)
  assert.notEqual(second.journal.epoch, first.journal.epoch)
  assert.match(second.journal.quarantined ?? '', /quarantine-\d+$/)
  assert.deepEqual([await contents(second.journal), second.journal.known('k')], [[], undefined])
  await second.journal.append([bytes('b')])
  await second.journal.close()
  const third = await openTestJournal(t, dir)
  assert.equal(third.journal.epoch, second.journal.epoch)
  assert.equal(third.journal.quarantined, undefined)
  assert.deepEqual(await contents(third.journal), ['1 b'])
  assert.equal(await third.journal.dropQuarantined(), 1)
})

test('a fence of a journal that is gone already moves no other aside', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  await first.journal.append([bytes('a')])
  await first.journal.close()
  await noteFence(dir, first.journal.epoch + 1n)
  const again = await openTestJournal(t, dir)
  assert.equal(again.journal.quarantined, undefined)
  assert.deepEqual(await contents(again.journal), ['1 a'])
})

test('pruning keeps what is young, what is at or after an open turn, and dedupe keys for their time', async (t) => {
  const dir = await temporaryDir(t)
  const { journal, clock } = await openTestJournal(t, dir)
  for (const text of ['a', 'b', 'c', 'd']) {
    await journal.append([bytes(text)], { dedupe: { key: text, value: text } })
    clock.advance(1_000)
  }
  await journal.prune({ before: 5, olderThanMs: 2_500, dedupeMs: 3_500 })
  assert.deepEqual(await contents(journal), ['3 c', '4 d'])
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => journal.known(key)),
    [undefined, 'b', 'c', 'd'],
  )
  clock.jumpWall(864_000_000)
  clock.advance(10_000)
  await journal.prune({ before: 4, olderThanMs: 2_500, dedupeMs: 3_500 })
  assert.deepEqual(await contents(journal), ['4 d'], 'the oldest open turn holds the journal back')
  await journal.close()
  const again = await openTestJournal(t, dir)
  assert.equal(again.journal.settled, 5, 'a mark never goes back')
  assert.deepEqual(await contents(again.journal), ['4 d'], 'what was pruned is no loss')
})

test('a wall clock that jumps ten days forgets no dedupe key', async (t) => {
  const dir = await temporaryDir(t)
  const { journal, clock } = await openTestJournal(t, dir)
  await journal.append([bytes('a')], { dedupe: { key: 'k', value: 't_1' } })
  clock.jumpWall(864_000_000)
  await journal.prune({ before: 1, olderThanMs: 1_000, dedupeMs: 1_000 })
  assert.equal(journal.known('k'), 't_1')
})

test('a record that is sealed is in no file, and opens after a restart', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir, { sealer: testSealer })
  await first.journal.append([bytes('secret-4711')])
  assert.deepEqual(await filesWith(dir, 'secret-4711'), [])
  await first.journal.close()
  const again = await openTestJournal(t, dir, { sealer: testSealer })
  assert.deepEqual(await contents(again.journal), ['1 secret-4711'])
})

test('keys outlive the records that they came with, in segments that hold nothing else', async (t) => {
  const dir = await temporaryDir(t)
  const config = { segmentBytes: 2_000 }
  const { journal, clock } = await openTestJournal(t, dir, config)
  for (let i = 0; i < 40; i++) {
    await journal.append([bytes(`record-${i} ${'x'.repeat(400)}`)], {
      dedupe: { key: `k${i}`, value: `t_${i}` },
    })
  }
  clock.advance(1_000)
  await journal.prune({ before: 41, olderThanMs: 500, dedupeMs: 5_000 })
  assert.deepEqual(await contents(journal), [])
  assert.deepEqual(await filesWith(dir, 'record-7 '), [])
  await journal.close()
  const again = await openTestJournal(t, dir, { clock, ...config })
  for (let i = 0; i < 40; i++) assert.equal(again.journal.known(`k${i}`), `t_${i}`)
  assert.equal(again.journal.next, 41)
  clock.advance(9_000)
  await again.journal.prune({ before: 41, olderThanMs: 500, dedupeMs: 5_000 })
  assert.deepEqual(await segmentFiles(dir), [], 'then they go too')
})

test('with more keys than it may remember the oldest go early, counted and logged, also after a restart', async (t) => {
  const dir = await temporaryDir(t)
  const warned: unknown[] = []
  const log = Object.assign(Object.create(silentLogger()), {
    warn: (...args: unknown[]) => warned.push(args),
  })
  const metrics = createMetrics()
  const { journal } = await openTestJournal(t, dir, { maxDedupeKeys: 3, log, metrics })
  for (const key of ['a', 'b', 'c', 'd', 'e'])
    await journal.append([bytes(key)], { dedupe: { key, value: key } })
  const known = (one: typeof journal) =>
    ['a', 'b', 'c', 'd', 'e'].filter((key) => one.known(key) !== undefined)
  assert.deepEqual(known(journal), ['c', 'd', 'e'])
  assert.match(await metrics.render(), /yizhan_journal_dedupe_dropped_total 2/)
  assert.match(JSON.stringify(warned), /too many dedupe keys/)
  await journal.close()
  assert.deepEqual(known((await openTestJournal(t, dir, { maxDedupeKeys: 3 })).journal), ['c', 'd', 'e'])
})

test('of what is settled the oldest goes before its time when the journal is nearly full, and nothing else', async (t) => {
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir, { maxBytes: 20_000, segmentBytes: 2_000 })
  for (let i = 0; i < 40; i++) await journal.append([bytes('x'.repeat(440))])
  const first = async () => Number((await contents(journal))[0]?.split(' ')[0])
  await journal.prune({ before: 30, olderThanMs: 1e9, dedupeMs: 1e9, keep: { from: 9, olderThanMs: 1e9 } })
  assert.equal(await first(), 7, 'whole segments, up to what somebody has yet to read')
  await journal.prune({ before: 30, olderThanMs: 1e9, dedupeMs: 1e9 })
  const low = await first()
  assert.ok(low > 9 && low < 30, `from ${low}`)
})

test('who follows the journal reads no file, and never what was replaced', async (t) => {
  const host = faultyHost()
  const { journal } = await openTestJournal(t, await temporaryDir(t), { host })
  const read = host.read
  let reads = 0
  host.read = (path) => {
    reads += 1
    return read(path)
  }
  const texts = Array.from({ length: 3_000 }, (_, i) => `record ${i} ${'x'.repeat(2_000)}`)
  for (const text of texts) await journal.append([bytes(text), bytes('more')], { lazy: true })
  const all = await contents(journal)
  assert.equal(all.length, 6_000)
  const before = reads
  for (const from of [5_000, 5_001, 6_000])
    assert.deepEqual(await contents(journal, from), all.slice(from - 1))
  assert.deepEqual(await contents(journal, 6_001), [])
  assert.equal(reads, before)
  await journal.replace([{ seq: 5_999, age: 0, bytes: bytes('other') }])
  assert.deepEqual(await contents(journal, 5_998), ['5998 more', '5999 other', '6000 more'])
  await journal.append([bytes('next')])
  assert.deepEqual(await contents(journal, 5_999), ['5999 other', '6000 more', '6001 next'])
})
