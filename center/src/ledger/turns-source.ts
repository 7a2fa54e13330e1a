import type { TenantId } from '@yizhan/kernel'
import { MessageSchema, toJson } from '@yizhan/proto'
import { classOfCollection, type PrivacySource, recordsOf } from '../privacy/index.js'
import type { Store } from '../storage/index.js'
import { ORDERS } from './command-collection.js'
import { messageOf, type TurnReplica } from './replica.js'
import { TURNS } from './turn-collection.js'
import type { TurnDesk } from './turn-desk.js'

const DATA_CLASS = 'turns'

/** Turns of a person with their words readable, and what was ordered of them; what waits for an edge goes with them. */
export function turnsSource(deps: {
  readonly store: Store
  readonly replica: TurnReplica
  readonly desk: TurnDesk
}): PrivacySource {
  const { store, replica, desk } = deps
  const tidy = async (tenant: TenantId) => {
    const dropped = await desk.dropOrphans()
    await replica.recount(tenant)
    return dropped
  }
  return {
    dataClass: DATA_CLASS,
    async *collect(tenant, subject, signal) {
      const wanted = (collection: string) => classOfCollection(collection) === DATA_CLASS
      for await (const { collection, key, version, value } of recordsOf(
        store,
        tenant,
        subject,
        signal,
        wanted,
      )) {
        const about = { collection, key, version }
        if (collection === TURNS.def.name) {
          const turn = TURNS.decode(value).value
          yield {
            kind: 'record',
            value: { ...about, value: { ...turn, message: toJson(MessageSchema, messageOf(turn)) } },
          }
        } else if (collection === ORDERS.def.name) {
          yield { kind: 'record', value: { ...about, value: ORDERS.decode(value).value } }
        } else yield { kind: 'record', value: { ...about, base64: Buffer.from(value).toString('base64') } }
      }
    },
    erase: async (tenant) => ({ erased: await tidy(tenant) }),
    async swept(tenant) {
      await tidy(tenant)
    },
  }
}
