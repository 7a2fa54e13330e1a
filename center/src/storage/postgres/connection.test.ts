import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { acme, code, put } from '../contract-place.js'
import { write } from '../engine-place.js'
import { clientConfig } from './connection.js'
import { openOn, postgres, postgresHere } from './testing/place.js'
import { removeServer, startServer } from './testing/server.js'

test('over TLS the certificate and the name in it are checked', async (t) => {
  if (!postgresHere()) return t.skip('SKIPPED: PostgreSQL is not here')
  const server = await startServer(silentLogger(), { tls: true })
  t.after(() => removeServer(server))
  const database = await server.database()
  const caFile = join(server.dir, 'server.crt')
  const open = (host: string, tls: { readonly caFile?: string }) =>
    openOn(server, database, { config: { host, tls: { mode: 'verify', ...tls } } })
  await assert.rejects(open('localhost', {}), code('unauthenticated'), 'an authority that nobody knows')
  await assert.rejects(open('127.0.0.1', { caFile }), code('unauthenticated'), 'another name')
  const engine = await open('localhost', { caFile })
  t.after(() => engine.close())
  await write(engine, acme, [put('k', 'v')])
  const { rows } = await server.admin(
    "SELECT DISTINCT version FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename LIKE 'yizhan_%'",
  )
  assert.deepEqual(rows, [{ version: 'TLSv1.3' }])
})

test('a server without TLS is refused where TLS is asked for', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const config = { tls: { mode: 'verify' as const } }
  await assert.rejects(openOn(server, database, { config }), code('failed_precondition'))
})

test('a changed password file counts from the next connection on, and the environment never does', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const config = server.config(await server.database())
  const passwordFile = join(server.dir, 'changing')
  const { password } = await clientConfig(config, { user: 'x', passwordFile }, 'lookups')
  assert.ok(typeof password === 'function')
  for (const line of ['first', 'second']) {
    await writeFile(passwordFile, `${line}\r\nsecond line\n`)
    assert.equal(await password(), line)
  }
  const without = await clientConfig(config, { user: 'x' }, 'lookups')
  assert.ok(typeof without.password === 'function')
  assert.equal(await without.password(), '')
})
