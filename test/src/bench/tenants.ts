import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { openStorage } from '@yizhan/center/storage'
import { asTenantId, silentLogger, systemClock, type TenantId } from '@yizhan/kernel'
import { alone, beside, type Row } from './report.js'
import { inDirectory, sealerIn } from './store.js'
import { underLoad } from './writers.js'

const TENANTS = [1_000, 10_000] as const
const RECORDS = 100
const VALUE_BYTES = 256
const READS = 20_000

interface Cost {
  readonly writeMs: number
  readonly openMs: number
  readonly rssMb: number
  readonly diskMb: number
  readonly getP50Ms: number
  readonly getP99Ms: number
  readonly batchP99Ms: number
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
    beside('memory after opening and reading (RSS)', many.rssMb, 'MB', peer, few.rssMb),
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
  const tenants = Array.from({ length: count }, (_, i) => asTenantId(`tenant-${i}`) as TenantId)
  const value = new Uint8Array(randomBytes(VALUE_BYTES))
  const { sealer, close } = await sealerIn(dir, 'sm4')
  const place = { dir: join(dir, 'data'), shards: 4 }
  const deps = { log: silentLogger(), sealer, clock: systemClock }
  const entry = { time: 1_800_000_000_000, actor: 'bench', action: 'CREATE', object: 'records' } as const
  try {
    const filling = await openStorage(deps, place)
    const started = performance.now()
    await underLoad(count, 64, (i) => {
      const changes = Array.from({ length: RECORDS }, (_, k) => {
        return { op: 'put', collection: 'records', key: `r${k}`, value } as const
      })
      return filling.store.batch(pick(tenants, i), changes, entry)
    })
    const writeMs = performance.now() - started
    await filling.close()
    const opening = performance.now()
    const storage = await openStorage(deps, place)
    const openMs = performance.now() - opening
    try {
      // A stride that is prime to the counts: every tenant comes, in no order.
      const reads = await underLoad(READS, 16, (i) =>
        storage.store.get(pick(tenants, i * 7_919), 'records', `r${i % RECORDS}`),
      )
      const batches = await underLoad(READS / 4, 16, (i) =>
        storage.store.batch(
          pick(tenants, i * 7_919),
          [{ op: 'put', collection: 'records', key: 'r0', value }],
          entry,
        ),
      )
      const sizes = await storage.upkeep.places()
      return {
        writeMs,
        openMs,
        rssMb: process.memoryUsage().rss / 1e6,
        diskMb: sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6,
        getP50Ms: reads.p50Ms,
        getP99Ms: reads.p99Ms,
        batchP99Ms: batches.p99Ms,
      }
    } finally {
      await storage.close()
    }
  } finally {
    await close()
  }
}

function pick(tenants: readonly TenantId[], i: number): TenantId {
  return tenants[i % tenants.length] as TenantId
}
