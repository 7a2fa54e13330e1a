import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openStorage } from '@yizhan/center/storage'
import { silentLogger, systemClock } from '@yizhan/kernel'
import { openRawLevel, type RawStore } from './raw-level.js'
import { alone, beside, type Row } from './report.js'
import {
  inDirectory,
  measure,
  READS,
  RECORDS,
  sealerIn,
  VALUE_BYTES,
  WARM_UP,
  WRITERS,
} from './store-measure.js'
import { benchPostgres } from './store-postgres.js'
import { type Load, underLoad } from './writers.js'

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
