import assert from 'node:assert/strict'
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock, YizhanError } from '@yizhan/kernel'
import { ClassicLevel } from 'classic-level'
import type { Journal, Scanned } from './journal.js'
import { recordKey } from './keys.js'
import { encodeRecord } from './record.js'
import { diskFull, faultyHost, openTestJournal, temporaryDir } from './testing.js'

const bytes = (text: string) => new TextEncoder().encode(text)

async function contents(journal: Journal, from = 1): Promise<string[]> {
  const found: string[] = []
  for await (const item of journal.scan(from)) found.push(show(item))
  return found
}

function show(item: Scanned): string {
  return item.kind === 'lost'
    ? `lost ${item.from}-${item.to}`
    : `${item.seq} ${new TextDecoder().decode(item.bytes)}`
}

async function editStore(
  dir: string,
  edit: (db: ClassicLevel<string, Uint8Array>) => Promise<void>,
): Promise<void> {
  const db = new ClassicLevel<string, Uint8Array>(join(dir, 'store'), { valueEncoding: 'view' })
  await db.open()
  await edit(db)
  await db.close()
}

test('a record with a flipped bit is reported in its place and its neighbours are kept', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  for (const text of ['a', 'b', 'c']) await first.journal.append([bytes(text)])
  await first.journal.close()
  await editStore(dir, async (db) => {
    const stored = await db.get(recordKey(2))
    assert.ok(stored)
    const flipped = Uint8Array.from(stored, (byte, i) => (i === stored.length - 1 ? byte ^ 1 : byte))
    await db.put(recordKey(2), flipped)
  })
  const { journal } = await openTestJournal(t, dir)
  assert.deepEqual(await contents(journal), ['1 a', 'lost 2-2', '3 c'])
})

test('a record that was moved to another position does not pass for one', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  for (const text of ['a', 'b']) await first.journal.append([bytes(text)])
  await first.journal.close()
  await editStore(dir, async (db) => db.put(recordKey(2), encodeRecord(1, 0, bytes('a'))))
  const { journal } = await openTestJournal(t, dir)
  assert.deepEqual(await contents(journal), ['1 a', 'lost 2-2'])
})

test('missing records are counted exactly, in the middle and at the end', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  await first.journal.append(['a', 'b', 'c', 'd', 'e', 'f'].map(bytes))
  await first.journal.close()
  await editStore(dir, async (db) => {
    for (const seq of [2, 3, 6]) await db.del(recordKey(seq))
  })
  const { journal } = await openTestJournal(t, dir)
  assert.deepEqual(await contents(journal), ['1 a', 'lost 2-3', '4 d', '5 e', 'lost 6-6'])
  assert.equal(await journal.append([bytes('g')]), 7, 'a position is never given twice')
})

test('a log that lost its tail to a damaged block shows how much is gone', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  for (let i = 1; i <= 50; i++) await first.journal.append([bytes(`record ${i}`)])
  await first.journal.close()
  const log = (await readdir(join(dir, 'store'))).find((name) => name.endsWith('.log')) ?? ''
  const path = join(dir, 'store', log)
  await truncate(path, Math.floor((await stat(path)).size / 2))
  const { journal } = await openTestJournal(t, dir)
  const found = await contents(journal)
  const lost = found.at(-1)?.match(/^lost (\d+)-50$/)
  assert.ok(lost, `ends with the loss: ${found.at(-1)}`)
  assert.equal(found.length, Number(lost[1]), 'everything before the loss is there')
})

test('a flipped bit in the log of the store is an exact gap, and what came later is there', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  for (let i = 1; i <= 600; i++)
    await first.journal.append([bytes(`record ${i} ${'x'.repeat(100)}`)], { lazy: true })
  await first.journal.close()
  const log = (await readdir(join(dir, 'store'))).find((name) => name.endsWith('.log')) ?? ''
  const path = join(dir, 'store', log)
  const data = await readFile(path)
  const at = Math.floor(data.length / 3)
  data[at] = (data[at] ?? 0) ^ 4
  await writeFile(path, data)
  const { journal } = await openTestJournal(t, dir)
  const found = await contents(journal)
  const gaps = found.flatMap((line) => [...line.matchAll(/^lost (\d+)-(\d+)$/g)])
  assert.equal(gaps.length, 1)
  const lost = Number(gaps[0]?.[2]) - Number(gaps[0]?.[1]) + 1
  assert.equal(found.length - 1 + lost, 600)
  assert.ok(found.at(-1)?.startsWith('600 record 600'))
  assert.equal(await journal.append([bytes('next')]), 601)
})

test('a flipped bit in a key does not send the journal far ahead', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  await first.journal.append(['a', 'b'].map(bytes))
  await first.journal.close()
  await editStore(dir, async (db) => {
    const stored = await db.get(recordKey(2))
    await db.put(recordKey(2 + 2 ** 40), stored ?? assert.fail())
  })
  const { journal } = await openTestJournal(t, dir)
  assert.deepEqual([await contents(journal), journal.next], [['1 a', '2 b'], 3])
})

test('a whole record of an unknown format stops the start instead of counting as damage', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  await first.journal.append([bytes('a')])
  await first.journal.close()
  const { crc32 } = await import('node:zlib')
  await editStore(dir, async (db) => {
    const record = encodeRecord(1, 0, bytes('a'))
    record[0] = 9
    const place = new Uint8Array(9)
    new DataView(place.buffer).setFloat64(0, 1)
    place[8] = 9
    new DataView(record.buffer, record.byteOffset).setUint32(1, crc32(record.subarray(5), crc32(place)))
    await db.put(recordKey(1), record)
  })
  await assert.rejects(openTestJournal(t, dir), { code: 'version_skew' })
})

for (const damage of ['CURRENT gone', 'CURRENT overwritten'] as const) {
  test(`a store with its ${damage} is moved aside and a new epoch starts`, async (t) => {
    const dir = await temporaryDir(t)
    const first = await openTestJournal(t, dir)
    await first.journal.append([bytes('a')])
    await first.journal.close()
    const current = join(dir, 'store', 'CURRENT')
    await (damage === 'CURRENT gone' ? rm(current) : writeFile(current, 'MANIFEST-000999\n'))
    const { journal } = await openTestJournal(t, dir)
    assert.ok(journal.quarantined, 'says where it went')
    assert.ok((await readdir(journal.quarantined)).some((name) => name.endsWith('.log')))
    assert.notEqual(journal.epoch, first.journal.epoch)
    assert.deepEqual(await contents(journal), [])
    assert.equal(await journal.append([bytes('b')]), 1)
  })
}

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
  assert.equal(host.opens, 2, 'the store was opened afresh behind the torn write')
  assert.equal(journal.known('k'), undefined)
  assert.deepEqual(await contents(journal), ['1 a', '2 d'])
  assert.deepEqual(fatal, [])
})

test('what a refused write left on the disk is taken back by the next one', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir, { host })
  host.fail = diskFull()
  const refused = journal.append([bytes('x'), bytes('y')], { dedupe: { key: 'k', value: 't_x' } })
  await assert.rejects(refused, { code: 'disk_full' })
  host.fail = undefined
  await journal.append([bytes('a')])
  const last = host.writes.at(-1)?.ops ?? []
  assert.deepEqual(
    last.filter((op) => op.type === 'del').map((op) => op.key.slice(0, 1)),
    ['r', 'r', 'd', 'a', 'm'],
  )
  assert.deepEqual(await contents(journal), ['1 a'])
})

test('on a full disk the ballast is given up for accepted work while new work is refused', async (t) => {
  const host = faultyHost()
  const dir = await temporaryDir(t)
  const { journal, clock } = await openTestJournal(t, dir, { host, ballastBytes: 100_000, minFreeBytes: 10 })
  assert.equal((await stat(join(dir, 'ballast'))).size, 100_000)
  host.gate = Promise.resolve().then(() => {
    host.fail = diskFull()
  })
  await host.gate
  const reopened = host.open
  host.open = (at) => {
    host.fail = undefined
    return reopened(at)
  }
  const intake = journal.append([bytes('new')], { intake: true })
  await assert.rejects(intake, { code: 'disk_full' })
  assert.equal(await journal.append([bytes('progress')]), 1)
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
  assert.equal(host.writes.length, before + 1)
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

test('the head mark is written and read back', async (t) => {
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir)
  await journal.append([bytes('a'), bytes('b')])
  await journal.close()
  assert.equal((await readFile(join(dir, 'head'))).length, 21)
  await rm(join(dir, 'store'), { recursive: true })
  const again = await openTestJournal(t, dir)
  assert.deepEqual(await contents(again.journal), ['lost 1-2'], 'an emptied store is not a fresh one')
})
