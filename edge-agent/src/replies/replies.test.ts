import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { temporaryDir } from '../ledger/testing.js'
import { answer, HeldChannel, startTestReplies } from './testing.js'

const HOUR = 3_600_000

test('a final is recorded, delivered and ends its turn once it is confirmed', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until, ledger } = await startTestReplies(t, { channel })
  const turn = await replies.final(await ask('hi'), answer('hello'))
  assert.equal(turn.state, 'replying')
  assert.equal(turn.final?.content.text, 'hello')
  const posted = await channel.next()
  assert.equal(posted.id, `${turn.id}.final`)
  assert.equal(ledger.get(turn.id)?.state, 'replying')
  posted.settle('confirmed')
  const done = await until(turn.id, (now) => now.state === 'done')
  assert.equal(done.final?.state, 'confirmed')
})

test('a second notice, a second final and a final after the end are ignored', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until, ledger } = await startTestReplies(t, { channel })
  const turn = await ask('hi')
  const [first, again] = await Promise.all([
    replies.notice(turn, answer('one', { answeredBy: 'queued' })),
    replies.notice(turn, answer('two', { answeredBy: 'queued' })),
  ])
  assert.equal(first.notice?.content.text, 'one')
  assert.equal(again.notice?.content.text, 'one')
  await Promise.all([replies.final(turn, answer('yes')), replies.final(turn, answer('no'))])
  ;(await channel.next()).settle('confirmed')
  ;(await channel.next()).settle('confirmed')
  await until(turn.id, (now) => now.state === 'done')
  await replies.final(turn, answer('late'))
  assert.deepEqual(
    channel.posted.map((posted) => posted.text),
    ['one', 'yes'],
  )
  assert.equal(ledger.get(turn.id)?.final?.content.text, 'yes')
})

test('an ended turn whose asker has not been told gets its final and keeps its state', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until, ledger } = await startTestReplies(t, { channel })
  const told = await ask('slow one')
  await ledger.transition(told.id, { to: 'failed', cause: 'handler' })
  await replies.final(told, answer('it went wrong', { finish: 'failed' }))
  ;(await channel.next()).settle('confirmed')
  assert.equal((await until(told.id, (now) => now.final?.state === 'confirmed')).state, 'failed')
  const taken = await ask('never mind')
  await ledger.transition(taken.id, { to: 'cancelled', cause: 'recalled' })
  assert.equal((await replies.final(taken, answer('x'))).final, undefined)
})

test('replies of a conversation go out one after the other, other conversations do not wait', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask } = await startTestReplies(t, { channel })
  const [one, two, other] = [await ask('1'), await ask('2'), await ask('3', 'acme/web/room-2')]
  await replies.final(one, answer('first'))
  await replies.final(two, answer('second'))
  await replies.final(other, answer('elsewhere'))
  const first = await channel.next()
  assert.equal((await channel.next()).text, 'elsewhere')
  assert.equal(channel.posted.length, 2)
  first.settle('confirmed')
  assert.equal((await channel.next()).text, 'second')
})

test('nobody there: the reply waits, goes out when somebody comes, and keeps its place', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until, clock } = await startTestReplies(t, { channel })
  await replies.final(await ask('1'), answer('first'))
  const two = await replies.final(await ask('2'), answer('second'))
  ;(await channel.next()).settle('unreachable')
  await new Promise(setImmediate)
  clock.advance(71 * HOUR)
  channel.comesBack('acme/web/another-room')
  assert.equal(channel.posted.length, 1)
  channel.comesBack()
  ;(await channel.next()).settle('confirmed')
  ;(await channel.next()).settle('confirmed')
  await until(two.id, (now) => now.state === 'done')
  assert.deepEqual(
    channel.posted.map((posted) => posted.text),
    ['first', 'first', 'second'],
  )
})

test('somebody who comes while the delivery is under way is not missed', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until } = await startTestReplies(t, { channel })
  const turn = await replies.final(await ask('1'), answer('first'))
  const posted = await channel.next()
  channel.comesBack()
  posted.settle('unreachable')
  ;(await channel.next()).settle('confirmed')
  await until(turn.id, (now) => now.state === 'done')
})

test('nobody came for the whole time: the reply and its turn fail, the next one gets its chance', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until, clock } = await startTestReplies(t, { channel, config: { keepMs: 1_000 } })
  const one = await replies.final(await ask('1'), answer('first'))
  await replies.final(await ask('2'), answer('second'))
  ;(await channel.next()).settle('unreachable')
  await new Promise(setImmediate)
  clock.advance(999)
  await new Promise(setImmediate)
  assert.equal((await until(one.id, () => true)).state, 'replying')
  clock.advance(1)
  const failed = await until(one.id, (now) => now.state === 'failed')
  assert.equal(failed.final?.state, 'failed')
  assert.equal(failed.cause, 'nobody-came')
  assert.equal((await channel.next()).text, 'second')
})

test('each reply is kept from when it came: those behind one that nobody came for do not wait as long once more', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until, clock } = await startTestReplies(t, { channel, config: { keepMs: 1_000 } })
  await replies.final(await ask('1'), answer('first'))
  const two = await replies.final(await ask('2'), answer('second'))
  ;(await channel.next()).settle('unreachable')
  await new Promise(setImmediate)
  clock.advance(600)
  const three = await replies.final(await ask('3'), answer('third'))
  clock.advance(400)
  ;(await channel.next()).settle('unreachable')
  assert.equal((await until(two.id, (now) => now.state === 'failed')).cause, 'nobody-came')
  ;(await channel.next()).settle('unreachable')
  await new Promise(setImmediate)
  clock.advance(599)
  await new Promise(setImmediate)
  assert.equal((await until(three.id, () => true)).state, 'replying')
  clock.advance(1)
  assert.equal((await until(three.id, (now) => now.state === 'failed')).cause, 'nobody-came')
  assert.deepEqual(
    channel.posted.map(({ text }) => text),
    ['first', 'second', 'third'],
  )
})

test('a passing fault is retried three times with growing pauses, then the turn fails', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until, clock } = await startTestReplies(t, { channel })
  const turn = await replies.final(await ask('1'), answer('first'))
  for (const pause of [500, 1_000, 2_000]) {
    ;(await channel.next()).fail(new YizhanError('unavailable', 'busy'))
    await new Promise(setImmediate)
    clock.advance(pause - 1)
    await new Promise(setImmediate)
    const before = channel.posted.length
    clock.advance(1)
    await new Promise(setImmediate)
    assert.equal(channel.posted.length, before + 1, `after ${pause} ms`)
  }
  ;(await channel.next()).fail(new YizhanError('unavailable', 'busy'))
  const failed = await until(turn.id, (now) => now.state === 'failed')
  assert.equal(failed.final?.state, 'failed')
  assert.equal(channel.posted.length, 4)
})

test('what the platform refuses for good is not tried again', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, until } = await startTestReplies(t, { channel })
  const turn = await replies.final(await ask('1'), answer('first'))
  ;(await channel.next()).fail(new YizhanError('too_large', 'no'))
  assert.equal((await until(turn.id, (now) => now.state === 'failed')).cause, 'too_large')
  assert.equal(channel.posted.length, 1)
})

test('a delivery that never ends is repeated only where a repetition is recognised', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask, clock } = await startTestReplies(t, { channel, config: { deliverMs: 100 } })
  await replies.final(await ask('1'), answer('first'))
  await channel.next()
  clock.advance(100)
  await new Promise(setImmediate)
  clock.advance(500)
  await channel.next()

  const blind = new HeldChannel(false)
  const other = await startTestReplies(t, { channel: blind, config: { deliverMs: 100 } })
  const turn = await other.replies.final(await other.ask('1'), answer('first'))
  await blind.next()
  other.clock.advance(100)
  const unknown = await other.until(turn.id, (now) => now.final?.state === 'unknown')
  assert.equal(unknown.state, 'replying', 'a person decides')
  assert.equal(blind.posted.length, 1)
})

test('a restart sends again under the same id where a repetition is recognised', async (t) => {
  const dir = await temporaryDir(t)
  const before = new HeldChannel()
  const first = await startTestReplies(t, { dir, channel: before })
  const one = await first.ask('1')
  await first.replies.notice(one, answer('ticket', { answeredBy: 'queued' }))
  await first.replies.final(one, answer('first'))
  const two = await first.replies.final(await first.ask('2'), answer('second'))
  await before.next()
  await first.kill()

  const after = new HeldChannel()
  const second = await startTestReplies(t, { dir })
  assert.equal(after.posted.length, 0)
  second.replies.attach(after)
  for (let i = 0; i < 3; i++) (await after.next()).settle('confirmed')
  await second.until(two.id, (now) => now.state === 'done')
  assert.deepEqual(
    after.posted.map((posted) => posted.id),
    [`${one.id}.notice`, `${one.id}.final`, `${two.id}.final`],
  )
})

test('a restart marks what may have been shown as unknown where a repetition is not recognised', async (t) => {
  const dir = await temporaryDir(t)
  const before = new HeldChannel(false)
  const first = await startTestReplies(t, { dir, channel: before })
  const turn = await first.replies.final(await first.ask('1'), answer('first'))
  const waiting = await first.replies.final(await first.ask('2'), answer('second'))
  await before.next()
  await first.kill()

  const after = new HeldChannel(false)
  const second = await startTestReplies(t, { dir, channel: after })
  assert.equal((await second.until(turn.id, (now) => now.final?.state === 'unknown')).state, 'replying')
  const posted = await after.next()
  assert.equal(posted.id, `${waiting.id}.final`, 'never begun, so sent now')
  posted.settle('confirmed')
  await second.until(waiting.id, (now) => now.state === 'done')
})

test('stop lets a delivery under way finish, cuts it at the deadline, and leaves the rest recorded', async (t) => {
  const dir = await temporaryDir(t)
  const channel = new HeldChannel()
  const run = await startTestReplies(t, { dir, channel, config: { stopMs: 200 } })
  const one = await run.replies.final(await run.ask('1'), answer('first'))
  const two = await run.replies.final(await run.ask('2'), answer('second'))
  const far = await run.replies.final(await run.ask('3', 'acme/web/far'), answer('far'))
  const first = await channel.next()
  const third = await channel.next()
  const stopped = run.replies.stop('test')
  assert.equal(run.replies.stop('again'), stopped)
  first.settle('confirmed')
  await run.until(one.id, (now) => now.state === 'done')
  assert.equal(third.signal.aborted, false)
  run.clock.advance(200)
  await stopped
  assert.equal(third.signal.aborted, true)
  assert.equal(channel.posted.length, 2, 'the second of the first conversation was not begun')
  const after = await run.replies.final(await run.ask('4'), answer('recorded only'))
  assert.equal(after.final?.state, 'pending')
  for (const turn of [two, far]) assert.equal(run.ledger.get(turn.id)?.final?.state, 'pending')
})

test('a policy sees every outgoing text before it is recorded', async (t) => {
  const channel = new HeldChannel()
  const policy = {
    text: (_turn: unknown, text: string) => text.replaceAll('secret', '***'),
    stream: () => (piece: string) => (piece === 'secret' ? '' : piece),
  }
  const { replies, ask } = await startTestReplies(t, { channel, policy })
  const turn = await ask('hi')
  for (const [index, text] of ['a ', 'secret', 'b'].entries()) {
    replies.delta(turn, { attempt: 1, seq: index + 1, text })
  }
  assert.deepEqual(channel.deltas, [
    { attempt: 1, seq: 1, text: 'a ' },
    { attempt: 1, seq: 2, text: 'b' },
  ])
  const done = await replies.final(turn, answer('a secret b'))
  assert.equal(done.final?.content.text, 'a *** b')
})

test('a superseded answer is told in an honest line where what was shown cannot be replaced', async (t) => {
  for (const canEdit of [false, true]) {
    const channel = new HeldChannel(true, canEdit)
    const { replies, ask } = await startTestReplies(t, { channel, superseded: () => '(cut off)' })
    const turn = await ask('hi')
    for (const [attempt, text] of [
      [1, 'Be'],
      [2, 'Because'],
      [3, 'So'],
    ] as const) {
      replies.delta(turn, { attempt, seq: 1, text })
    }
    const { final } = await replies.final(turn, answer('So it is.'))
    assert.equal(final?.content.text, canEdit ? 'So it is.' : '(cut off)\n\nSo it is.')
    assert.equal(channel.deltas.length, canEdit ? 3 : 1)
  }
})

test('deltas: a slow client gets no gap, a higher attempt starts anew, a late one is dropped, none after the final', async (t) => {
  const channel = new HeldChannel()
  const { replies, ask } = await startTestReplies(t, { channel })
  const turn = await ask('hi')
  const piece = (attempt: number, text: string) => replies.delta(turn, { attempt, seq: 9, text })
  piece(1, 'a')
  channel.slow = true
  piece(1, 'b')
  piece(1, 'c')
  channel.slow = false
  piece(1, 'd')
  piece(2, 'x')
  piece(1, 'late')
  await replies.final(turn, answer('x'))
  piece(2, 'y')
  assert.deepEqual(channel.deltas, [
    { attempt: 1, seq: 1, text: 'a' },
    { attempt: 1, seq: 2, text: 'bcd' },
    { attempt: 2, seq: 1, text: 'x' },
  ])
})
