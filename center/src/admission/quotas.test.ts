import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, YizhanError } from '@yizhan/kernel'
import { tenantId } from '../inference/testing/book-harness.js'
import { type QuotaRules, stricter } from './quota-config.js'
import { type MonthlyUse, Quotas } from './quotas.js'

const acme = tenantId('acme')
const other = tenantId('other')

function setUp(rules: Partial<QuotaRules>, month: Partial<MonthlyUse> = {}) {
  const clock = new ManualClock()
  const added: [string, string | undefined, number][] = []
  const quotas = new Quotas({
    clock,
    rulesOf: (tenant) => (tenant === acme ? { tenant: {}, user: {}, ...rules } : { tenant: {}, user: {} }),
    month: {
      used: () => 0,
      add: (tenant, user, tokens) => added.push([tenant, user, tokens]),
      leftMs: () => 1_000,
      ...month,
    },
  })
  const ask = (estimatedTokens = 10, user?: string, tenant = acme) =>
    quotas.admit({
      tenant,
      priority: 'interactive',
      estimatedTokens,
      ...(user === undefined ? {} : { user }),
    })
  return { clock, quotas, ask, added }
}

function refused(whose: string, reason: string, retryAfterMs: number, retryable = true) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError, String(thrown))
    assert.equal(thrown.code, 'quota_exceeded')
    assert.equal(thrown.retryable, retryable)
    assert.deepEqual(thrown.details, { whose, reason, retryAfterMs })
    return true
  }
}

test('a prompt that is longer than allowed is refused for good', () => {
  const { ask } = setUp({ tenant: { maxPromptTokens: 100 } })
  assert.throws(() => ask(101), { code: 'too_large', retryable: false })
  ask(100)
})

test('more requests in a minute than allowed are refused until their time comes', () => {
  const { ask, clock } = setUp({ tenant: { requestsPerMinute: 2 } })
  ask()
  ask()
  assert.throws(() => ask(), refused('tenant', 'requests per minute', 30_000))
  ask(10, undefined, other)
  clock.advance(29_999)
  assert.throws(() => ask(), refused('tenant', 'requests per minute', 1))
  clock.advance(1)
  ask()
  assert.throws(() => ask(), refused('tenant', 'requests per minute', 30_000))
})

test('tokens count as they are estimated, written and settled; one request may be larger than a minute', () => {
  const { ask, clock } = setUp({ tenant: { tokensPerMinute: 600 } })
  const hold = ask(100)
  hold.charge(300)
  assert.throws(() => ask(300), refused('tenant', 'tokens per minute', 10_000))
  hold.release(-200)
  ask(300)
  assert.throws(() => ask(5_000), refused('tenant', 'tokens per minute', 50_000))
  clock.advance(60_000)
  ask(5_000).release(0)
  assert.throws(() => ask(1), refused('tenant', 'tokens per minute', (4_401 / 600) * 60_000))
})

test('one user at its limit leaves the others of the tenant alone, and is free again at the end of its request', () => {
  const { ask } = setUp({ user: { concurrent: 1 } })
  const hold = ask(10, 'li')
  assert.throws(() => ask(10, 'li'), refused('user', 'concurrent', 2_000))
  ask(10, 'wang')
  ask(10)
  hold.release(0)
  ask(10, 'li')
})

test('a refusal for the user takes nothing from the tenant', () => {
  const { ask } = setUp({ tenant: { requestsPerMinute: 2, concurrent: 2 }, user: { concurrent: 1 } })
  ask(10, 'li')
  for (let n = 0; n < 5; n++) assert.throws(() => ask(10, 'li'), refused('user', 'concurrent', 2_000))
  ask(10, 'wang')
})

test('the month of a tenant, and of a user, is over when its tokens are: nobody waits for days by itself', () => {
  const used = { tenant: 999, li: 50 }
  const { ask } = setUp(
    { tenant: { monthlyTokens: 1_000 }, user: { monthlyTokens: 50 } },
    { used: (_tenant, user) => (user === undefined ? used.tenant : user === 'li' ? used.li : 0) },
  )
  assert.throws(() => ask(10, 'li'), refused('user', 'monthly tokens', 1_000, false))
  ask(10, 'wang')
  used.tenant = 1_000
  assert.throws(() => ask(10, 'wang'), refused('tenant', 'monthly tokens', 1_000, false))
})

test('users are written into the month only if they have a limit there', () => {
  const free = setUp({})
  free.ask(10, 'li').release(5)
  assert.deepEqual(free.added, [
    ['acme', undefined, 10],
    ['acme', undefined, 5],
  ])
  const limited = setUp({ user: { monthlyTokens: 100 } })
  limited.ask(10, 'li').release(0)
  assert.deepEqual(limited.added[0], ['acme', 'li', 10])
})

test('of two limits the lower one holds, and what only one names holds too', () => {
  assert.deepEqual(stricter({ concurrent: 5, tokensPerMinute: 10 }, { concurrent: 7, monthlyTokens: 3 }), {
    concurrent: 5,
    tokensPerMinute: 10,
    monthlyTokens: 3,
  })
})
