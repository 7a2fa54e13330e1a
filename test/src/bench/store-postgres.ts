import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openStorage } from '@yizhan/center/storage'
import { openPostgresEngine } from '@yizhan/center/storage/postgres'
import {
  postgresBin,
  removeServer,
  startServer,
  type TestServer,
} from '@yizhan/center/storage/postgres/testing'
import { silentLogger, systemClock } from '@yizhan/kernel'
import pg from 'pg'
import { alone, beside, type Row } from './report.js'
import { inDirectory, type Measured, measure, sealerIn, VALUE_BYTES, WRITERS } from './store-measure.js'
import { type Load, underLoad } from './writers.js'

const RECORDS = 6_000
const READS = 10_000
const POOL = 10

/** As on LevelDB, on a PostgreSQL server that the run starts, beside `pg` with a prepared upsert for each record. */
export async function benchPostgres(): Promise<Row[]> {
  if (postgresBin() === undefined) throw new Error('PostgreSQL is not installed')
  const server = await startServer(silentLogger())
  try {
    const raw = await measureRaw(server)
    const rows: Row[] = []
    for (const algorithm of ['sm4', undefined] as const) {
      const how = algorithm === undefined ? 'plain' : `sealed by ${algorithm}`
      rows.push(...rowsOf(how, await inDirectory((dir) => measureStore(server, dir, algorithm)), raw))
    }
    return rows
  } finally {
    await removeServer(server)
  }
}

interface Raw {
  readonly writes: readonly Load[]
  readonly reads: Load
}

function rowsOf(how: string, own: Measured, raw: Raw): Row[] {
  const rows = WRITERS.flatMap((writers, i) => {
    const [mine, bare, theirs] = [own.writes[i], own.withoutAudit[i], raw.writes[i]]
    if (!mine || !bare || !theirs) return []
    const what = `postgres, ${how}, ${writers} writers`
    return [
      beside(`${what}: writes`, mine.perSecond, '/s', 'raw pg upsert', theirs.perSecond),
      beside(`${what}, no audit entry: writes`, bare.perSecond, '/s', 'raw pg upsert', theirs.perSecond),
      alone(`${what}: p99`, mine.p99Ms, 'ms'),
    ]
  })
  const reads = beside(
    `postgres, ${how}: reads, 16 readers`,
    own.reads.perSecond,
    '/s',
    'raw pg select',
    raw.reads.perSecond,
  )
  return [...rows, reads]
}

async function measureStore(
  server: TestServer,
  dir: string,
  algorithm: 'sm4' | undefined,
): Promise<Measured> {
  const { sealer, close } = await sealerIn(dir, algorithm)
  const config = server.config(await server.database(), { poolMax: POOL })
  const storage = await openStorage(
    {
      log: silentLogger(),
      sealer,
      clock: systemClock,
      openEngine: (given) => openPostgresEngine(given, config),
    },
    { dir: join(dir, 'data'), shards: 0 },
  )
  try {
    return await measure(storage, RECORDS)
  } finally {
    await storage.close()
    await close()
  }
}

async function measureRaw(server: TestServer): Promise<Raw> {
  const database = await server.emptyDatabase()
  const pool = new pg.Pool({ ...server.connection('postgres', database), max: POOL })
  try {
    await pool.query('CREATE TABLE records (key text PRIMARY KEY, bytes bytea NOT NULL)')
    const value = randomBytes(VALUE_BYTES)
    const put = (key: string) =>
      pool.query({
        name: 'put',
        text: 'INSERT INTO records VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes',
        values: [key, value],
      })
    await underLoad(500, POOL, (i) => put(`warm-${i}`))
    const writes: Load[] = []
    for (const writers of WRITERS)
      writes.push(await underLoad(RECORDS, writers, (i) => put(`w${writers}-${i}`)))
    const last = `w${WRITERS.at(-1)}-`
    const reads = await underLoad(READS, 16, (i) =>
      pool.query({
        name: 'get',
        text: 'SELECT bytes FROM records WHERE key = $1',
        values: [`${last}${(i * 7) % RECORDS}`],
      }),
    )
    return { writes, reads }
  } finally {
    await pool.end()
  }
}
