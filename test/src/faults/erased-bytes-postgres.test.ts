import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPostgresEngine } from '@yizhan/center/storage/postgres'
import { postgresBin, removeServer, startServer } from '@yizhan/center/storage/postgres/testing'
import { silentLogger } from '@yizhan/kernel'
import { filesWith } from './byte-scan.js'
import { by, fill, needlesOf } from './erased-person.js'
import { acme, never, openSmallCenter } from './small-center.js'

test('after an erasure no byte of the person or of their key is in PostgreSQL’s files, its WAL, or a fresh backup', async (t) => {
  if (postgresBin() === undefined) {
    if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw new Error('PostgreSQL is required and not here')
    t.skip('SKIPPED: PostgreSQL is not here')
    return
  }
  const server = await startServer(silentLogger())
  t.after(() => removeServer(server))
  const root = await mkdtemp(join(tmpdir(), 'yizhan-erased-pg-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const config = server.config(await server.database())
  const center = await openSmallCenter(join(root, 'center'), {
    storage: { shards: 0 },
    openEngine: (given) => openPostgresEngine(given, config),
  })
  const subject = await fill(center)
  const { secret } = await center.keys.sealingKey(acme, subject)
  const before = Uint8Array.from(secret)
  assert.equal((await center.privacy.erase(acme, subject, by)).s, 'erasing')
  await center.backups.create(join(root, 'fresh-backup'), { full: true }, never)
  assert.deepEqual((await center.storage.upkeep.check(acme, never)).problems, [])
  assert.deepEqual((await center.storage.store.places(acme, { subject })).places, [])
  await center.close()
  await server.stop()
  const everywhere = [root, join(server.dir, 'data')]
  const { found, files, bytes } = await filesWith(everywhere, needlesOf(before))
  assert.deepEqual(found, [])
  // Of what stays, the scan finds something: it looks into the right files.
  const control = await filesWith([join(server.dir, 'data')], { turn: Buffer.from('turn-1') })
  assert.ok(
    control.found.some((where) => where.includes('pg_wal')) &&
      control.found.some((where) => where.includes('base')),
  )
  t.diagnostic(`looked at ${files} files, ${(bytes / 1e6).toFixed(1)} MB`)
})
