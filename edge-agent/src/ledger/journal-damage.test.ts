import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { ManualClock } from '@yizhan/kernel'
import { testSealer } from '../privacy/testing.js'
import { decodeSegmentHeader, SEGMENT_HEADER, SEGMENTS, walkFrames } from './segments/index.js'
import { bytes, contents, openTestJournal, segmentFiles, temporaryDir } from './testing.js'

/** A closed journal with a commit for each text, all in one segment. */
async function written(t: TestContext, texts: readonly string[]): Promise<{ dir: string; path: string }> {
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir)
  for (const text of texts) await journal.append([bytes(text)], { dedupe: { key: text, value: `t_${text}` } })
  await journal.close()
  const [path = '', ...more] = await segmentFiles(dir)
  assert.deepEqual(more, [])
  return { dir, path }
}

/** Where the commits begin and end. */
async function framesOf(path: string): Promise<{ readonly at: number; readonly end: number }[]> {
  const file = await readFile(path)
  const header = decodeSegmentHeader(file) ?? assert.fail('no header')
  let at = SEGMENT_HEADER
  return walkFrames(file, header.epoch, header.index).frames.map(({ end }) => {
    const frame = { at, end }
    at = end
    return frame
  })
}

async function flip(path: string, at: number, bit = 1): Promise<void> {
  const file = await readFile(path)
  file[at] = (file[at] ?? 0) ^ bit
  await writeFile(path, file)
}

async function reopened(t: TestContext, dir: string) {
  const { journal } = await openTestJournal(t, dir)
  return { journal, found: await contents(journal) }
}

test('whichever bit of a commit flips, that commit alone is lost, in its place', async (t) => {
  const { dir, path } = await written(t, ['a', 'b', 'c'])
  const [, second] = await framesOf(path)
  assert.ok(second)
  const whole = await readFile(path)
  for (let at = second.at; at < second.end; at++) {
    await writeFile(path, whole)
    await flip(path, at, 1 << (at % 8))
    const { journal, found } = await reopened(t, dir)
    assert.deepEqual(found, ['1 a', 'lost 2-2', '3 c'], `byte ${at}`)
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => journal.known(key)),
      ['t_a', undefined, 't_c'],
    )
    assert.equal(journal.next, 4)
    await journal.close()
  }
})

test('a flipped bit in the header of a segment loses nothing', async (t) => {
  const { dir, path } = await written(t, ['a', 'b'])
  for (let at = 0; at < SEGMENT_HEADER; at++) {
    await flip(path, at)
    const { journal, found } = await reopened(t, dir)
    assert.deepEqual(found, ['1 a', '2 b'], `byte ${at}`)
    await journal.close()
    await flip(path, at)
  }
})

test('a commit that lies where another one was does not pass for it', async (t) => {
  const { dir, path } = await written(t, ['a', 'b', 'c'])
  const [first, second] = await framesOf(path)
  assert.ok(first && second)
  const file = await readFile(path)
  file.copy(file, second.at, first.at, first.end)
  await writeFile(path, file)
  assert.deepEqual((await reopened(t, dir)).found, ['1 a', 'lost 2-2', '3 c'])
})

test('what is sealed is lost to whoever has no key for it, not damaged', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir, { sealer: testSealer })
  await first.journal.append([bytes('a')])
  await first.journal.close()
  const plain = await openTestJournal(t, dir)
  assert.deepEqual(await contents(plain.journal), ['lost 1-1'], 'a key is needed to read it')
  await plain.journal.close()
  const again = await openTestJournal(t, dir, { sealer: testSealer })
  assert.deepEqual(await contents(again.journal), ['1 a'])
})

test('a cut tail that was acked is an exact loss, and no position is given twice', async (t) => {
  const { dir, path } = await written(t, ['a', 'b', 'c', 'd'])
  const frames = await framesOf(path)
  await truncate(path, frames[2]?.at)
  const { journal, found } = await reopened(t, dir)
  assert.deepEqual(found, ['1 a', '2 b', 'lost 3-4'])
  assert.equal(await journal.append([bytes('e')]), 5)
  assert.deepEqual(await contents(journal), ['1 a', '2 b', 'lost 3-4', '5 e'])
})

test('a torn commit that nobody was told of is no loss', async (t) => {
  const { dir, path } = await written(t, ['a', 'b'])
  const [, second] = await framesOf(path)
  const file = await readFile(path)
  // As a process leaves it that was killed in the middle of the third commit.
  await writeFile(path, Buffer.concat([file, file.subarray(second?.at).subarray(0, 50), Buffer.alloc(500)]))
  const { journal, found } = await reopened(t, dir)
  assert.deepEqual(found, ['1 a', '2 b'])
  assert.equal(await journal.append([bytes('c')]), 3)
})

test('a segment that is gone is an exact loss', async (t) => {
  const dir = await temporaryDir(t)
  const { journal } = await openTestJournal(t, dir, { segmentBytes: 500 })
  for (let i = 1; i <= 20; i++) await journal.append([bytes(`record ${i} ${'x'.repeat(90)}`)])
  await journal.close()
  const paths = await segmentFiles(dir)
  assert.equal(paths.length, 10)
  for (const path of [paths[3], paths[4], paths[9]]) await rm(path ?? '')
  const { found } = await reopened(t, dir)
  assert.deepEqual(
    found.filter((line) => line.startsWith('lost')),
    ['lost 7-10', 'lost 19-20'],
  )
  assert.equal(found.length, 16)
})

test('an emptied directory of segments is not a fresh one', async (t) => {
  const { dir } = await written(t, ['a', 'b'])
  await rm(join(dir, SEGMENTS), { recursive: true })
  assert.deepEqual((await reopened(t, dir)).found, ['lost 1-2'])
})

test('without its marks a journal reads them from its segments and keeps its epoch', async (t) => {
  const { dir } = await written(t, ['a', 'b'])
  const before = await openTestJournal(t, dir)
  await before.journal.close()
  await writeFile(join(dir, SEGMENTS, 'marks'), 'x'.repeat(1_024))
  const { journal, found } = await reopened(t, dir)
  assert.deepEqual([journal.epoch, found], [before.journal.epoch, ['1 a', '2 b']])
})

test('one damaged place of the marks leaves the other', async (t) => {
  const clock = new ManualClock()
  const dir = await temporaryDir(t)
  const first = await openTestJournal(t, dir, { clock })
  await first.journal.append(['a', 'b', 'c'].map(bytes))
  clock.advance(1_000)
  await first.journal.prune({ before: 3, olderThanMs: 10, dedupeMs: 10 })
  await first.journal.close()
  const marks = join(dir, SEGMENTS, 'marks')
  for (const at of [20, 532]) {
    await flip(marks, at)
    const { journal } = await openTestJournal(t, dir, { clock })
    assert.deepEqual(await contents(journal), ['3 c'], `byte ${at}`)
    await journal.close()
  }
})

test('a whole commit of an unknown format stops the start instead of counting as damage', async (t) => {
  const { dir, path } = await written(t, ['a'])
  const file = await readFile(path)
  const [frame] = await framesOf(path)
  const { epoch, index } = decodeSegmentHeader(file) ?? assert.fail()
  assert.ok(frame)
  file.writeUInt32BE(9, frame.at + 8)
  const place = Buffer.alloc(24)
  place.writeBigUInt64BE(epoch)
  place.writeDoubleBE(index, 8)
  place.writeDoubleBE(frame.at, 16)
  file.writeUInt32BE(crc32(file.subarray(frame.at + 8, frame.end), crc32(place)), frame.at + 4)
  await writeFile(path, file)
  await assert.rejects(openTestJournal(t, dir), { code: 'version_skew' })
})

for (const [damage, spoil] of [
  ['nothing in it says whose it is', spoilAll],
  ['it is no directory', makeFile],
  ['it is of another journal', mixUp],
] as const) {
  test(`a journal is moved aside and a new epoch starts if ${damage}`, async (t) => {
    const { dir } = await written(t, ['a', 'b'])
    const before = await openTestJournal(t, dir)
    await before.journal.close()
    await spoil(dir, t)
    const { journal, found } = await reopened(t, dir)
    assert.ok(journal.quarantined, 'says where it went')
    assert.ok(await stat(journal.quarantined))
    assert.notEqual(journal.epoch, before.journal.epoch)
    assert.deepEqual(found, [])
    assert.equal(await journal.append([bytes('b')]), 1)
    assert.equal(await journal.dropQuarantined(), 1)
    assert.ok((await readdir(dir)).every((name) => !name.includes('quarantine')))
    await journal.close()
    assert.deepEqual((await reopened(t, dir)).found, ['1 b'], 'the head mark of the old one is forgotten')
  })
}

async function spoilAll(dir: string): Promise<void> {
  await writeFile(join(dir, SEGMENTS, 'marks'), 'x'.repeat(1_024))
  for (const path of await segmentFiles(dir)) await flip(path, 17)
}

async function makeFile(dir: string): Promise<void> {
  await rm(join(dir, SEGMENTS), { recursive: true })
  await writeFile(join(dir, SEGMENTS), 'x')
}

async function mixUp(dir: string, t: TestContext): Promise<void> {
  const other = await written(t, ['x'])
  await rm(join(dir, SEGMENTS), { recursive: true })
  const marks = join(dir, SEGMENTS, 'marks')
  await mkdir(join(dir, SEGMENTS))
  await rename(other.path, join(dir, SEGMENTS, '00000000000001.seg'))
  const third = await written(t, ['y'])
  await rename(join(third.dir, SEGMENTS, 'marks'), marks)
}
