import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, silentLogger } from '@yizhan/kernel'
import { acme, code } from './contract-place.js'
import { Cursors } from './cursor.js'
import { write } from './engine-place.js'
import { levelAudit } from './level-audit.js'
import { openDatabase } from './level-database.js'
import { LevelEngine } from './level-engine.js'
import type { ScopeHead } from './port.js'

/** An engine with six entries, read under heads that the test gives. */
async function sixEntries(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'yizhan-audit-'))
  const deps = {
    clock: new ManualClock(),
    sealer: plainSealer,
    log: silentLogger(),
    cursors: new Cursors(new Uint8Array(32)),
  }
  const database = await openDatabase(deps, directory, false, 'never')
  const engine = new LevelEngine('level', { ...deps, database })
  t.after(async () => {
    await engine.drain()
    await database.close()
    await rm(directory, { recursive: true, force: true })
  })
  for (let time = 1; time <= 6; time++) await write(engine, acme, [], { time })
  const readUnder = async (heads: readonly (ScopeHead | undefined)[], options = {}) => {
    const rest = [...heads]
    const head = async () => (rest.length > 1 ? rest.shift() : rest[0])
    const { entries } = await levelAudit({ ...deps, database, head }, acme, options)
    return entries.map(({ time }) => time)
  }
  return { engine, readUnder }
}

test('entries that are pruned between the reading of the head and theirs are no loss', async (t) => {
  const { engine, readUnder } = await sixEntries(t)
  const before = await engine.head(acme)
  await engine.pruneAudit(acme, 4)
  const after = await engine.head(acme)
  assert.deepEqual(await readUnder([before, after]), [5, 6])
  assert.deepEqual(await readUnder([before, after], { reverse: true }), [6, 5])
  await assert.rejects(readUnder([before]), code('data_corrupt'))
  await assert.rejects(readUnder([before], { reverse: true }), code('data_corrupt'))
})

test('entries that are written between the two readings come along or on the next page', async (t) => {
  const { engine, readUnder } = await sixEntries(t)
  const before = await engine.head(acme)
  await write(engine, acme, [], { time: 7 })
  const times = await readUnder([before])
  assert.deepEqual(times.slice(0, 6), [1, 2, 3, 4, 5, 6])
})
