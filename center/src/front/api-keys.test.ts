import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, silentLogger, YizhanError } from '@yizhan/kernel'
import { tenantId } from '../inference/testing/book-harness.js'
import { openStorage } from '../storage/index.js'
import { openApiKeys } from './api-keys.js'

const acme = tenantId('acme')
const other = tenantId('other-1')
const BY = { actor: 'admin', requestId: 'r1' }
const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === expected

async function place(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-keys-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const clock = new ManualClock()
  const storage = await openStorage(
    { log: silentLogger(), sealer: plainSealer, clock },
    { dir: join(dir, 'data'), shards: 1 },
  )
  t.after(() => storage.close())
  const { store } = storage
  const open = () => openApiKeys({ store, clock, tenants: [acme, other] })
  return { clock, store, open, keys: await open() }
}

test('keys without a sensible name, user or time are refused, and nothing is kept of them', async (t) => {
  const { keys, store } = await place(t)
  for (const wrong of [
    { name: ' ' },
    { name: 'x'.repeat(101) },
    { name: 'x', user: '' },
    { name: 'x', expiresAt: 0 },
  ]) {
    await assert.rejects(keys.create(acme, wrong, BY), code('invalid_argument'), JSON.stringify(wrong))
  }
  await assert.rejects(keys.revoke(acme, 'nothing', BY), code('not_found'))
  assert.deepEqual(keys.list(acme), [])
  assert.equal((await store.audit(acme)).entries.length, 0)
})

test('only the whole right secret opens, for its tenant alone', async (t) => {
  const { keys } = await place(t)
  const { secret, id } = await keys.create(acme, { name: 'reports' }, BY)
  const second = await keys.create(other, { name: 'reports', user: 'erp' }, BY)
  assert.deepEqual(keys.caller(secret), { tenant: acme, keyId: id, user: `key:${id}` })
  assert.deepEqual(keys.caller(second.secret), { tenant: other, keyId: second.id, user: 'erp' })
  const [, , , part = ''] = secret.split('_')
  for (const wrong of [
    '',
    secret.slice(0, -1),
    `${secret}x`,
    secret.replace('yzk', 'sk'),
    secret.replace('acme', 'other-1'),
    second.secret.replace('other-1', 'acme'),
    secret.replace(id, second.id),
    `yzk_acme_${id}_`,
    `yzk_acme__${part}`,
    `yzk_ACME_${id}_${part}`,
    `yzk_acme_${id}_${'x'.repeat(100_000)}`,
    'yzk_acme___proto__',
  ]) {
    assert.equal(keys.caller(wrong), undefined, wrong.slice(0, 80))
  }
})

test('a key opens until its time, until it is revoked, and after a restart', async (t) => {
  const { keys, clock, open } = await place(t)
  const short = await keys.create(acme, { name: 'short', expiresAt: clock.wall() + 1_000 }, BY)
  const long = await keys.create(acme, { name: 'long' }, BY)
  assert.ok(keys.caller(short.secret))
  clock.advance(1_000)
  assert.equal(keys.caller(short.secret), undefined)
  const again = await open()
  assert.ok(again.caller(long.secret))
  assert.deepEqual(again.list(acme), keys.list(acme))
  const revoked = await keys.revoke(acme, long.id, BY)
  assert.equal(keys.caller(long.secret), undefined)
  assert.deepEqual(await keys.revoke(acme, long.id, BY), revoked)
  assert.equal((await open()).caller(long.secret), undefined)
  await assert.rejects(keys.revoke(other, long.id, BY), code('not_found'))
})

test('the audit says who made and revoked which key; no secret stands in it, in a list or in a record', async (t) => {
  const { keys, store } = await place(t)
  const { secret, id } = await keys.create(acme, { name: 'reports' }, BY)
  await keys.revoke(acme, id, BY)
  const { entries } = await store.audit(acme)
  assert.deepEqual(
    entries.map(({ actor, action, object, requestId }) => [actor, action, object, requestId]),
    [
      ['admin', 'CREATE', `api-keys/${id}`, 'r1'],
      ['admin', 'UPDATE', `api-keys/${id}`, 'r1'],
    ],
  )
  const [, , , part = 'x'] = secret.split('_')
  const { records } = await store.scan(acme, 'api-keys')
  const kept = [...entries.map(({ after }) => after), ...records.map(({ value }) => value)]
  const text =
    kept.map((bytes) => Buffer.from(bytes ?? []).toString()).join('') + JSON.stringify(keys.list(acme))
  assert.ok(text.includes(id))
  assert.ok(!text.includes(part))
})

test('a tenant has at most a thousand keys that open, and a revoked one makes room', async (t) => {
  const { keys } = await place(t)
  const made = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) => keys.create(acme, { name: `${i}` }, BY)),
  )
  await assert.rejects(keys.create(acme, { name: 'more' }, BY), code('too_large'))
  await keys.create(other, { name: 'more' }, BY)
  await keys.revoke(acme, made[0]?.id ?? '', BY)
  await keys.create(acme, { name: 'more' }, BY)
})
