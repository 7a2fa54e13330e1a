import { type PrivacySource, recordsOf } from '../privacy/index.js'
import type { Store } from '../storage/index.js'
import type { ConversationMemory } from './conversation-memory.js'
import { MEMORY } from './memory-collection.js'

/** What conversations of a person were about, readable; what is being written when they are erased is given up. */
export function memorySource(deps: {
  readonly store: Store
  /** Undefined where nothing is written: then there may still be what an earlier run wrote. */
  readonly memory: Pick<ConversationMemory, 'forget'> | undefined
}): PrivacySource {
  const { store, memory } = deps
  return {
    dataClass: 'memory',
    async *collect(tenant, subject, signal) {
      const wanted = (collection: string) => collection === MEMORY.def.name
      for await (const { collection, key, version, value } of recordsOf(
        store,
        tenant,
        subject,
        signal,
        wanted,
      )) {
        yield { kind: 'record', value: { collection, key, version, value: MEMORY.decode(value).value } }
      }
    },
    async erase(tenant) {
      await memory?.forget(tenant)
      return { erased: 0 }
    },
  }
}
