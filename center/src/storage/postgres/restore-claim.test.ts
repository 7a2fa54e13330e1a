import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, silentLogger } from '@yizhan/kernel'
import { acme, audit, put } from '../contract-place.js'
import { type EngineGiven, openStorage } from '../storage.js'
import { endRestore, openForRestore, openPostgresEngine, type RestorePostgres } from './open.js'
import { postgres } from './testing/place.js'

const { signal } = new AbortController()
const log = silentLogger()

async function place(t: TestContext) {
  const server = await postgres(t)
  if (!server) return
  const config = server.config(await server.database())
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-pg-claim-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const open = (
    openEngine: (given: EngineGiven) => Promise<Awaited<ReturnType<typeof openPostgresEngine>>>,
  ) => openStorage({ log, sealer: plainSealer, clock: new ManualClock(), openEngine }, { dir, shards: 0 })
  return {
    config,
    /** As a center opens it. */
    open: (restored?: string) => open((given) => openPostgresEngine(given, config, { restored })),
    /** As a restore does. */
    async restore(id: string) {
      let engine: RestorePostgres | undefined
      const storage = await open(async (given) => {
        engine = await openForRestore(given, config, { id, signal })
        return engine
      })
      return { storage, undo: async () => engine?.undo() }
    },
  }
}

const cutShort = { code: 'failed_precondition', message: /cut short/ }

test('a database that holds data is not restored into, and stays as it is', async (t) => {
  const at = await place(t)
  if (!at) return
  const storage = await at.open()
  await storage.store.batch(acme, [put('a', '1')], audit)
  await storage.close()
  await assert.rejects(at.restore('r1'), { code: 'already_exists' })
  const again = await at.open()
  t.after(() => again.close())
  assert.equal(Buffer.from((await again.store.get(acme, 'things', 'a'))?.value ?? []).toString(), '1')
})

test('what a restore has left half full no center opens; the next restore deletes it', async (t) => {
  const at = await place(t)
  if (!at) return
  const { storage } = await at.restore('r1')
  await storage.store.batch(acme, [put('a', '1')], audit)
  await storage.close()
  await assert.rejects(at.open(), cutShort)
  await assert.rejects(at.open('r0'), cutShort)

  const second = await at.restore('r2')
  assert.deepEqual(second.storage.upkeep.tenantIds(), [])
  assert.equal(await second.storage.store.get(acme, 'things', 'a'), undefined)
  await second.storage.store.batch(acme, [put('b', '2')], audit)
  await second.storage.close()
  await endRestore({ log }, at.config, 'r1')
  await assert.rejects(at.open(), cutShort, 'the end of another restore ends nothing')
  await endRestore({ log }, at.config, 'r2')
  const center = await at.open()
  t.after(() => center.close())
  assert.deepEqual(center.upkeep.tenantIds(), [acme])
})

test('a restore that was killed after its last step is ended by the center that it made', async (t) => {
  const at = await place(t)
  if (!at) return
  const { storage } = await at.restore('r1')
  await storage.store.batch(acme, [put('a', '1')], audit)
  await storage.close()
  const made = await at.open('r1')
  assert.deepEqual(made.upkeep.tenantIds(), [acme])
  await made.close()
  const later = await at.open()
  t.after(() => later.close())
  assert.deepEqual(later.upkeep.tenantIds(), [acme])
})

test('a restore that fails leaves the database empty and free', async (t) => {
  const at = await place(t)
  if (!at) return
  const { storage, undo } = await at.restore('r1')
  await storage.store.batch(acme, [put('a', '1')], audit)
  await undo()
  await storage.close()
  const center = await at.open()
  t.after(() => center.close())
  assert.deepEqual(center.upkeep.tenantIds(), [])
})

test('two restores into one database at once: the second is refused', async (t) => {
  const at = await place(t)
  if (!at) return
  const { storage } = await at.restore('r1')
  t.after(() => storage.close())
  await storage.store.batch(acme, [put('a', '1')], audit)
  await assert.rejects(at.restore('r2'), { code: 'failed_precondition', message: /another restore/ })
})
