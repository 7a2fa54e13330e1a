import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openPostgresEngine, type PostgresConfig } from '@yizhan/center/storage/postgres'
import { KILLS, Lives, seeded, slowMachine } from './lives.js'
import { acme, never, openSmallCenter, type SmallCenterOptions } from './small-center.js'

const CHILD = fileURLToPath(new URL('./restore-child.js', import.meta.url))
const RECORDS = 300

/** A backup of a center in which a person was erased after it was made. */
async function backedUp(root: string): Promise<string> {
  const center = await openSmallCenter(join(root, 'center'))
  const { storage, keys, privacy, backups } = center
  const by = { actor: 'user_officer' }
  const gone = await privacy.subjects.resolve(acme, { channel: 'web', sender: 'li' }, {}, by)
  for (let i = 0; i < RECORDS; i++) {
    const value = Buffer.from(`record ${i} `.repeat(100))
    const owner = i % 3 === 0 ? { subject: gone } : {}
    await storage.store.batch(acme, [{ op: 'put', collection: 'records', key: `r${i}`, value, ...owner }], {
      time: Date.now(),
      actor: 'bot_1',
      action: 'CREATE',
      object: `records/r${i}`,
      ...owner,
    })
  }
  const { id } = await backups.create(join(root, 'backup'), { full: true }, never)
  await keys.exportTo(join(root, 'keys-copy'), never)
  await privacy.erase(acme, gone, by)
  await center.close()
  return id
}

/** A restored center, opened as the center does it. */
async function openRestored(dir: string, postgres: PostgresConfig | undefined) {
  if (!postgres) return openSmallCenter(dir)
  const restored = await readFile(join(dir, 'restored'), 'utf8')
  const options: SmallCenterOptions = {
    storage: { shards: 0 },
    openEngine: (given) => openPostgresEngine(given, postgres, { restored }),
  }
  return openSmallCenter(dir, options)
}

/** What is wrong with a restored center; it is deleted again. */
async function judge(root: string, postgres: PostgresConfig | undefined): Promise<string[]> {
  const dir = join(root, 'restored')
  await copyFile(join(root, 'center.kek'), `${dir}.kek`)
  const center = await openRestored(dir, postgres)
  try {
    const { store, upkeep } = center.storage
    const wrong = (await upkeep.check(acme, never)).problems.map(({ what }) => String(what))
    for (const [i, expected] of [
      [0, false],
      [1, true],
      [RECORDS - 1, (RECORDS - 1) % 3 !== 0],
    ] as const) {
      const there = (await store.get(acme, 'records', `r${i}`)) !== undefined
      if (there !== expected) wrong.push(`r${i} is ${there ? '' : 'not '}there`)
    }
    const { records } = await store.scan(acme, 'records', { limit: 1_000 })
    if (records.length !== (RECORDS * 2) / 3) wrong.push(`${records.length} records`)
    return wrong
  } finally {
    await center.close()
    await rm(dir, { recursive: true, force: true })
    await rm(`${dir}.erasures`, { force: true })
  }
}

/** Whether a center would start on a database in which a restore was cut short: it must not see a part. */
async function showsPart(root: string, postgres: PostgresConfig): Promise<boolean> {
  const dir = join(root, 'other')
  try {
    const center = await openSmallCenter(dir, {
      storage: { shards: 0 },
      openEngine: (given) => openPostgresEngine(given, postgres),
    })
    const tenants = center.storage.upkeep.tenantIds().length
    await center.close()
    return tenants > 0
  } catch (thrown) {
    assert.match(String(thrown), /a restore into this database was cut short/)
    return false
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/**
 * `postgres`: gives an empty database each time, in which a restore puts everything; undefined from it: the test was
 * skipped.
 */
export function killedRestore(
  postgres?: (t: TestContext) => Promise<{ readonly database: () => Promise<PostgresConfig> } | undefined>,
): void {
  const engine = postgres ? 'PostgreSQL' : 'LevelDB'
  test(`${engine}: a restore under kill -9, ${KILLS} times: a whole center or none, and the erased stay erased`, async (t) => {
    const server = await postgres?.(t)
    if (postgres && !server) return
    const root = await mkdtemp(join(tmpdir(), 'yizhan-restored-'))
    t.after(() => rm(root, { recursive: true, force: true }))
    const backup = await backedUp(root)
    const seed = Date.now() % 1_000_000
    const random = seeded(seed)
    const figures = { kills: 0, whole: 0, none: 0, finished: 0 }
    const wrong: string[] = []
    const tooSlow = slowMachine()
    // A database is used until a restore into it was whole; the next needs an empty one.
    let config = await server?.database()
    let lives = new Lives(CHILD, argumentsOf(config))
    t.after(() => lives.end())

    async function next(): Promise<void> {
      wrong.push(...(await judge(root, config)))
      if (!server) return
      lives.end()
      config = await server.database()
      lives = new Lives(CHILD, argumentsOf(config))
    }
    function argumentsOf(database: PostgresConfig | undefined): string[] {
      return [root, backup, ...(database ? [JSON.stringify(database)] : [])]
    }

    const [, whole] = await lives.live({ enough: (_line, count) => count === 2 })
    let { tookMs } = whole as { readonly tookMs: number }
    const uncutMs = tookMs
    await next()
    while ((figures.kills < KILLS || figures.whole === 0) && !tooSlow()) {
      const lines = await lives.live({ enough: () => true, laterMs: random() * tookMs * 1.1 })
      figures.kills += 1
      const there = (await readdir(root)).includes('restored')
      if (lines.length === 2) figures.finished += 1
      if (lines.length === 2 && !there) wrong.push('it said that it was done, and there is nothing')
      // How long one takes differs from life to life, and after a kill there is a part to delete first: the kills look for
      // the last step, of which one in four or so falls behind it.
      tookMs *= there ? 0.65 : 1.15
      if (there) {
        figures.whole += 1
        await next()
      } else {
        figures.none += 1
        if (config && (await showsPart(root, config))) wrong.push('a center sees a part of a restore')
      }
    }
    t.diagnostic(
      `seed ${seed}, ${Math.round(uncutMs)} ms uncut, ${Math.round(tookMs)} ms in the end: ${JSON.stringify({ ...figures, wrong: wrong.length })}`,
    )
    assert.deepEqual(wrong, [])
    assert.ok(figures.none > 0 && figures.whole > 0, 'kills fell on both sides of the last step')
    assert.ok(figures.kills >= KILLS / 2, 'the machine is too slow for this test')
  })
}
