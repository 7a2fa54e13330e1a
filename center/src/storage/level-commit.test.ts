import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManualClock, plainSealer, silentLogger } from '@yizhan/kernel'
import { acme, put } from './contract-place.js'
import { Cursors } from './cursor.js'
import { write } from './engine-place.js'
import { entryKeys } from './level-commit.js'
import { openDatabase } from './level-database.js'
import { LevelEngine } from './level-engine.js'

test('no value is empty, not one of an entry that is only there to be found by its key', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'yizhan-commit-'))
  const deps = { clock: new ManualClock(), sealer: plainSealer, log: silentLogger() }
  const database = await openDatabase(deps, directory, false)
  t.after(async () => {
    await database.close()
    await rm(directory, { recursive: true, force: true })
  })
  const engine = new LevelEngine('level', { ...deps, database, cursors: new Cursors(new Uint8Array(32)) })
  const found = { terms: [{ name: 'state', value: 'open' }], subject: 'subj_1', expiresAt: 1e15 }
  await write(engine, acme, [put('k', '', found)])
  await engine.drain()

  const all = { gte: Buffer.from([0]), lt: Buffer.from([0xff]) }
  const pairs = await database.page(all, { limit: 1_000, maxBytes: 1e6 })
  const entries = entryKeys(acme, 'things', 'k', { version: 1, ...found })
  assert.equal(entries.length, 3)
  for (const entry of entries) assert.ok(pairs.some(([key]) => key.equals(entry)))
  assert.deepEqual(
    pairs.filter(([, value]) => value.length === 0),
    [],
  )
})
