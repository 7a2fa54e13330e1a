import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { acme, code, put } from '../contract-place.js'
import { write } from '../engine-place.js'
import { provisionSql, scramVerifier } from './provision.js'
import { openOn, postgres } from './testing/place.js'

const roles = { owner: 'o', app: 'a', sweep: 's' }

test('a password is neither short, nor anything that would have to be normalised', () => {
  for (const bad of ['', 'short', 'with a blank in it', 'pässword-pässword', 'x'.repeat(129)]) {
    assert.throws(
      () => provisionSql({ database: 'd', roles, passwords: { app: bad } }),
      code('invalid_argument'),
    )
  }
})

test('the SQL holds verifiers in place of passwords, each with a salt of its own', () => {
  const passwords = { owner: 'owner-secret-1', app: 'app-secret-123', sweep: 'app-secret-123' }
  const sql = provisionSql({ database: 'd', roles, passwords })
  assert.doesNotMatch(sql, /secret/)
  const verifiers = [...sql.matchAll(/PASSWORD '(SCRAM-SHA-256\$4096:[^']+)'/g)].map(([, found]) => found)
  assert.equal(new Set(verifiers).size, 3)
})

test('a verifier is the one that PostgreSQL makes of the same password and salt', () => {
  // pg_authid.rolpassword of PostgreSQL 15 for this password and this salt.
  const made = scramVerifier('correct-horse-battery', Buffer.from('OIn7d3XbCXiWYzhu/raQwQ==', 'base64'))
  assert.equal(
    made,
    'SCRAM-SHA-256$4096:OIn7d3XbCXiWYzhu/raQwQ==$P5PhHqzgYCurkSnxPJ0ldk001EKY+aWwvF70luCSJqk=:Xu640vvV53/nJlkGFjk/fRqJW6xrGbPYA/WvQnARxWY=',
  )
})

test('names that would have to be quoted are quoted', () => {
  const sql = provisionSql({ database: 'a"; DROP TABLE x; --', roles: { ...roles, app: 'role"x' } })
  assert.match(sql, /CREATE DATABASE "a""; DROP TABLE x; --" /)
  assert.match(sql, /CREATE ROLE "role""x" /)
})

test('what the how-to has an administrator do makes a database that the center takes', async (t) => {
  const server = await postgres(t)
  if (!server) return
  const page = await readFile(new URL('../../../../docs/how-to/use-postgresql.md', import.meta.url), 'utf8')
  const [, sql = ''] = /<<'SQL'\n(.*?)\nSQL\n/s.exec(page) ?? []
  // Names of its own: the server has ours already.
  server.psql(sql.replaceAll('yizhan', 'page'))
  const password = 'made-up-for-this'
  const passwordFile = join(server.dir, 'page.password')
  await writeFile(passwordFile, `${password}\n`)
  const role = (name: string) => ({ user: `page_${name}`, passwordFile })
  const roles = { app: role('app'), sweep: role('sweep'), owner: role('owner') }
  for (const { user } of Object.values(roles)) await server.admin(`ALTER ROLE ${user} PASSWORD '${password}'`)
  const engine = await openOn(server, 'page', { config: { roles } })
  t.after(() => engine.close())
  await write(engine, acme, [put('k', 'v')])
  assert.deepEqual(await engine.tenants(), [acme])
})
