import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import {
  bytes,
  contents,
  diskFull,
  faultyHost,
  openTestJournal,
  segmentFiles,
  temporaryDir,
} from './testing.js'

test('a second process is refused', async (t) => {
  const dir = await temporaryDir(t)
  await openTestJournal(t, dir)
  await assert.rejects(openTestJournal(t, dir), { code: 'failed_precondition' })
})

test('a full disk refuses with disk_full, and the journal goes on when there is room', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal, fatal } = await openTestJournal(t, dir, { host })
  await journal.append([bytes('a')])
  host.fail = diskFull()
  await assert.rejects(journal.append([bytes('b')], { dedupe: { key: 'k', value: 't_b' } }), {
    code: 'disk_full',
  })
  await assert.rejects(journal.append([bytes('c')]), { code: 'disk_full' })
  host.fail = undefined
  assert.equal(await journal.append([bytes('d')]), 2, 'no gap is left')
  assert.equal(journal.known('k'), undefined)
  assert.deepEqual(await contents(journal), ['1 a', '2 d'])
  assert.deepEqual(fatal, [])
})

test('what a refused write left on the disk is taken back at once', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir, { host })
  await journal.append([bytes('a')])
  const [path = ''] = await segmentFiles(dir)
  const before = (await stat(path)).size
  host.fail = diskFull()
  const refused = journal.append([bytes('x'), bytes('y')], { dedupe: { key: 'k', value: 't_x' } })
  await assert.rejects(refused, { code: 'disk_full' })
  assert.equal((await stat(path)).size, before)
  assert.ok((host.writes.at(-1)?.bytes.length ?? 0) > 0)
  host.fail = undefined
  await journal.append([bytes('b')])
  await journal.close()
  const again = await openTestJournal(t, dir)
  assert.deepEqual(await contents(again.journal), ['1 a', '2 b'])
  assert.equal(again.journal.known('k'), undefined)
})

test('on a full disk the ballast is given up for accepted work while new work is refused', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal, clock } = await openTestJournal(t, dir, { host, ballastBytes: 100_000, minFreeBytes: 10 })
  assert.equal((await stat(join(dir, 'ballast'))).size, 100_000)
  let full = true
  Object.defineProperty(host, 'fail', {
    get() {
      full &&= existsSync(join(dir, 'ballast'))
      return full ? diskFull() : undefined
    },
  })
  const intake = journal.append([bytes('new')], { intake: true })
  const progress = journal.append([bytes('progress')])
  await assert.rejects(intake, { code: 'disk_full' })
  assert.equal(await progress, 1)
  await assert.rejects(stat(join(dir, 'ballast')))
  await assert.rejects(journal.append([bytes('new')], { intake: true }), { code: 'disk_full' })
  clock.advance(2_000)
  await journal.append([bytes('looks at the room')])
  let seq: number | undefined
  while (seq === undefined) {
    await nextTurn()
    seq = await journal.append([bytes('new')], { intake: true }).catch(() => undefined)
  }
  assert.equal(seq, 3)
  assert.equal((await stat(join(dir, 'ballast'))).size, 100_000, 'the ballast is back')
})

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('too little free space refuses new work before the disk is full', async (t) => {
  const host = faultyHost()
  host.free = 999
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir, { host, minFreeBytes: 1_000 })
  await assert.rejects(journal.append([bytes('new')], { intake: true }), { code: 'disk_full' })
  assert.equal(await journal.append([bytes('progress')]), 1)
})

test('an I/O error is fatal: everything is refused from then on and the process is told once', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal, fatal } = await openTestJournal(t, dir, { host })
  host.fail = new YizhanError('storage_failed', 'fsync: EIO')
  const appends = ['a', 'b', 'c'].map((text) => journal.append([bytes(text)]))
  for (const append of appends) await assert.rejects(append, { code: 'storage_failed' })
  host.fail = undefined
  await assert.rejects(journal.append([bytes('d')]), { code: 'storage_failed' })
  assert.equal(fatal.length, 1)
})

test('a write starts at once, and what arrives meanwhile shares the next fsync', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir, { host })
  let open = () => {}
  host.gate = new Promise((resolve) => {
    open = resolve
  })
  const before = host.writes.length
  const appends = Array.from({ length: 10 }, (_, i) => journal.append([bytes(`${i}`)]))
  while (host.writes.length === before) await nextTurn()
  open()
  assert.deepEqual(await Promise.all(appends), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.equal(host.writes.length, before + 2)
  assert.ok(host.writes.slice(before).every(({ sync }) => sync))
})

test('a lazy append alone asks for no fsync', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir, { host })
  await journal.append([bytes('a')], { lazy: true })
  assert.equal(host.writes.at(-1)?.sync, false)
})

test('a failed sync is fatal, is never tried again, and nobody was told that all is well', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal, fatal } = await openTestJournal(t, dir, { host })
  await journal.append([bytes('a')])
  host.failSync = new Error('EIO')
  await assert.rejects(journal.append([bytes('b')]), { code: 'storage_failed' })
  host.failSync = undefined
  await journal.close()
  assert.deepEqual([fatal.length, host.writes.at(-1)?.sync], [1, false])
  const again = await openTestJournal(t, dir)
  const found = await contents(again.journal)
  assert.ok(!found.some((line) => line.startsWith('lost')), 'what was not acked is no loss')
})

test('a journal that holds as much as it may takes no new work, but ends what it has', async (t) => {
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir, { maxBytes: 2_000, segmentBytes: 500 })
  const record = [bytes('x'.repeat(400))]
  while (await journal.append(record, { intake: true }).catch(() => undefined));
  const refused = journal.append(record, { intake: true })
  await assert.rejects(refused, ({ code, details }: YizhanError) => {
    assert.deepEqual([code, details.maxBytes], ['overloaded', 2_000])
    assert.ok(Number(details.bytes) > 2_000)
    return true
  })
  await journal.append(record)
  await journal.prune({ before: journal.next, olderThanMs: 1e9, dedupeMs: 1e9 })
  await journal.append(record, { intake: true })
  assert.ok((await contents(journal, journal.next - 3)).every((line) => !line.startsWith('lost')))
})

test('a journal with as many records as it may have takes no new work', async (t) => {
  const { journal } = await openTestJournal(t, await temporaryDir(t), { maxRecords: 3 })
  for (const text of ['a', 'b', 'c', 'd']) await journal.append([bytes(text)], { intake: true })
  await assert.rejects(journal.append([bytes('e')], { intake: true }), { code: 'overloaded' })
})

test('on a full disk a journal opens, and is pruned', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir, { segmentBytes: 400 })
  for (let i = 0; i < 10; i++) await first.journal.append([bytes('x'.repeat(200))])
  await first.journal.close()
  const host = faultyHost()
  host.fail = diskFull()
  const { journal, clock, fatal } = await openTestJournal(t, dir, { host, segmentBytes: 400 })
  await assert.rejects(journal.append([bytes('y')]), { code: 'disk_full' })
  clock.advance(1_000)
  await journal.prune({ before: 11, olderThanMs: 1, dedupeMs: 1 })
  assert.equal((await segmentFiles(dir)).filter((path) => !path.endsWith('b.seg')).length, 0)
  host.fail = undefined
  assert.equal(await journal.append([bytes('y')]), 11)
  assert.deepEqual(fatal, [])
})
