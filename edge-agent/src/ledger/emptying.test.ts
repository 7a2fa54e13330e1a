import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filesWith } from '../privacy/testing.js'
import { diskFull, faultyHost, openTestLedger, temporaryDir, textMessage } from './testing.js'

const answer = { text: 'answer-4711', answeredBy: 'edge', citations: [], finish: 'stop' } as const

async function said(ledger: Awaited<ReturnType<typeof openTestLedger>>['ledger'], text: string, id: string) {
  const received = await ledger.receive(
    textMessage(text, {
      sender: { id, name: 'Han' } as never,
      platformId: `${id}/${text.replaceAll('4711', '')}`,
    }),
  )
  assert.ok(received.outcome === 'accepted')
  return received.turn.id
}

test('a blanked text is in no file, neither fresh nor compacted before, and the journal has lost nothing', async (t) => {
  const dir = await temporaryDir(t)
  const first = await openTestLedger(t, dir)
  const ids: string[] = []
  for (let i = 0; i < 30; i++) ids.push(await said(first.ledger, `secret-${i}-4711`, 'u1'))
  await first.ledger.blank(ids.slice(0, 10))
  await first.ledger.blank(ids.slice(5, 20))
  for (let i = 0; i < 20; i++) assert.deepEqual(await filesWith(dir, `secret-${i}-4711`), [], String(i))
  assert.notDeepEqual(await filesWith(dir, 'secret-25-4711'), [])
  await first.kill()
  const again = await openTestLedger(t, dir)
  assert.equal(again.ledger.lost, 0)
  assert.deepEqual(
    ids.map((id) => again.ledger.get(id)?.message.text),
    ids.map((_, i) => (i < 20 ? '' : `secret-${i}-4711`)),
  )
  const { message, emptied } = again.ledger.get(ids[0] ?? '') ?? assert.fail()
  assert.deepEqual([message.sender?.id, message.sender?.name, emptied], ['u1', '', 'text'])
})

test('platform ids, which name persons, are in no file of the journal', async (t) => {
  const dir = await temporaryDir(t)
  const { ledger } = await openTestLedger(t, dir)
  const id = await said(ledger, 'hello', 'u-in-key')
  await ledger.transition(id, { to: 'refused', cause: 'test' })
  const { signal } = new AbortController()
  await ledger.erase((_tenant, _channel, sender) => sender === 'u-in-key', signal)
  assert.deepEqual(await filesWith(dir, 'u-in-key'), [])
})

test('on a full disk nothing is emptied and nothing lost; with room again it is emptied', async (t) => {
  const dir = await temporaryDir(t)
  const host = faultyHost()
  const first = await openTestLedger(t, dir, { host })
  const id = await said(first.ledger, 'secret-4711', 'u1')
  const other = await said(first.ledger, 'other-4711', 'u2')
  host.fail = diskFull()
  await assert.rejects(first.ledger.blank([id]), { code: 'disk_full' })
  host.fail = undefined
  // What a failed write left behind is taken back by the next one; a record that was there before must not be.
  await first.ledger.transition(other, { to: 'routed', cause: 'test' })
  await first.ledger.transition(other, { to: 'refused', cause: 'test' })
  await first.ledger.addReply(other, 'final', answer)
  await first.kill()
  const again = await openTestLedger(t, dir)
  assert.equal(again.ledger.lost, 0)
  assert.equal(again.ledger.get(id)?.message.text, 'secret-4711')
  await again.ledger.blank([id])
  assert.deepEqual(await filesWith(dir, 'secret-4711'), [])
  assert.equal(again.ledger.get(id)?.emptied, 'text')
})

test('of an erased turn no answer and no opinion is left, also not of one that is no longer in memory', async (t) => {
  const dir = await temporaryDir(t)
  const { ledger, kill } = await openTestLedger(t, dir, { recent: 1 })
  const ids: string[] = []
  for (let i = 0; i < 3; i++) {
    const id = await said(ledger, `question ${i}`, 'u1')
    await ledger.transition(id, { to: 'refused', cause: 'test' })
    await ledger.addReply(id, 'final', { ...answer, text: `answer-${i}-4711` })
    await ledger.rate(id, { rating: 'down', reason: `reason-${i}-4711`, at: 1, by: i + 1 })
    await ledger.replyState(id, 'final', 'confirmed')
    ids.push(id)
  }
  assert.equal(ledger.get(ids[0] ?? ''), undefined)
  const { signal } = new AbortController()
  assert.deepEqual(await ledger.erase((_tenant, _channel, sender) => sender === 'u1', signal), {
    turns: 3,
    records: 9,
  })
  assert.deepEqual(await filesWith(dir, '-4711'), [])
  assert.deepEqual(await ledger.erase(() => true, signal), { turns: 3, records: 9 })
  await kill()
  assert.equal((await openTestLedger(t, dir)).ledger.lost, 0)
})
