// A process that writes batches until it is killed: `batch-child.js DIR plain|sealed`. Each line of stdout is one JSON value:
// first what it found, then each batch once it is acknowledged.
import { asTenantId, type TenantId } from '@yizhan/kernel'
import { openSealedStorage } from './sealed-storage.js'
import { say, toldToBegin } from './told-to-begin.js'

const [dir = '', sealing = 'plain'] = process.argv.slice(2)
const TENANTS = ['acme', 'clinic', 'school'].flatMap((name) => asTenantId(name) ?? [])
const never = new AbortController().signal

await toldToBegin()
const { storage } = await openSealedStorage(dir, 2, sealing === 'sealed' ? 'sealed' : 'plain')
const { store, upkeep } = storage

/** The number of the last batch, and what of the storage does not fit it. */
async function found(tenant: TenantId): Promise<{ last: number; wrong: string[] }> {
  const wrong: string[] = []
  const counter = await store.get(tenant, 'counters', 'last')
  const last = counter ? Number(Buffer.from(counter.value).toString()) : 0
  if ((counter?.version ?? 0) !== last) wrong.push('the version of the counter is not its number')
  for (const half of ['left', 'right']) {
    const keys = (await store.scan(tenant, half, { limit: 1_000 })).records.map(({ key }) => Number(key))
    const expected = Array.from({ length: Math.min(3, last) }, (_, i) => last - Math.min(3, last) + 1 + i)
    if (keys.join() !== expected.join()) wrong.push(`${half} holds ${keys.join()} after batch ${last}`)
  }
  const head = await store.head(tenant)
  if ((head?.auditSequence ?? 0) !== last)
    wrong.push(`${head?.auditSequence} audit entries after batch ${last}`)
  if (head) {
    const { problems } = await upkeep.check(tenant, never)
    wrong.push(...problems.map(({ what }) => what))
    // So that a life takes as long at the end as at the beginning.
    if (last > 100) await upkeep.pruneAudit(tenant, last - 50)
  }
  return { last, wrong }
}

/** Batch n: two halves under n, those of n - 3 deleted, the counter at n. */
async function write(tenant: TenantId, n: number): Promise<void> {
  const key = String(n).padStart(8, '0')
  const old = String(n - 3).padStart(8, '0')
  const put = (collection: string, at: string, value: Buffer, more = {}) =>
    ({ op: 'put', collection, key: at, value, ...more }) as const
  await store.batch(
    tenant,
    [
      put('left', key, Buffer.alloc(700, n), { subject: `s${n % 5}`, terms: [{ name: 'n', value: key }] }),
      put('right', key, Buffer.alloc(1_300, n), { expiresAt: Date.now() + 3_600_000 }),
      put('counters', 'last', Buffer.from(String(n)), { expectedVersion: n - 1 }),
      ...(n > 3 ? (['left', 'right'] as const) : []).map((collection) => {
        return { op: 'delete', collection, key: old } as const
      }),
    ],
    { time: Date.now(), actor: 'user_1', action: 'UPDATE', object: `left/${key}`, after: Buffer.from(key) },
  )
}

const state = Object.fromEntries(await Promise.all(TENANTS.map(async (t) => [t, await found(t)] as const)))
const system = (await upkeep.check(null, never)).problems.map(({ what }) => what)
say({ found: state, system })
await Promise.all(
  TENANTS.map(async (tenant) => {
    for (let n = (state[tenant]?.last ?? 0) + 1; ; n++) {
      await write(tenant, n)
      say({ tenant, n })
    }
  }),
)
