// A process that moves a tenant to and fro until it is killed: `move-child.js DIR plain|sealed [SETTINGS]`; with settings of
// PostgreSQL between shard-0 and that, else between two shards. Each line of stdout is one JSON value: what it found, each
// batch once it is acknowledged, and each step of a move.
import { join } from 'node:path'
import type { PostgresConfig } from '@yizhan/center/storage/postgres'
import { asTenantId } from '@yizhan/kernel'
import { ClassicLevel } from 'classic-level'
import { openSealedStorage } from './sealed-storage.js'
import { say, toldToBegin } from './told-to-begin.js'

const [dir = '', sealing = 'plain', settings] = process.argv.slice(2)
const postgresConfig: PostgresConfig | undefined = settings === undefined ? undefined : JSON.parse(settings)
const away = postgresConfig ? 'postgres' : 'shard-1'
const kind = sealing === 'sealed' ? 'sealed' : 'plain'
const acme = asTenantId('acme')
if (!acme) throw new Error('acme is no tenant')
const RECORDS = 60
const never = new AbortController().signal

/** Keys of the tenant in a shard that nobody has open. */
async function keysIn(shard: string): Promise<number> {
  const level = new ClassicLevel(join(dir, 'data', shard), { keyEncoding: 'utf8' })
  let keys = 0
  for await (const _key of level.keys({ gte: 'acme\0', lt: 'acme\0\u{10ffff}' })) keys += 1
  await level.close()
  return keys
}

await toldToBegin()
const before = await openSealedStorage(dir, 2, kind, postgresConfig)
const [left] = before.storage.upkeep.moves()
const unsettled = await before.storage.upkeep.settleMoves()
const first = before.storage.upkeep.tenantIds().length === 0
const place = first ? undefined : (await before.storage.upkeep.tenant(acme)).place
const inPostgres = ((await before.postgres?.tenants()) ?? []).length
await before.close()
const keys = {
  postgres: inPostgres,
  'shard-0': await keysIn('shard-0'),
  'shard-1': await keysIn('shard-1'),
}
const { storage } = await openSealedStorage(dir, 2, kind, postgresConfig)
const { store, upkeep } = storage
const counter = await store.get(acme, 'counters', 'last')
let last = counter ? Number(Buffer.from(counter.value).toString()) : 0

async function write(): Promise<void> {
  const n = last + 1
  const put = (collection: string, key: string, text: string, more = {}) =>
    ({ op: 'put', collection, key, value: Buffer.from(text), ...more }) as const
  // The first one makes all the records, later ones change one.
  const records = n === 1 ? Array.from({ length: RECORDS }, (_, i) => i) : [n % RECORDS]
  await store.batch(
    acme as NonNullable<typeof acme>,
    [
      ...records.map((i) =>
        put('things', `k${i}`, `${n}:`.padEnd(30_000, 'x'), {
          terms: [{ name: 'i', value: String(i) }],
          subject: `s${i % 3}`,
        }),
      ),
      put('counters', 'last', String(n), { expectedVersion: n - 1 }),
    ],
    { time: Date.now(), actor: 'user_1', action: 'UPDATE', object: `things/${n}` },
  )
  last = n
  say({ n })
}

if (first) await write()
const { problems, records } = await upkeep.check(acme, never)
say({
  last,
  first,
  step: left?.step ?? 'none',
  unsettled: unsettled.length,
  place: place ?? 'shard-0',
  keys,
  wrong: problems.map(({ what }) => what),
  records,
})
for (;;) {
  await write()
  const { place: now } = await upkeep.tenant(acme)
  await upkeep.move(acme, now === 'shard-0' ? away : 'shard-0', never, ({ step }) => say({ step }))
  say({ moved: true })
}
