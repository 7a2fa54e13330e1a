import type { TestContext } from 'node:test'
import { createKnowledge } from '../../retrieval/index.js'
import { openTestStorage } from '../../storage/testing/test-storage.js'
import { acme, tenantId } from '../../tenants/testing/catalog.js'
import { openLibrary } from '../index.js'

export const other = tenantId('other')
export const user = { actor: 'user_1', requestId: 'r1' }

/** For tests: a library on a store of its own; `again` opens it as the next process would. */
export async function startLibrary(t: TestContext) {
  const { clock, log, store } = await openTestStorage(t)
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
