import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, silentLogger } from '@yizhan/kernel'
import { openLedger } from './ledger.js'
import type { Ledger, Rating } from './port.js'
import { openTestJournal, openTestLedger, temporaryDir, textMessage } from './testing.js'
import type { ReplyContent, Turn } from './turn.js'

const answer: ReplyContent = { text: 'Scan the code.', answeredBy: 'edge', citations: [], finish: 'stop' }
const given = (rating: Rating['rating'], by: number, reason = ''): Rating => ({
  rating,
  reason,
  at: 1_000,
  by,
})

async function answered(ledger: Ledger, settled = true): Promise<Turn> {
  const outcome = await ledger.receive(textMessage('hi'))
  const { id } = outcome.outcome === 'accepted' ? outcome.turn : assert.fail()
  await ledger.transition(id, { to: 'routed', cause: 'x' })
  await ledger.transition(id, { to: 'replying', cause: 'x' })
  const turn = await ledger.addReply(id, 'final', answer)
  if (!settled) return turn
  await ledger.replyState(id, 'final', 'confirmed')
  return await ledger.transition(id, { to: 'done', cause: 'delivered' })
}

test('feedback on a turn that is not known is not kept', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  await assert.rejects(ledger.rate('t_none', given('up', 1)), { code: 'not_found' })
})

test('of several the last one counts, whatever order they come in, and none takes it back', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  const { id } = await answered(ledger)
  await ledger.rate(id, given('up', 5))
  assert.deepEqual(ledger.get(id)?.feedback, { rating: 'up', reason: '', at: 1_000 })
  await ledger.rate(id, given('down', 7, 'wrong year'))
  await ledger.rate(id, given('up', 6))
  await ledger.rate(id, given('up', 7))
  assert.deepEqual(ledger.get(id)?.feedback, { rating: 'down', reason: 'wrong year', at: 1_000 })
  const after = await ledger.rate(id, given('none', 8))
  assert.ok(!('feedback' in after))
  await ledger.rate(id, given('up', 7))
  assert.equal(ledger.get(id)?.feedback, undefined, 'what was taken back stays so')
})

test('feedback survives a killed process, opens no settled turn, and takes nothing for torn', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const settled = await answered(first.ledger)
  const open = await answered(first.ledger, false)
  await first.ledger.rate(settled.id, given('down', 5, '看不懂'))
  await first.ledger.rate(open.id, given('up', 6))
  await first.ledger.rate(settled.id, given('up', 7))
  await first.ledger.rate(settled.id, given('none', 8))
  await first.ledger.rate(settled.id, given('down', 9, '看不懂'))
  const before = first.ledger.recent(10)
  assert.deepEqual(
    first.ledger.open().map(({ id }) => id),
    [open.id],
  )
  await first.kill()

  const again = await openTestLedger(t, dir)
  assert.deepEqual(again.ledger.recent(10), before)
  assert.deepEqual(
    again.ledger.open().map(({ id }) => id),
    [open.id],
  )
  await again.ledger.rate(settled.id, given('up', 8))
  assert.equal(again.ledger.get(settled.id)?.feedback?.rating, 'down', 'an older one stays older')
  // Its delivery goes on as if nothing had been said of it.
  await again.ledger.replyState(open.id, 'final', 'confirmed')
  const done = await again.ledger.transition(open.id, { to: 'done', cause: 'delivered' })
  assert.equal(done.feedback?.rating, 'up')
})

test('feedback holds no pruning back, and what is left of it then disturbs no restart', async (t) => {
  const dir = await temporaryDir(t)
  const { ledger, clock, journal } = await openTestLedger(t, dir, {
    retentionMs: 1_000,
    housekeepingMs: 5_000,
    recent: 1,
  })
  const old = await answered(ledger)
  clock.advance(5_000)
  while (journal.settled <= old.receivedSeq) await new Promise<void>((resolve) => setImmediate(resolve))
  await ledger.rate(old.id, given('up', 9))
  const young = await answered(ledger)
  await ledger.close()
  await journal.close()

  const again = await openTestJournal(t, dir)
  const metrics = createMetrics()
  const reopened = await openLedger({ ...again, log: silentLogger(), metrics }, { recent: 1 })
  assert.equal(reopened.lost, 0)
  assert.deepEqual(reopened.open(), [])
  assert.equal(reopened.get(young.id)?.state, 'done')
  await reopened.close()
})

test('the metric counts ratings, not reasons that are given later', async (t) => {
  const opened = await openTestJournal(t, await temporaryDir(t))
  const metrics = createMetrics()
  const ledger = await openLedger({ ...opened, log: silentLogger(), metrics })
  const { id } = await answered(ledger)
  await ledger.rate(id, given('down', 1))
  await ledger.rate(id, given('down', 2, 'wrong year'))
  await ledger.rate(id, given('none', 3))
  const text = await metrics.render()
  assert.match(text, /yizhan_feedback_total\{rating="down"\} 1\n/)
  assert.match(text, /yizhan_feedback_total\{rating="none"\} 1\n/)
  await ledger.close()
})

test('the history of a turn is told from the journal, steps that are not written yet included', async (t) => {
  const { ledger } = await openTestLedger(t, await temporaryDir(t))
  const done = await answered(ledger)
  const other = await ledger.receive(textMessage('other'))
  const { id } = other.outcome === 'accepted' ? other.turn : assert.fail()
  await ledger.transition(id, { to: 'routed', cause: 'router' })
  await ledger.rate(done.id, given('up', 5))
  const states = async (turnId: string) =>
    (await ledger.history(turnId)).map(({ state, cause = '' }) => `${state} ${cause}`.trim())
  assert.deepEqual(await states(done.id), ['received', 'routed x', 'replying x', 'done delivered'])
  assert.deepEqual(await states(id), ['received', 'routed router'])
  await assert.rejects(ledger.history('t_none'), { code: 'not_found' })
})
