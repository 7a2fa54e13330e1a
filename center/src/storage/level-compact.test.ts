import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, silentLogger } from '@yizhan/kernel'
import { acme, put, remove, tenant } from './contract-place.js'
import { Cursors } from './cursor.js'
import { never, problems, write } from './engine-place.js'
import { openDatabase } from './level-database.js'
import { LevelEngine } from './level-engine.js'

/** One engine that can be closed and opened again over the same files. */
class Shard {
  readonly #directory: string
  #close: () => Promise<void> = async () => undefined
  #engine: LevelEngine | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  get engine(): LevelEngine {
    return this.#engine ?? assert.fail('not open')
  }

  async open(existing: boolean): Promise<void> {
    const deps = { clock: new ManualClock(), sealer: plainSealer, log: silentLogger() }
    const database = await openDatabase(deps, this.#directory, existing, 'never')
    const engine = new LevelEngine('level', { ...deps, database, cursors: new Cursors(new Uint8Array(32)) })
    this.#engine = engine
    this.#close = async () => {
      await engine.drain()
      await database.close()
    }
  }

  async reopen(): Promise<void> {
    await this.#close()
    await this.open(true)
  }

  close(): Promise<void> {
    return this.#close()
  }

  /** The files that hold these bytes anywhere. */
  async filesWith(needle: Uint8Array): Promise<string[]> {
    const names = await readdir(this.#directory)
    const contents = await Promise.all(names.map((name) => readFile(join(this.#directory, name))))
    return names.filter((_, i) => contents[i]?.includes(Buffer.from(needle)))
  }
}

async function shard(t: TestContext): Promise<Shard> {
  const directory = await mkdtemp(join(tmpdir(), 'yizhan-compact-'))
  const opened = new Shard(directory)
  await opened.open(false)
  t.after(async () => {
    await opened.close()
    await rm(directory, { recursive: true, force: true })
  })
  return opened
}

// Random, so that no compression hides it.
const secret = () => new Uint8Array(randomBytes(256))
const filler = (i: number) => put(`filler-${i}`, '', { value: new Uint8Array(randomBytes(64 * 1024)) })

async function fillTables(engine: LevelEngine, from: number): Promise<void> {
  for (let i = from; i < from + 160; i++) await write(engine, tenant(`t${i % 5}`), [filler(i)])
}

type Scene = (shard: Shard, value: Uint8Array) => Promise<void>

const SCENES: readonly (readonly [string, Scene])[] = [
  [
    'written and deleted since the start',
    async ({ engine }, value) => {
      await write(engine, acme, [put('k', '', { value })])
      await write(engine, acme, [remove('k')])
    },
  ],
  [
    'replaced, and in a table since the last start',
    async (shard, value) => {
      await write(shard.engine, acme, [put('k', '', { value })])
      await shard.reopen()
      await write(shard.engine, acme, [put('k', 'other')])
    },
  ],
  [
    'deleted, with its delete in a table too',
    async (shard, value) => {
      await write(shard.engine, acme, [put('k', '', { value })])
      await shard.reopen()
      await write(shard.engine, acme, [remove('k')])
      await shard.reopen()
    },
  ],
  [
    'deep under the tables of other tenants',
    async (shard, value) => {
      await fillTables(shard.engine, 0)
      await write(shard.engine, acme, [put('k', '', { value })])
      await fillTables(shard.engine, 200)
      await shard.engine.compact(never)
      await fillTables(shard.engine, 400)
      await write(shard.engine, acme, [remove('k')])
    },
  ],
  [
    'dropped with its whole tenant',
    async (shard, value) => {
      for (let i = 0; i < 50; i++) await write(shard.engine, acme, [put(`k${i}`, '', { value })])
      await shard.reopen()
      await shard.engine.drop(acme, never)
    },
  ],
]

for (const [what, scene] of SCENES) {
  for (const scope of [acme, undefined]) {
    const range = scope ? 'the tenant' : 'everything'
    test(`a value that was ${what} is in no file after ${range} was compacted`, async (t) => {
      const where = await shard(t)
      const [value, kept] = [secret(), secret()]
      await write(where.engine, acme, [put('kept', '', { value: kept })])
      await write(where.engine, tenant('other'), [put('kept', '', { value: kept })])
      await scene(where, value)
      assert.notDeepEqual(await where.filesWith(value), [], 'it was not there to begin with')
      await where.engine.compact(never, scope)
      assert.deepEqual(await where.filesWith(value), [])
      assert.notDeepEqual(await where.filesWith(kept), [])
      assert.deepEqual(await problems(where.engine, tenant('other')), [])
      assert.deepEqual(await problems(where.engine, acme), [])
    })
  }
}

test('an audit snapshot that was pruned is in no file after compaction', async (t) => {
  const where = await shard(t)
  const value = secret()
  await write(where.engine, acme, [], { after: value })
  await write(where.engine, acme, [])
  await where.reopen()
  await where.engine.pruneAudit(acme, 1)
  assert.notDeepEqual(await where.filesWith(value), [])
  await where.engine.compact(never, acme)
  assert.deepEqual(await where.filesWith(value), [])
  assert.deepEqual(await problems(where.engine, acme), [])
})

test('what was deleted at the beginning of a collection is in no file once that is reclaimed; what is behind it is not touched', async (t) => {
  const where = await shard(t)
  const [value, kept] = [secret(), secret()]
  await fillTables(where.engine, 0)
  const names = Array.from({ length: 50 }, (_, i) => `k${String(i).padStart(2, '0')}`)
  for (const name of names) await write(where.engine, acme, [put(name, '', { value })])
  await write(where.engine, acme, [put('k50', '', { value: kept })])
  await where.engine.compact(never)
  await fillTables(where.engine, 200)
  for (const name of names) await write(where.engine, acme, [remove(name)])
  assert.notDeepEqual(await where.filesWith(value), [])
  await where.engine.reclaim(acme, 'things', 'k49', never)
  assert.deepEqual(await where.filesWith(value), [])
  assert.notDeepEqual(await where.filesWith(kept), [])
  const [last] = await where.engine.getMany(acme, 'things', ['k50'])
  assert.deepEqual(last?.value, kept)
  for (const one of [acme, tenant('t1')]) assert.deepEqual(await problems(where.engine, one), [])
})

test('a thousand audit entries that were pruned are in no file, and the next one is there', async (t) => {
  const where = await shard(t)
  const value = secret()
  for (let i = 0; i < 1_000; i++) await write(where.engine, acme, [], { after: value })
  await write(where.engine, acme, [])
  await where.reopen()
  await where.engine.pruneAudit(acme, 1_000)
  assert.deepEqual(await where.filesWith(value), [])
  assert.equal((await where.engine.audit(acme)).entries[0]?.sequence, 1_001)
  assert.deepEqual(await problems(where.engine, acme), [])
})

test('compaction gives the space of a dropped tenant back', async (t) => {
  const where = await shard(t)
  for (let i = 0; i < 64; i++) await write(where.engine, acme, [filler(i)])
  await where.engine.compact(never)
  const { bytes: before, scopeBytes = 0 } = await where.engine.size(acme)
  await where.engine.drop(acme, never)
  await where.engine.compact(never, acme)
  const { bytes: after } = await where.engine.size(acme)
  t.diagnostic(`${before} bytes, of which ${scopeBytes} of the tenant; ${after} after it was dropped`)
  assert.ok(scopeBytes > 3.5 * 1024 * 1024)
  assert.ok(after < 64 * 1024, `${after} bytes are left`)
})
