import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { type StorageGiven, storageContract } from './contract.js'
import { isolationContract } from './isolation.js'
import { openStorage } from './storage.js'

for (const shards of [1, 3]) {
  const place = async (t: TestContext) => {
    const dir = await mkdtemp(join(tmpdir(), 'yizhan-contract-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    return {
      open: (given: StorageGiven) => openStorage({ ...given, log: silentLogger() }, { dir, shards }),
    }
  }
  storageContract(`level, ${shards} shards`, place)
  isolationContract(`level, ${shards} shards`, place, [1, 2, 3])
}
