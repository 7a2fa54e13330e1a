import { type Clock, newId, type TenantId } from '@yizhan/kernel'
import type { Store, SystemStore } from '../storage/index.js'

/** Something that is done to the center itself, or to a tenant without changing a record. */
export interface CenterDeed {
  /** null: it concerns the whole center. */
  readonly tenant: TenantId | null
  readonly actor: string
  readonly action: 'CREATE' | 'READ' | 'UPDATE' | 'DELETE'
  readonly object: string
  readonly requestId: string
}

/** Durable when it resolves; whoever calls it does nothing before. */
export type CenterAudit = (deed: CenterDeed) => Promise<void>

const COLLECTION = 'center-audit'

/** A deed that concerned the whole center, as it is told. */
export type ToldDeed = Omit<CenterDeed, 'tenant'> & { readonly time: number }

/** Deeds of the whole center, oldest first; 100 a page. */
export async function centerDeeds(
  system: Pick<SystemStore, 'scan'>,
  cursor?: string,
): Promise<{ readonly entries: readonly ToldDeed[]; readonly cursor?: string }> {
  const page = await system.scan(COLLECTION, cursor === undefined ? {} : { cursor })
  const entries = page.records.map(({ value }): ToldDeed => JSON.parse(Buffer.from(value).toString('utf8')))
  return page.cursor === undefined ? { entries } : { entries, cursor: page.cursor }
}

/** A tenant's deeds go into its own chained audit; those of the whole center into the system's store, by time. */
export function createCenterAudit(deps: {
  readonly store: Store
  readonly system: SystemStore
  readonly clock: Clock
}): CenterAudit {
  const { store, system, clock } = deps
  return async ({ tenant, ...deed }) => {
    const entry = { ...deed, time: clock.wall() }
    if (tenant !== null) {
      await store.batch(tenant, [], entry)
      return
    }
    const value = Buffer.from(JSON.stringify(entry))
    await system.batch([
      { op: 'put', collection: COLLECTION, key: newId('aud', entry.time), value, expectedVersion: 0 },
    ])
  }
}
