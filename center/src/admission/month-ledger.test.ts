import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBase } from '../fleet/testing/fleet.js'
import { settle, tenantId } from '../inference/testing/book-harness.js'
import { openMonthLedger } from './month-ledger.js'

const acme = tenantId('acme')
const other = tenantId('other')

test('what was used of the month outlives the process, by tenant and by user', async (t) => {
  const base = await startBase(t)
  const first = await openMonthLedger(base)
  first.add(acme, 'li', 100)
  first.add(acme, undefined, 20)
  first.add(acme, 'li', -30)
  await first.stop('the test says so')
  await base.restart()
  const again = await openMonthLedger(base)
  assert.deepEqual([again.used(acme), again.used(acme, 'li'), again.used(acme, 'wang')], [90, 70, 0])
  assert.equal(again.used(other), 0)
  await again.stop('the test is over')
  assert.equal(base.clock.pending, 0)
})

test('it is written by itself within two seconds: a crash forgets no more', async (t) => {
  const base = await startBase(t)
  const ledger = await openMonthLedger(base)
  ledger.add(acme, undefined, 10)
  base.clock.advance(2_000)
  for (let turn = 0; turn < 200 && (await base.system.scan('quota-months')).records.length === 0; turn++)
    await settle()
  ledger.add(acme, undefined, 5)
  // The process dies here.
  assert.equal((await openMonthLedger(base)).used(acme), 10)
})

test('with the month of UTC the use begins at nothing, and its users are forgotten', async (t) => {
  const base = await startBase(t)
  // 2027-01-15 is the clock's start.
  const ledger = await openMonthLedger(base)
  ledger.add(acme, 'li', 10)
  const left = ledger.leftMs()
  assert.equal(new Date(base.clock.wall() + left).toISOString(), '2027-02-01T00:00:00.000Z')
  base.clock.jumpWall(left - 1)
  assert.equal(ledger.used(acme), 10)
  base.clock.jumpWall(1)
  assert.deepEqual([ledger.used(acme), ledger.used(acme, 'li')], [0, 0])
  ledger.add(acme, undefined, 1)
  await ledger.stop('the test is over')
  const [record] = (await base.system.scan('quota-months')).records
  assert.deepEqual(JSON.parse(Buffer.from(record?.value ?? []).toString()), {
    month: '2027-02',
    tokens: 1,
    users: {},
  })
})
