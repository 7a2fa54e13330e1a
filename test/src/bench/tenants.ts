import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { openStorage } from '@yizhan/center/storage'
import { asTenantId, silentLogger, systemClock, type TenantId } from '@yizhan/kernel'
import { Child } from '../support/child.js'
import { alone, beside, type Row } from './report.js'
import { inDirectory, sealerIn } from './store-measure.js'
import { underLoad } from './writers.js'

const TENANTS = [1_000, 10_000] as const
export const RECORDS = 100
export const VALUE_BYTES = 256

export interface Opened {
  readonly openMs: number
  readonly rssOpenMb: number
  readonly rssMb: number
  readonly diskMb: number
  readonly getP50Ms: number
  readonly getP99Ms: number
  readonly batchP99Ms: number
}

interface Cost extends Opened {
  readonly writeMs: number
}

/** What a tenant costs when there are many: opening, memory, disk, latency, for 1,000 and 10,000 of 100 records each. */
export async function benchTenants(say: (text: string) => void): Promise<Row[]> {
  const costs: Cost[] = []
  for (const tenants of TENANTS) {
    say(`${tenants} tenants …`)
    costs.push(await inDirectory((dir) => costOf(dir, tenants)))
  }
  const [few, many] = costs
  if (!few || !many) throw new Error('nothing was measured')
  const peer = '1,000 tenants'
  const each = (cost: number, i: 0 | 1) => cost / TENANTS[i]
  return [
    beside('10,000 tenants × 100 records: open', many.openMs, 'ms', peer, few.openMs),
    beside('memory after opening (RSS)', many.rssOpenMb, 'MB', peer, few.rssOpenMb),
    beside('memory after 20,000 reads and 5,000 batches (RSS)', many.rssMb, 'MB', peer, few.rssMb),
    beside('on disk', many.diskMb, 'MB', peer, few.diskMb),
    beside('get of a random tenant, p50', many.getP50Ms, 'ms', peer, few.getP50Ms),
    beside('get of a random tenant, p99', many.getP99Ms, 'ms', peer, few.getP99Ms),
    beside('synced batch of a random tenant, 16 writers, p99', many.batchP99Ms, 'ms', peer, few.batchP99Ms),
    beside('a tenant: writing its 100 records', each(many.writeMs, 1), 'ms', peer, each(few.writeMs, 0)),
    beside('a tenant: on disk', each(many.diskMb * 1_000, 1), 'KB', peer, each(few.diskMb * 1_000, 0)),
    alone('records in all', TENANTS[1] * RECORDS, ''),
  ]
}

async function costOf(dir: string, count: number): Promise<Cost> {
  const tenants = tenantIds(count)
  const value = new Uint8Array(randomBytes(VALUE_BYTES))
  const { sealer, close } = await sealerIn(dir, 'sm4')
  const entry = { time: 1_800_000_000_000, actor: 'bench', action: 'CREATE', object: 'records' } as const
  const filling = await openStorage({ log: silentLogger(), sealer, clock: systemClock }, storagePlace(dir))
  const started = performance.now()
  await underLoad(count, 64, (i) => {
    const changes = Array.from({ length: RECORDS }, (_, k) => {
      return { op: 'put', collection: 'records', key: `r${k}`, value } as const
    })
    return filling.store.batch(pick(tenants, i), changes, entry)
  })
  const writeMs = performance.now() - started
  await filling.close()
  await close()
  // In a process of its own: its memory is that of a center that has just started.
  const program = fileURLToPath(new URL('./tenants-open.js', import.meta.url))
  const child = new Child(program, [dir, String(count)])
  try {
    return { writeMs, ...(await child.ready) } as Cost
  } finally {
    await child.end('SIGKILL')
  }
}

export function tenantIds(count: number): TenantId[] {
  return Array.from({ length: count }, (_, i) => asTenantId(`tenant-${i}`) as TenantId)
}

export function storagePlace(dir: string): { readonly dir: string; readonly shards: number } {
  return { dir: join(dir, 'data'), shards: 4 }
}

export function pick(tenants: readonly TenantId[], i: number): TenantId {
  return tenants[i % tenants.length] as TenantId
}
