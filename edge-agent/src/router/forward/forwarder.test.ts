import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { ChatEventType, FinishReason } from '@yizhan/proto'
import { temporaryDir } from '../../ledger/testing.js'
import { eventFields, otherRoom, requested, startTestEdge, sure } from '../testing.js'

test('an answer streams through, and is acked to the center once the final is durable', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  assert.equal(edge.ledger.get(id)?.state, 'forwarded')
  assert.equal(request.request.requestId, id)
  assert.equal(request.request.answerLocale, 'en')
  request.sink.started(1, 0)
  request.sink.tokens(1, 1, 'Be')
  request.sink.tokens(1, 2, 'cause.')
  await edge.until(() => edge.ledger.get(id)?.state === 'streaming')
  assert.deepEqual(
    edge.channel.deltas.map(({ attempt, seq, text }) => [attempt, seq, text]),
    [
      [1, 1, 'Be'],
      [1, 2, 'cause.'],
    ],
  )
  assert.equal(request.acked, false)
  request.finish('Because.')
  const final = await edge.final(id)
  assert.equal(final.text, 'Because.')
  assert.deepEqual(
    [final.content.answeredBy, final.content.model, final.content.quoted],
    ['center', 'extractive', undefined],
  )
  await edge.until(() => request.acked)
  await edge.until(() => edge.ledger.open().length === 0)
})

test('a center that hangs with its link up gives no answer: after a while the asker gets a ticket', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  edge.clock.advance(60_000)
  await edge.until(() => edge.ledger.get(id)?.notice !== undefined)
  assert.ok(edge.ledger.get(id)?.ticket)
  request.sink.started(1, 0)
  request.finish('Because.')
  const late = await edge.final(id)
  assert.deepEqual([late.text, late.content.quoted], ['Because.', 'why'])
})

test('what the center has accepted may take its time', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  request.sink.started(1, 0)
  edge.clock.advance(60_000)
  request.finish('Because.')
  assert.equal((await edge.final(id)).content.quoted, undefined)
  assert.equal(edge.ledger.get(id)?.notice, undefined)
})

test('an empty answer and an unknown one say so', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('为什么')
  ;(await requested(edge, 1)).finish('', { finish: FinishReason.NO_ANSWER })
  const final = await edge.final(id)
  assert.deepEqual([final.text, final.content.finish], ['资料里没有找到答案。', 'no-answer'])
})

test('while the center answers, other conversations are answered here', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { maxConcurrent: 1 })
  edge.classifier.known.set('vpn', sure('it.vpn'))
  await edge.say('why')
  await requested(edge, 1)
  assert.equal((await edge.final(await edge.say('vpn', otherRoom))).text, 'Scan the code')
})

test('without a link the asker gets a ticket at once and the conversation goes on', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false })
  edge.classifier.known.set('vpn', sure('it.vpn'))
  edge.classifier.known.set('火车', sure('travel.policy'))
  const why = await edge.say('why')
  const train = await edge.say('火车')
  assert.equal((await edge.final(await edge.say('vpn'))).text, 'Scan the code')
  const [first, second] = edge.channel.shown
  assert.deepEqual([first?.turnId, first?.kind, first?.content.answeredBy], [why, 'notice', 'queued'])
  const ticket = first?.content.ticket ?? ''
  assert.match(ticket, /^A-\d{4}$/)
  assert.ok(first?.text.endsWith(`Ticket ${ticket}, place 1.`), first?.text)
  assert.equal(second?.text.split('\n')[0], '已记下', "the intent's own sentence")
  assert.match(second?.text ?? '', /第 2 位/)
  assert.deepEqual(
    [why, train].map((id) => edge.ledger.get(id)?.state),
    ['waiting', 'waiting'],
  )
  assert.equal(edge.ledger.get(why)?.ticket, ticket)
  assert.equal(edge.turns.waitingForCenter(), 2)
  assert.equal(edge.uplink.requests.length, 0)
  assert.match(
    (await edge.final(await edge.say('/status'))).text,
    new RegExp(`down[^]*${ticket} \\(place 1\\)`),
  )
})

test('when the link is back the waiting turns go in the order in which they came, and late finals quote', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false })
  const ids: string[] = []
  for (let i = 1; i <= 5; i++) ids.push(await edge.say(`q${i}`, i % 2 ? {} : otherRoom))
  await edge.until(() => edge.channel.shown.length === 5)
  edge.uplink.up = true
  await requested(edge, 5)
  assert.deepEqual(edge.uplink.questions, ['q1', 'q2', 'q3', 'q4', 'q5'])
  edge.uplink.requests[0]?.sink.tokens(1, 1, 'A')
  edge.uplink.requests[0]?.finish('A1')
  const final = await edge.final(ids[0] ?? '')
  assert.equal(final.content.quoted, 'q1')
  assert.equal(final.content.ticket, edge.ledger.get(ids[0] ?? '')?.ticket)
  assert.deepEqual(edge.channel.deltas, [], 'a late answer comes whole')
})

test('late finals of a conversation come in the order of their questions', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false })
  const ids = [await edge.say('q1'), await edge.say('q2'), await edge.say('q3')]
  await edge.until(() => edge.channel.shown.length === 3)
  edge.uplink.up = true
  await requested(edge, 3)
  const [r1, r2, r3] = edge.uplink.requests
  r3?.finish('A3')
  r2?.finish('A2')
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.equal(edge.channel.shown.length, 3)
  assert.deepEqual([r2?.acked, r3?.acked], [false, false], 'not durable, not acked')
  r1?.finish('A1')
  await edge.final(ids[2] ?? '')
  assert.deepEqual(edge.channel.texts.slice(3), ['A1', 'A2', 'A3'])
})

test('a late final does not wait for an earlier turn that was cancelled', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false })
  const q1 = await edge.say('q1')
  const q2 = await edge.say('q2')
  await edge.until(() => edge.channel.shown.length === 2)
  edge.uplink.up = true
  await requested(edge, 2)
  edge.uplink.requests[1]?.finish('A2')
  await edge.say('', eventFields(ChatEventType.CANCEL, { subject: q1 }))
  assert.equal((await edge.final(q2)).text, 'A2')
})

test('a link that is lost for less than eight seconds costs no ticket', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  request.sink.tokens(1, 1, 'Be')
  for (let i = 0; i < 5; i++) {
    edge.uplink.up = false
    edge.clock.advance(7_999)
    edge.uplink.up = true
    edge.clock.advance(7_999)
  }
  request.sink.tokens(1, 2, 'cause.')
  request.finish('Because.')
  const final = await edge.final(id)
  assert.equal(final.content.quoted, undefined)
  assert.deepEqual(edge.channel.texts, ['Because.'])
  assert.equal(edge.channel.deltas.length, 2)
  assert.equal(edge.uplink.requests.length, 1, 'the uplink resumes by itself')
})

test('a link that stays away in mid-stream gives a ticket, and the conversation goes on', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  request.sink.tokens(1, 1, 'Be')
  const next = await edge.say('vpn')
  edge.uplink.up = false
  edge.clock.advance(7_999)
  assert.deepEqual(edge.channel.shown, [])
  edge.clock.advance(1)
  await edge.final(next)
  assert.deepEqual(
    edge.channel.shown.map(({ turnId, kind }) => [turnId, kind]),
    [
      [id, 'notice'],
      [next, 'final'],
    ],
  )
  edge.uplink.up = true
  request.sink.tokens(1, 2, 'cause.')
  request.finish('Because.')
  const late = await edge.final(id)
  assert.deepEqual([late.text, late.content.quoted], ['Because.', 'why'])
  assert.equal(edge.channel.shown.filter(({ turnId }) => turnId === id).length, 2, 'one notice, one final')
})

test('a higher attempt starts the text anew', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  request.sink.tokens(1, 1, 'Wrong')
  request.sink.started(2, 0)
  request.sink.tokens(2, 1, 'Right')
  request.sink.tokens(1, 2, ' again')
  await edge.until(() => edge.ledger.get(id)?.state === 'streaming')
  await edge.final(await edge.say('/cancel'))
  assert.equal((await edge.final(id)).text, 'Right')
  assert.deepEqual(
    edge.channel.deltas.map(({ text }) => text),
    ['Wrong', 'Right'],
  )
})

test('cancel ends a running answer with the text so far and tells the center', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  request.sink.tokens(1, 1, 'Becau')
  const cancel = await edge.final(await edge.say('取消'))
  assert.equal(cancel.text, '已取消 1 个问题。')
  const final = await edge.final(id)
  assert.deepEqual([final.text, final.content.finish], ['Becau', 'cancelled'])
  assert.equal(request.cancelled, 'command')
  assert.equal(edge.ledger.get(id)?.state, 'cancelled')
  request.finish('Because.')
  await edge.until(() => edge.ledger.open().length === 0)
  assert.deepEqual(
    edge.channel.texts.filter((text) => text === 'Because.'),
    [],
  )
})

test('cancel ends a waiting turn', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false })
  const id = await edge.say('why')
  await edge.until(() => edge.channel.shown.length === 1)
  await edge.final(await edge.say('/cancel'))
  assert.equal((await edge.final(id)).text, 'Cancelled.')
  edge.uplink.up = true
  assert.equal(edge.turns.waitingForCenter(), 0)
  assert.match((await edge.final(await edge.say('/status'))).text, /No question/)
  assert.equal(edge.uplink.requests.length, 0)
})

test('what the center has no room for is presented again under its id, ever later, until it is taken', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { retryBaseMs: 1_000 })
  const id = await edge.say('为什么')
  const codes = ['overloaded', 'unavailable', 'quota_exceeded', 'overloaded', 'overloaded'] as const
  for (const [n, code] of codes.entries()) {
    const { sink } = await requested(edge, n + 1)
    // The center says that it has it, and then that it has no room after all.
    sink.started(n + 1, 0)
    sink.failed(new YizhanError(code, 'not now'))
    edge.clock.advance(1_000 * 2 ** n - 1)
    for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
    assert.equal(edge.uplink.requests.length, n + 1)
    edge.clock.advance(1)
  }
  await edge.until(() => edge.channel.shown.length === 1)
  assert.equal(edge.channel.shown[0]?.kind, 'notice', 'its asker has a ticket by now')
  ;(await requested(edge, codes.length + 1)).finish('因为。')
  assert.equal((await edge.final(id)).content.quoted, '为什么')
  assert.deepEqual(new Set(edge.uplink.requests.map(({ request }) => request.requestId)), new Set([id]))
})

test('what the center tried and could not do is told at once: it has tried as often as is of use', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  for (const [n, code] of (['backend_failed', 'deadline_exceeded'] as const).entries()) {
    const id = await edge.say('为什么')
    ;(await requested(edge, n + 1)).sink.failed(new YizhanError(code, 'broken'))
    const final = await edge.final(id)
    assert.match(final.text, new RegExp(`很抱歉.*${code}`))
    assert.equal(final.content.finish, 'failed')
    assert.equal(edge.ledger.get(id)?.state, 'failed')
  }
  assert.equal(edge.uplink.requests.length, 2)
})

test('the advice of the center to wait longer is taken, and the asker gets a ticket meanwhile', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const error = new YizhanError('overloaded', 'full', { details: { retryAfterMs: 30_000 } })
  ;(await requested(edge, 1)).sink.failed(error)
  edge.clock.advance(8_000)
  await edge.until(() => edge.channel.shown.length === 1)
  assert.equal(edge.channel.shown[0]?.kind, 'notice')
  edge.clock.advance(22_000)
  ;(await requested(edge, 2)).finish('Because.')
  assert.equal((await edge.final(id)).content.quoted, 'why')
})

test('a failure that will not pass is told at once, behind what was shown already', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  request.sink.tokens(1, 1, 'Because')
  request.sink.failed(new YizhanError('permission_denied', 'no'))
  assert.match((await edge.final(id)).text, /^Because\n\nSorry.*permission_denied/)
  assert.equal(edge.uplink.requests.length, 1)
})

test('more waiting turns than there is room for are refused while local answers go on', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false, maxWaitingPerTenant: 2 })
  edge.classifier.known.set('vpn', sure('it.vpn'))
  for (const text of ['q1', 'q2']) await edge.say(text)
  await edge.until(() => edge.channel.shown.length === 2)
  const refused = await edge.say('q3')
  assert.match((await edge.final(refused)).text, /等待的问题太多/)
  assert.equal(edge.ledger.get(refused)?.state, 'refused')
  assert.equal((await edge.final(await edge.say('vpn'))).text, 'Scan the code')
})

test('what waits for the center is bounded in bytes', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false, maxWaitingBytes: 6_000 })
  await edge.say('问'.repeat(1_500))
  await edge.until(() => edge.channel.shown.length === 1)
  const refused = await edge.say('答'.repeat(1_500))
  assert.match((await edge.final(refused)).text, /等待的问题太多/)
  assert.equal(edge.ledger.get(await edge.say('z'))?.state !== 'refused', true)
})

test('a turn that the center does not answer at all ends at the deadline', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { forwardMs: 60_000 })
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  edge.clock.advance(60_000)
  assert.match((await edge.final(id)).text, /deadline_exceeded/)
  assert.equal(request.cancelled, 'deadline_exceeded')
})

test('at most so many turns are handed over at once, the others follow', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false, maxSubmitted: 2 })
  for (const text of ['q1', 'q2', 'q3']) await edge.say(text)
  await edge.until(() => edge.channel.shown.length === 3)
  edge.uplink.up = true
  const first = await requested(edge, 1)
  await requested(edge, 2)
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.equal(edge.uplink.requests.length, 2)
  first.finish('A1')
  await requested(edge, 3)
})
