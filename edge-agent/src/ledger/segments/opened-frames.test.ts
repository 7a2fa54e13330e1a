import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainSealer, type Sealer } from '@yizhan/kernel'
import type { Journal } from '../journal.js'
import { openTestJournal, temporaryDir } from '../testing.js'

function counting(): Sealer & { opened: number } {
  const sealer = {
    ...plainSealer,
    opened: 0,
    openAll: (items: Parameters<Sealer['openAll']>[0]) => {
      sealer.opened += items.length
      return plainSealer.openAll(items)
    },
  }
  return sealer
}

async function recordAt(journal: Journal, seq: number): Promise<string> {
  for await (const scanned of journal.scan(seq)) {
    return scanned.kind === 'record' ? Buffer.from(scanned.bytes).toString() : scanned.kind
  }
  return 'none'
}

const bytes = (text: string) => Buffer.from(text)

test('records that are looked up one by one have their commit opened once', async (t) => {
  const dir = await temporaryDir(t)
  const { journal: before } = await openTestJournal(t, dir)
  await before.append(Array.from({ length: 50 }, (_, i) => bytes(`record ${i + 1}`)))
  await before.append([bytes('record 51')])
  await before.close()
  const sealer = counting()
  const { journal } = await openTestJournal(t, dir, { sealer })
  const atStart = sealer.opened
  for (const seq of [7, 50, 1, 51, 7]) assert.equal(await recordAt(journal, seq), `record ${seq}`)
  assert.equal(sealer.opened - atStart, 2, 'two commits, each opened once')
})

test('what was replaced is not read from memory', async (t) => {
  const dir = await temporaryDir(t)
  const { journal: before } = await openTestJournal(t, dir)
  await before.append([bytes('kept'), bytes('a name')])
  await before.close()
  const { journal } = await openTestJournal(t, dir)
  assert.equal(await recordAt(journal, 2), 'a name')
  await journal.replace([{ seq: 2, age: journal.age(), bytes: bytes('blank') }])
  assert.equal(await recordAt(journal, 2), 'blank')
  assert.equal(await recordAt(journal, 1), 'kept')
})

test('what is kept open is bounded', async (t) => {
  const dir = await temporaryDir(t)
  const { journal: before } = await openTestJournal(t, dir, { segmentBytes: 1 << 20 })
  const large = 'x'.repeat(512 << 10)
  for (let i = 0; i < 6; i++) await before.append([bytes(large)])
  await before.close()
  const sealer = counting()
  const { journal } = await openTestJournal(t, dir, { sealer, segmentBytes: 1 << 20 })
  const atStart = sealer.opened
  for (const seq of [1, 2, 3, 4, 5, 6]) assert.equal((await recordAt(journal, seq)).length, large.length)
  await recordAt(journal, 6)
  assert.equal(sealer.opened - atStart, 6, 'the last is open still')
  await recordAt(journal, 1)
  assert.equal(sealer.opened - atStart, 7, 'the first had to go')
})
