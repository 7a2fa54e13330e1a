import assert from 'node:assert/strict'
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { systemHost } from '../segments/index.js'
import { encodeRecord } from '../segments/record.js'
import { contents, diskFull, faultyHost, openTestJournal, temporaryDir } from '../testing.js'
import { recordKey } from './keys.js'

const EPOCH = 0xabcdn
const hex = (value: number) => value.toString(16).padStart(14, '0')

/** A journal as the version before wrote it: records 3 … `last`, 5 is gone, the head mark knows of one more. */
async function writeOld(dir: string, last: number): Promise<void> {
  const db = new ClassicLevel<string, Uint8Array>(join(dir, 'store'), { valueEncoding: 'view' })
  await db.open()
  const batch = db.batch()
  for (let seq = 3; seq <= last; seq++) {
    const age = Math.floor(seq / 3) * 1_000 + 0.5
    if (seq !== 5) batch.put(recordKey(seq), encodeRecord(seq, age, Buffer.from(`old ${seq}`)))
    batch.put(`dkey ${seq}`, Buffer.from(`t_${seq}`))
    batch.put(`a${hex(Math.floor(age))}${hex(seq)}`, Buffer.from(`dkey ${seq}`))
  }
  const marks = JSON.stringify({ epoch: EPOCH.toString(16), low: 3, settled: 6 })
  batch.put('m', encodeRecord(0, 9_000, Buffer.from(marks)))
  await batch.write()
  await db.close()
  const head = Buffer.alloc(8)
  head.writeDoubleBE(last + 1)
  await writeFile(join(dir, 'head'), encodeRecord(0, 0, head))
}

const OLD = ['3 old 3', '4 old 4', 'lost 5-5', '6 old 6', '7 old 7', 'lost 8-8']

test('a journal of the version before is taken over with positions, ages, marks, epoch, keys and losses', async (t) => {
  const dir = await temporaryDir(t)
  await writeOld(dir, 7)
  const { journal, clock } = await openTestJournal(t, dir)
  assert.deepEqual(await contents(journal), OLD)
  assert.deepEqual([journal.epoch, journal.settled, journal.next, journal.age()], [EPOCH, 6, 9, 9_000])
  assert.deepEqual([journal.known('key 3'), journal.known('key 7')], ['t_3', 't_7'])
  assert.ok(!(await readdir(dir)).includes('store'))
  await journal.append([Buffer.from('new')])
  await journal.prune({ before: 9, olderThanMs: 7_500, dedupeMs: 7_500 })
  assert.deepEqual((await contents(journal)).slice(0, 2), ['lost 5-5', '6 old 6'], 'ages stay')
  assert.deepEqual([journal.known('key 3'), journal.known('key 7')], [undefined, 't_7'])
  await journal.close()
  const again = await openTestJournal(t, dir, { clock })
  assert.deepEqual(await contents(again.journal, 6), ['6 old 6', '7 old 7', 'lost 8-8', '9 new'])
  assert.deepEqual([again.journal.known('key 3'), again.journal.known('key 7')], [undefined, 't_7'])
})

test('a take-over that was killed anywhere begins anew and takes all', async (t) => {
  const dir = await temporaryDir(t)
  await writeOld(dir, 7)
  const kept = join(dir, 'kept')
  await cp(join(dir, 'store'), kept, { recursive: true })
  await mkdir(join(dir, 'segments.new'))
  await writeFile(join(dir, 'segments.new', '00000000000001.seg'), 'half')
  const first = await openTestJournal(t, dir)
  assert.deepEqual(await contents(first.journal), OLD)
  await first.journal.append([Buffer.from('new')])
  await first.journal.close()
  // Killed before the old one was deleted, and while it was.
  await cp(kept, join(dir, 'store'), { recursive: true })
  await mkdir(join(dir, 'store.done'))
  const { journal } = await openTestJournal(t, dir)
  assert.deepEqual(await contents(journal), [...OLD, '9 new'])
  assert.deepEqual(
    (await readdir(dir)).filter((name) => /^store|new$|quarantine/.test(name)),
    [],
  )
})

test('on a full disk nothing is taken over and nothing lost', async (t) => {
  const dir = await temporaryDir(t)
  await writeOld(dir, 7)
  const host = faultyHost()
  host.fail = diskFull()
  await assert.rejects(openTestJournal(t, dir, { host }), { code: 'disk_full' })
  assert.deepEqual(await contents((await openTestJournal(t, dir)).journal), OLD)
})

test('an old journal beside one of segments that is not its own is moved aside, not deleted', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir)
  await first.journal.append([Buffer.from('a')])
  await first.journal.close()
  await writeOld(dir, 7)
  await rm(join(dir, 'head'))
  const { journal } = await openTestJournal(t, dir)
  assert.deepEqual(await contents(journal), ['1 a'])
  const aside = (await readdir(dir)).filter((name) => name.startsWith('store.quarantine-'))
  assert.equal(aside.length, 1)
})

for (const damage of ['CURRENT gone', 'CURRENT overwritten'] as const) {
  test(`an old journal with its ${damage} is moved aside and a new epoch starts`, async (t) => {
    const dir = await temporaryDir(t)
    await writeOld(dir, 7)
    const current = join(dir, 'store', 'CURRENT')
    await (damage === 'CURRENT gone' ? rm(current) : writeFile(current, 'MANIFEST-000999\n'))
    const { journal } = await openTestJournal(t, dir)
    assert.ok(journal.quarantined && (await systemHost.list(journal.quarantined)).length > 0)
    assert.notEqual(journal.epoch, EPOCH)
    assert.deepEqual([await contents(journal), journal.next], [[], 1])
  })
}
