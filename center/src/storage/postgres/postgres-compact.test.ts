import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { acme, put, remove, tenant } from '../contract-place.js'
import { never, problems, write } from '../engine-place.js'
import { openOn, postgres } from './testing/place.js'
import type { TestServer } from './testing/server.js'

/** The table files of a database that hold these bytes; the write-ahead log is none. */
async function filesWith(server: TestServer, database: string, needle: string): Promise<string[]> {
  await server.admin('CHECKPOINT')
  const { rows } = await server.admin('SELECT oid FROM pg_database WHERE datname = $1', 'postgres', [
    database,
  ])
  const dir = join(server.dir, 'data', 'base', String(rows[0].oid))
  const found: string[] = []
  for (const name of await readdir(dir)) {
    if ((await readFile(join(dir, name))).includes(needle)) found.push(name)
  }
  return found
}

const secret = () => randomBytes(16).toString('hex')

test('what was deleted or replaced is in no table file once its tenant was compacted', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await openOn(server, database)
  t.after(() => engine.close())
  const [deleted, replaced, word, entry] = [secret(), secret(), secret(), secret()]
  const neighbours = Array.from({ length: 20 }, (_, i) => tenant(`t${i}`))
  for (const id of neighbours) await write(engine, id, [put('k', 'v')])
  await write(engine, acme, [put('a', deleted, { terms: [{ name: 'by', value: word }] }), put('b', replaced)])
  await write(engine, acme, [], { after: new Uint8Array(Buffer.from(entry)) })
  await write(engine, acme, [remove('a'), put('b', 'other')])
  await engine.pruneAudit(acme, 2)
  const needles = [deleted, replaced, word, entry]
  const before = await Promise.all(needles.map((needle) => filesWith(server, database, needle)))
  assert.ok(
    before.every((files) => files.length > 0),
    'there was nothing to overwrite',
  )
  await engine.compact(never, acme)
  for (const needle of needles) assert.deepEqual(await filesWith(server, database, needle), [])
  for (const id of [acme, ...neighbours]) assert.deepEqual(await problems(engine, id), [])
})

const FILES =
  "SELECT sum(relfilenode::int8) AS sum FROM pg_class WHERE relname ~ '^(records|terms|audit)_[0-9]+$'"

test('a partition that is too large is freed and not rewritten', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await openOn(server, database, { config: { rewriteMaxBytes: 0 } })
  t.after(() => engine.close())
  await write(engine, acme, [put('k', 'v')])
  const before = (await server.admin(FILES, database)).rows
  await engine.compact(never, acme)
  assert.deepEqual((await server.admin(FILES, database)).rows, before)
})

test('a partition that somebody reads for long is not waited for', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await openOn(server, database)
  t.after(() => engine.close())
  await write(engine, acme, [put('k', 'v')])
  const reader = await server.client(t, 'postgres', database)
  await reader.query('BEGIN')
  for (const table of ['records', 'terms', 'audit', 'heads'])
    await reader.query(`SELECT * FROM yizhan.${table}`)
  const before = (await server.admin(FILES, database)).rows
  await engine.compact(never, acme)
  assert.deepEqual((await server.admin(FILES, database)).rows, before)
  await reader.query('ROLLBACK')
  await engine.compact(never, acme)
  assert.notDeepEqual((await server.admin(FILES, database)).rows, before)
})
