import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId, silentLogger, type YizhanError } from '@yizhan/kernel'
import { acme } from '../router/testing.js'
import { checkMessages } from '../skills/index.js'
import { TenantHost } from './tenant-host.js'

const make = () => new TenantHost({ log: silentLogger(), check: checkMessages })
const source = (id: string, file = { ...acme, tenant: id }) => ({ id, digest: `digest of ${id}`, file })
const acmeId = asTenantId('acme') ?? assert.fail()

test('bad tenants are refused with every problem, and nothing has changed', () => {
  const host = make()
  host.apply([source('acme')])
  const before = host.get(acmeId)
  let changes = 0
  host.onChange(() => {
    changes += 1
  })
  const badMessages = { ...acme, tenant: 'words', messages: { 'end.cancelled': { en: '{x}' } } }
  assert.throws(
    () =>
      host.apply([
        source('fresh'),
        source('Not An Id'),
        source('twice'),
        source('twice'),
        source('mixed', { ...acme, tenant: 'other' }),
        source('words', badMessages),
      ]),
    (thrown: YizhanError) => {
      assert.equal(thrown.code, 'tenant_invalid')
      assert.deepEqual(thrown.details.problems, [
        '"Not An Id": is not a tenant id',
        'twice: is named twice',
        'mixed: its bundle belongs to other',
        'words/messages/end.cancelled/en: there is no {x} here',
      ])
      return true
    },
  )
  assert.equal(host.get(acmeId), before)
  assert.deepEqual([host.list().length, changes], [1, 0])
})

test('an apply replaces all tenants at once and tells of it', () => {
  const host = make()
  const seen: string[][] = []
  const off = host.onChange(() => seen.push(host.list().map(({ tenant }) => tenant)))
  host.apply([source('acme'), source('other')])
  host.apply([source('other')])
  off()
  host.apply([])
  assert.deepEqual(seen, [['acme', 'other'], ['other']])
  assert.equal(host.get(acmeId), undefined)
})

test('what somebody holds of a tenant stays as it was when the tenant is switched', () => {
  const host = make()
  host.apply([source('acme')])
  const held = host.get(acmeId)
  host.apply([{ ...source('acme'), digest: 'new' }])
  assert.deepEqual([held?.digest, host.get(acmeId)?.digest], ['digest of acme', 'new'])
})
