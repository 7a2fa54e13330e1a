import { asTenantId, type TenantId, YizhanError } from '@yizhan/kernel'
import type { SystemStore } from '../storage/index.js'

/** Which erasures are not closed, over all tenants, so that a start need not look into each. */
export interface OpenErasures {
  add(tenant: TenantId, id: string): Promise<void>
  remove(tenant: TenantId, id: string): Promise<void>
  list(): AsyncIterable<{ readonly tenant: TenantId; readonly id: string }>
}

const COLLECTION = 'open-erasures'

export function openErasures(system: SystemStore): OpenErasures {
  const keyOf = (tenant: TenantId, id: string) => `${tenant}/${id}`
  return {
    async add(tenant, id) {
      const value = new Uint8Array()
      await system.batch([{ op: 'put', collection: COLLECTION, key: keyOf(tenant, id), value }])
    },
    async remove(tenant, id) {
      const key = keyOf(tenant, id)
      if (await system.get(COLLECTION, key))
        await system.batch([{ op: 'delete', collection: COLLECTION, key }])
    },
    async *list() {
      let cursor: string | undefined
      do {
        const page = await system.scan(COLLECTION, cursor === undefined ? {} : { cursor })
        for (const { key } of page.records) {
          const [name = '', id = ''] = key.split('/')
          const tenant = asTenantId(name)
          if (!tenant) throw new YizhanError('data_corrupt', 'the list of open erasures cannot be read')
          yield { tenant, id }
        }
        cursor = page.cursor
      } while (cursor !== undefined)
    },
  }
}
