import assert from 'node:assert/strict'
import { test } from 'node:test'
import { code } from '../contract-place.js'
import { provisionSql, scramVerifier } from './provision.js'

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
