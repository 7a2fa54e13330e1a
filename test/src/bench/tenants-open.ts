// Opens what `tenants.ts` wrote and measures it: DIRECTORY TENANTS → one JSON line.
import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { openStorage } from '@yizhan/center/storage'
import { silentLogger, systemClock } from '@yizhan/kernel'
import { sealerIn } from './store-measure.js'
import { type Opened, pick, RECORDS, storagePlace, tenantIds, VALUE_BYTES } from './tenants.js'
import { underLoad } from './writers.js'

const READS = 20_000
// Prime to the numbers of tenants: all of them come, in no order.
const STRIDE = 7_919

const [dir = '', count = '0'] = process.argv.slice(2)
const tenants = tenantIds(Number(count))
const { sealer } = await sealerIn(dir, 'sm4')
const opening = performance.now()
const { store, upkeep } = await openStorage(
  { log: silentLogger(), sealer, clock: systemClock },
  storagePlace(dir),
)
const openMs = performance.now() - opening
const rssOpenMb = process.memoryUsage().rss / 1e6
const value = new Uint8Array(randomBytes(VALUE_BYTES))
const entry = { time: 1_800_000_000_000, actor: 'bench', action: 'UPDATE', object: 'records' } as const
const reads = await underLoad(READS, 16, (i) =>
  store.get(pick(tenants, i * STRIDE), 'records', `r${i % RECORDS}`),
)
const batches = await underLoad(READS / 4, 16, (i) =>
  store.batch(pick(tenants, i * STRIDE), [{ op: 'put', collection: 'records', key: 'r0', value }], entry),
)
const sizes = await upkeep.places()
const opened: Opened = {
  openMs,
  rssOpenMb,
  rssMb: process.memoryUsage().rss / 1e6,
  diskMb: sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6,
  getP50Ms: reads.p50Ms,
  getP99Ms: reads.p99Ms,
  batchP99Ms: batches.p99Ms,
}
process.stdout.write(`${JSON.stringify({ ready: true, ...opened })}\n`)
// Held until it is ended, as the parent expects of a child.
setInterval(() => undefined, 60_000)
