import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { asTenantId, ManualClock, silentLogger, type TenantId, YizhanError } from '@yizhan/kernel'
import { openDatabase } from './level-database.js'
import { recordKey } from './level-key.js'
import { type FoundRecord, LevelReads } from './level-reads.js'

const ACME = asTenantId('acme') as TenantId
const OTHER = asTenantId('other') as TenantId

/** A database with `keys` of acme, each holding its own name; what `open` was given is noted, and 'bad' does not open. */
async function reads(t: TestContext, keys: readonly string[]) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-reads-'))
  const database = await openDatabase({ log: silentLogger(), clock: new ManualClock() }, dir, false)
  t.after(async () => {
    await database.close()
    await rm(dir, { recursive: true, force: true })
  })
  await database.write(
    keys.map((key) => ({
      key: recordKey(ACME, 'things', key),
      value: Buffer.from(key.padEnd(key.startsWith('large') ? 20_000 : 0)),
    })),
  )
  const opened: string[][] = []
  const open = async (found: readonly FoundRecord[]) => {
    opened.push(found.map(({ key }) => key))
    return found.map(({ key, bytes }) => {
      if (key === 'bad') throw new YizhanError('data_corrupt', 'damaged')
      return key === 'erased' ? undefined : { key, value: bytes, version: 1 }
    })
  }
  return { database, opened, reads: new LevelReads(database, open) }
}

test('a record that does not open fails alone, those read beside it come', async (t) => {
  const { reads: level } = await reads(t, ['a', 'bad', 'b'])
  const [a, bad, b] = await Promise.allSettled(
    ['a', 'bad', 'b'].map((key) => level.read(ACME, 'things', key)),
  )
  assert.equal(a?.status === 'fulfilled' && a.value?.key, 'a')
  assert.equal(bad?.status === 'rejected' && bad.reason.code, 'data_corrupt')
  assert.equal(b?.status === 'fulfilled' && b.value?.key, 'b')
})

test('a closed database refuses each of the reads', async (t) => {
  const { database, reads: level } = await reads(t, ['a', 'b'])
  await database.close()
  const settled = await Promise.allSettled(['a', 'b'].map((key) => level.read(ACME, 'things', key)))
  const codes = settled.map((one) => one.status === 'rejected' && one.reason.code)
  assert.deepEqual(codes, ['unavailable', 'unavailable'])
})

test('each reader gets the record of its own scope, collection and key, or nothing', async (t) => {
  const { reads: level } = await reads(t, ['a', 'b', 'erased'])
  const found = await Promise.all([
    level.read(ACME, 'things', 'b'),
    level.read(OTHER, 'things', 'b'),
    level.read(ACME, 'other', 'b'),
    level.read(null, 'things', 'b'),
    level.read(ACME, 'things', 'erased'),
    level.read(ACME, 'things', 'a'),
    level.read(ACME, 'things', 'b'),
  ])
  assert.deepEqual(
    found.map((record) => record && Buffer.from(record.value).toString()),
    ['b', undefined, undefined, undefined, undefined, 'a', 'b'],
  )
})

test('reads of one turn are opened together, eight at a time; a later one does not wait for more', async (t) => {
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
  const { opened, reads: level } = await reads(t, keys)
  await Promise.all(keys.map((key) => level.read(ACME, 'things', key)))
  assert.deepEqual(opened.map((group) => group.length).sort(), [4, 8, 8])
  assert.deepEqual(new Set(opened.flat()), new Set(keys))
  await level.read(ACME, 'things', 'k3')
  assert.deepEqual(opened.at(-1), ['k3'])
})

test('a large record is opened alone, so that small ones do not wait for it', async (t) => {
  const { opened, reads: level } = await reads(t, ['a', 'large', 'b'])
  await Promise.all(['a', 'large', 'b'].map((key) => level.read(ACME, 'things', key)))
  assert.deepEqual(opened, [['large'], ['a', 'b']])
})
