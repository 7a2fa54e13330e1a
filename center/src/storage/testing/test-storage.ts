import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ManualClock, plainSealer, silentLogger } from '@yizhan/kernel'
import { openStorage } from '../index.js'

/** For tests: a store of one shard, not sealed, in a directory of its own that goes with the test. */
export async function openTestStorage(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-storage-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const clock = new ManualClock()
  const log = silentLogger()
  const storage = await openStorage(
    { log, sealer: plainSealer, clock },
    { dir: join(dir, 'data'), shards: 1 },
  )
  t.after(() => storage.close())
  return { dir, clock, log, storage, store: storage.store }
}
