import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { ManualClock, plainSealer, silentLogger } from '@yizhan/kernel'
import { createKnowledge } from '../../retrieval/index.js'
import { openStorage } from '../../storage/index.js'
import { acme, tenantId } from '../../tenants/testing/catalog.js'
import { openLibrary } from '../index.js'

export const other = tenantId('other')
export const user = { actor: 'user_1', requestId: 'r1' }

/** For tests: a library on a store of its own; `again` opens it as the next process would. */
export async function startLibrary(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-library-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const clock = new ManualClock()
  const log = silentLogger()
  const storage = await openStorage(
    { log, sealer: plainSealer, clock },
    { dir: join(dir, 'data'), shards: 1 },
  )
  t.after(() => storage.close())
  const { store } = storage
  const again = async () => {
    const knowledge = createKnowledge({ log })
    return { knowledge, store, library: await openLibrary({ store, knowledge, clock, log }, [acme, other]) }
  }
  return { ...(await again()), again }
}

/** A source of text. */
export function given(name: string, text: string) {
  return { name, bytes: Buffer.from(text) }
}
