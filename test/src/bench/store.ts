import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage, type Storage, type StorageDeps } from '@yizhan/center/storage'
import {
  asTenantId,
  createSealer,
  fileKek,
  openKeyStore,
  plainSealer,
  type Sealer,
  silentLogger,
  systemClock,
  type TenantId,
} from '@yizhan/kernel'
import { openRawLevel, type RawStore } from './raw-level.js'
import { alone, beside, type Row } from './report.js'
import { benchPostgres } from './store-postgres.js'
import { type Load, underLoad } from './writers.js'

const VALUE_BYTES = 1_024
const RECORDS = 20_000
const READS = 20_000
const WARM_UP = 2_000
export const WRITERS = [16, 256] as const

/**
 * Writes and reads of 1 KiB records through the store, with and without an audit entry, sealed and plain, beside a raw
 * engine in the same run. A raw write is one put; `group` is a raw engine that commits whatever waits in one
 * synced batch, as the store does.
 */
export async function benchStore(say: (text: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  for (const sync of ['always', 'never'] as const) {
    say(`LevelDB, sync ${sync} …`)
    rows.push(...(await benchLevel(sync)))
  }
  say('PostgreSQL …')
  rows.push(...(await benchPostgres()))
  return rows
}

async function benchLevel(sync: 'always' | 'never'): Promise<Row[]> {
  const rows: Row[] = []
  const raw = await inDirectory(async (dir) => measureRaw(await openRawLevel(dir, sync === 'always')))
  for (const algorithm of ['sm4', 'aes-256-gcm', undefined] as const) {
    const how = algorithm === undefined ? 'plain' : `sealed by ${algorithm}`
    const own = await inDirectory(async (dir) => {
      const { sealer, close } = await sealerIn(dir, algorithm)
      const storage = await openStorage(
        { log: silentLogger(), sealer, clock: systemClock },
        { dir: join(dir, 'data'), shards: 1, sync },
      )
      try {
        return await measure(storage)
      } finally {
        await storage.close()
        await close()
      }
    })
    for (const [i, writers] of WRITERS.entries()) {
      const what = `level, ${sync === 'always' ? 'synced' : 'unsynced'}, ${how}, ${writers} writers`
      const [put, grouped, mine] = [raw.puts[i], raw.groups[i], own.writes[i]]
      if (!put || !grouped || !mine) continue
      rows.push(beside(`${what}: writes`, mine.perSecond, '/s', 'raw put', put.perSecond))
      if (sync === 'always')
        rows.push(beside(`${what}: writes`, mine.perSecond, '/s', 'raw group', grouped.perSecond))
      rows.push(alone(`${what}: p99`, mine.p99Ms, 'ms'))
      const bare = own.withoutAudit[i]
      if (bare)
        rows.push(beside(`${what}, no audit entry: writes`, bare.perSecond, '/s', 'raw put', put.perSecond))
    }
    if (sync === 'always') {
      rows.push(
        beside(`level, ${how}: reads, 16 readers`, own.reads.perSecond, '/s', 'raw get', raw.reads.perSecond),
      )
    }
  }
  return rows
}

export interface Measured {
  readonly writes: readonly Load[]
  /** Into the system's store, which has no audit: what a raw put is most like. */
  readonly withoutAudit: readonly Load[]
  readonly reads: Load
}

/** One tenant; every write is a batch of one record and its audit entry. */
export async function measure(
  { store, system }: Pick<Storage, 'store' | 'system'>,
  records = RECORDS,
): Promise<Measured> {
  const tenant = asTenantId('bench') as TenantId
  const value = new Uint8Array(randomBytes(VALUE_BYTES))
  const write = (prefix: string) => (i: number) =>
    store.batch(tenant, [{ op: 'put', collection: 'records', key: `${prefix}${i}`, value }], {
      time: 1_800_000_000_000,
      actor: 'bench',
      action: 'CREATE',
      object: `records/${prefix}${i}`,
    })
  await underLoad(WARM_UP, 64, write('warm-'))
  const writes: Load[] = []
  const withoutAudit: Load[] = []
  for (const writers of WRITERS) {
    writes.push(await underLoad(records, writers, write(`w${writers}-`)))
    withoutAudit.push(
      await underLoad(records, writers, (i) =>
        system.batch([{ op: 'put', collection: 'records', key: `w${writers}-${i}`, value }]),
      ),
    )
  }
  const last = `w${WRITERS.at(-1)}-`
  const reads = await underLoad(READS, 16, (i) => store.get(tenant, 'records', `${last}${(i * 7) % records}`))
  return { writes, withoutAudit, reads }
}

async function measureRaw(raw: RawStore) {
  const value = new Uint8Array(randomBytes(VALUE_BYTES))
  await underLoad(WARM_UP, 64, (i) => raw.put(`warm-${i}`, value))
  const puts: Load[] = []
  const groups: Load[] = []
  for (const writers of WRITERS) {
    puts.push(await underLoad(RECORDS, writers, (i) => raw.put(`p${writers}-${i}`, value)))
    groups.push(await underLoad(RECORDS, writers, (i) => raw.grouped(`g${writers}-${i}`, value)))
  }
  const reads = await underLoad(READS, 16, (i) => raw.get(`p${WRITERS.at(-1)}-${(i * 7) % RECORDS}`))
  await raw.close()
  return { puts, groups, reads }
}

/** A sealer over a real key store; undefined: none. */
export async function sealerIn(
  dir: string,
  algorithm: 'sm4' | 'aes-256-gcm' | undefined,
): Promise<{ readonly sealer: Sealer; close(): Promise<void> }> {
  if (algorithm === undefined) return { sealer: plainSealer, close: async () => undefined }
  const deps: Pick<StorageDeps, 'log' | 'clock'> = { log: silentLogger(), clock: systemClock }
  const kek = await fileKek(join(dir, 'kek'), { mayCreate: true })
  const keys = await openKeyStore({ ...deps, kek }, { dir: join(dir, 'keys') })
  return { sealer: createSealer({ keyring: keys, algorithm }), close: () => keys.close() }
}

export async function inDirectory<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-bench-'))
  try {
    return await work(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
