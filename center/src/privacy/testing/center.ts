import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { createSealer, envKek, ManualClock, openKeyStore, silentLogger } from '@yizhan/kernel'
import { type EdgeEntry, openEdgeCommands, openSigner } from '../../fleet/index.js'
import { openStorage } from '../../storage/index.js'
import { openErasureLog } from '../erasure-log.js'
import { createPrivacy } from '../privacy.js'
import { SubjectDirectory } from '../subject-directory.js'
import { SECTION } from './installation.js'
import { acme, DAY, edge, globex } from './stand.js'

export const beijing = edge('beijing-1')
// The same in every process of a test.
const KEK = `1 ${createHash('sha256').update('for tests').digest('base64')}`

/** Privacy as the center puts it together: key store, sealing, storage and log, all of it on disk. */
export async function openCenter(dir: string) {
  const clock = new ManualClock()
  const log = silentLogger()
  const keys = await openKeyStore({ kek: envKek(KEK), log, clock }, { dir: join(dir, 'keys') })
  const sealer = createSealer({ keyring: keys })
  const storage = await openStorage({ log, sealer, clock }, { dir: join(dir, 'data'), shards: 1 })
  const { store, system, upkeep } = storage
  const signer = await openSigner({ log }, { dir: join(dir, 'ca') })
  const erasureLog = await openErasureLog({ signer, log }, { paths: [join(dir, 'erasures.jsonl')] })
  const commands = await openEdgeCommands({ system, clock, log })
  const edges: EdgeEntry[] = [
    {
      edgeId: beijing,
      tenants: [acme],
      site: 'Beijing',
      revoked: false,
      enrolledAt: 0,
      linkGeneration: 1,
      appliedRevision: 1,
      lastSeenAt: 0,
    },
  ]
  const privacy = createPrivacy(
    {
      store,
      system,
      upkeep,
      keys,
      subjects: new SubjectDirectory({ store, keys, clock }),
      policies: { of: async () => SECTION },
      tenants: () => [acme, globex],
      fleet: { registry: { list: () => edges }, commands, linked: () => true },
      erasureLog,
      signer,
      sources: [],
      clock,
      log,
    },
    { caseDueMs: 15 * DAY, backupHorizonMs: 0, sweepEveryMs: DAY, resumeEveryMs: 3_600_000 },
  )
  return {
    dir,
    clock,
    keys,
    store,
    storage,
    commands,
    erasureLog,
    privacy,
    async close(): Promise<void> {
      await erasureLog.close()
      await storage.close()
      await keys.close()
    },
  }
}
