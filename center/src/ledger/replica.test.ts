import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, EraseCommandSchema, ReplyState, TurnRating, TurnState } from '@yizhan/proto'
import { identityDigest } from '../privacy/index.js'
import { deleteRecordsOf } from '../privacy/subject-records.js'
import { acme, refused } from '../privacy/testing/stand.js'
import type { Uploaded } from './port.js'
import {
  beijing,
  feedback,
  first,
  globex,
  record,
  reply,
  replyState,
  second,
  shanghai,
  stand,
  transition,
  turnId,
} from './testing/stand.js'
import { checkChange } from './turn-fold.js'

const never = new AbortController().signal

test('what names no turn, or says what nobody knows, is refused before it is applied', () => {
  const id = turnId(1)
  assert.throws(() => checkChange(transition('../1')), refused('invalid_argument'))
  assert.throws(
    () => checkChange(transition(id, { state: TurnState.UNSPECIFIED })),
    refused('invalid_argument'),
  )
  assert.throws(() => checkChange(transition(id, { timeMs: -1 })), refused('invalid_argument'))
  assert.throws(
    () => checkChange(transition(id, { text: 'x', sender: 's'.repeat(600) })),
    refused('invalid_argument'),
  )
  checkChange(transition(id, { text: 'x' }))
})

test('records come after the epoch was opened', async (t) => {
  const { parts } = await stand(t)
  await assert.rejects(
    parts.replica.take(first, [record(1, transition(turnId(1), { text: 'x' }))]),
    refused('failed_precondition'),
  )
})

test('a turn is held as its records tell it, each once', async (t) => {
  const center = await stand(t)
  const { replica } = center.parts
  const id = turnId(1)
  assert.deepEqual(await replica.open(first), { seq: 0n, known: [] })
  const records = [
    record(3, transition(id, { text: '怎么报销？' })),
    record(5, transition(id, { version: 2, state: TurnState.REPLYING })),
    record(6, reply(id, '看手册')),
    record(9, replyState(id, ReplyState.CONFIRMED)),
    record(11, feedback(id, TurnRating.UP, 10)),
    record(12, feedback(id, TurnRating.DOWN, 4)),
    record(13, transition(id, { version: 3, state: TurnState.DONE })),
  ]
  assert.equal(await replica.take(first, records), 13n)
  const turn = await center.turn(id)
  assert.ok(turn)
  assert.deepEqual([turn.state, turn.version, turn.edge, turn.epoch], ['done', 3, beijing, first.epoch])
  assert.deepEqual(
    [turn.final?.text, turn.final?.state, turn.feedback?.rating],
    ['看手册', 'confirmed', 'up'],
  )
  assert.deepEqual(
    turn.history.map(({ state }) => state),
    ['routed', 'replying', 'done'],
  )
  const [entry] = (await center.parts.store.audit(acme, { reverse: true, limit: 1 })).entries

  assert.equal(await replica.take(first, records), 13n)
  assert.equal(
    await replica.take(first, [record(4, transition(id, { version: 9, state: TurnState.FAILED }))]),
    13n,
  )
  assert.deepEqual(await center.turn(id), turn)
  const [last] = (await center.parts.store.audit(acme, { reverse: true, limit: 1 })).entries
  assert.equal(last?.sequence, entry?.sequence)
})

test('a turn that was not told of, or is another edge’s, is not made or changed', async (t) => {
  const center = await stand(t)
  const { replica } = center.parts
  const [mine, unheard] = [turnId(1), turnId(2)]
  await replica.open(first)
  await replica.take(first, [
    record(1, transition(mine, { text: 'x' })),
    record(2, transition(unheard, { state: TurnState.EXPIRED })),
    record(3, reply(unheard, 'secret')),
  ])
  const other = { edge: shanghai, epoch: first.epoch }
  await replica.open(other)
  await replica.take(other, [record(1, transition(mine, { version: 8, state: TurnState.DONE, text: 'y' }))])
  assert.equal(await center.turn(unheard), undefined)
  assert.equal((await center.turn(mine))?.state, 'routed')
  assert.equal(await center.count('yizhan_center_turn_records_total', { outcome: 'unknown' }), 2)
})

test('the position and what it covers survive a restart together, whichever tenant was written last', async (t) => {
  const center = await stand(t)
  const [a, b] = [turnId(1), turnId(2)]
  const records = [
    record(1, transition(a, { text: 'a' })),
    record(2, transition(b, { text: 'b', tenant: globex }), globex),
    record(3, transition(a, { version: 2, state: TurnState.FAILED, cause: 'made-up' })),
    record(4, reply(a, 'sorry')),
    record(5, replyState(a, ReplyState.CONFIRMED)),
  ]
  await center.parts.replica.open(first)
  // The second tenant's batch fails, as if the process had ended between the two.
  const { store, replica } = center.parts
  const batch = store.batch.bind(store)
  t.mock.method(store, 'batch', (...args: Parameters<typeof batch>) =>
    args[0] === globex ? Promise.reject(new Error('cut')) : batch(...args),
  )
  await assert.rejects(replica.take(first, records), /cut/)
  t.mock.restoreAll()
  await center.restart()
  assert.equal((await center.turn(a))?.state, 'failed')
  assert.deepEqual(await center.parts.replica.open(first), { seq: 0n, known: [] })
  // Sent again in another cut: what was there does not go back.
  await center.parts.replica.take(first, records.slice(0, 4))
  assert.equal((await center.turn(a))?.final?.state, 'confirmed')
  await center.parts.replica.take(first, records)
  assert.equal((await center.turn(b, globex))?.state, 'routed')
  assert.equal((await center.turn(a))?.history.length, 2)
  await center.restart()
  assert.deepEqual(await center.parts.replica.open(first), { seq: 5n, known: [] })
})

test('a new journal puts open turns of the old one in doubt, tells them, and clears what it tells of', async (t) => {
  const center = await stand(t)
  const [open, over] = [turnId(1), turnId(2)]
  await center.parts.replica.open(first)
  await center.parts.replica.take(first, [
    record(1, transition(open, { text: 'open' })),
    record(2, transition(over, { text: 'over' })),
    record(3, transition(over, { version: 2, state: TurnState.DONE })),
  ])
  await center.parts.replica.open({ edge: shanghai, epoch: second.epoch })
  assert.equal(await center.count('yizhan_center_turns_in_doubt'), 0)

  const told = async () =>
    (await center.parts.replica.open(second)).known.map(
      ({ turnId: id, tenantId, channelId, platformId, state }) => [
        [id, tenantId, channelId, platformId, state],
      ],
    )
  const expected = [[[open, acme, 'web', 'li/open', TurnState.ROUTED]]]
  assert.deepEqual(await told(), expected)
  // The answer may have been lost.
  await center.restart()
  assert.deepEqual(await told(), expected)
  assert.equal(await center.count('yizhan_center_turns_in_doubt'), 1)
  assert.equal(await center.count('yizhan_center_turns_open'), 0)
  assert.notEqual((await center.turn(open))?.doubtSince, undefined)

  // A copy of the old journal knows it after all.
  await center.parts.replica.take(second, [record(1, transition(open, { version: 1 }))])
  assert.notEqual((await center.turn(open))?.doubtSince, undefined)
  await center.parts.replica.take(second, [
    record(2, transition(open, { version: 2, state: TurnState.ANSWERING })),
  ])
  assert.equal((await center.turn(open))?.doubtSince, undefined)
  assert.equal((await center.turn(open))?.epoch, second.epoch)
  assert.equal(await center.count('yizhan_center_turns_in_doubt'), 0)
  assert.equal(await center.count('yizhan_center_turns_open', { state: 'answering' }), 1)
  assert.deepEqual(await told(), [])
})

test('what a disk lost is counted, and the position passes over what this build cannot use', async (t) => {
  const center = await stand(t)
  const { replica } = center.parts
  await replica.open(first)
  const lost: Uploaded = { kind: 'lost', seq: 7n, count: 4n }
  assert.equal(await replica.take(first, [lost, { kind: 'skipped', seq: 8n }]), 8n)
  assert.equal(await center.count('yizhan_center_turn_records_lost_total'), 4)
  await center.restart()
  assert.equal((await center.parts.replica.positions.of(first))?.lost, 4n)
})

test('failed turns count by a cause from a closed list', async (t) => {
  const center = await stand(t)
  const { replica } = center.parts
  await replica.open(first)
  const causes = ['unavailable', 'nobody-came', 'succeeded-by t_1', 'anything']
  await replica.take(
    first,
    causes.map((cause, n) =>
      record(n + 1, transition(turnId(n), { text: cause, state: TurnState.FAILED, cause })),
    ),
  )
  const failed = 'yizhan_center_turns_failed_total'
  assert.equal(await center.count(failed, { cause: 'unavailable' }), 1)
  assert.equal(await center.count(failed, { cause: 'nobody-came' }), 1)
  assert.equal(await center.count(failed, { cause: 'other' }), 2)
})

test('an erased person is gone from the replica, and what an edge still sends of them is not kept', async (t) => {
  const center = await stand(t)
  const { replica, keys, store, commands } = center.parts
  const [before, meanwhile, later] = [turnId(1), turnId(2), turnId(3)]
  await replica.open(first)
  await replica.take(first, [record(1, transition(before, { text: 'before' }))])
  const subject = (await center.turn(before))?.subject
  assert.ok(subject)

  const salt = new Uint8Array(16)
  const digest = identityDigest(salt, acme, { channel: 'web', sender: 'li' })
  const value = create(EraseCommandSchema, {
    tenantId: acme,
    erasureId: 'era_1',
    salt,
    identityDigests: [digest],
  })
  const command = await commands.queue(beijing, {
    actor: 'user_1',
    expiresAt: 0,
    command: { case: 'erase', value },
  })
  await keys.destroySubject(acme, subject)
  await deleteRecordsOf({ store, clock: center.clock }, acme, subject, { actor: 'user_1' }, never)
  assert.equal(await center.turn(before), undefined)

  await replica.take(first, [
    record(2, transition(before, { version: 2, state: TurnState.ANSWERING })),
    record(3, transition(meanwhile, { text: 'meanwhile' })),
    record(4, reply(meanwhile, 'answer')),
    record(5, transition(turnId(4), { text: 'of somebody else', sender: 'han' })),
  ])
  assert.deepEqual(
    (await center.all()).map(({ channel, state }) => [channel, state]),
    [['web', 'routed']],
  )
  await commands.drop(beijing, command)
  await replica.take(first, [record(6, transition(later, { text: 'later' }))])
  assert.notEqual((await center.turn(later))?.subject, subject)
})
