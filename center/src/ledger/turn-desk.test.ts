import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { newId } from '@yizhan/kernel'
import {
  type Command,
  CommandResultSchema,
  create,
  type TurnCommand,
  TurnCommandAction,
  TurnState,
} from '@yizhan/proto'
import { deleteRecordsOf } from '../privacy/subject-records.js'
import { acme, by, edge, refused } from '../privacy/testing/stand.js'
import type { TurnOrder } from './command-collection.js'
import type { NewOrder } from './order-check.js'
import {
  beijing,
  first,
  globex,
  record,
  reply,
  type Stand,
  second,
  shanghai,
  stand,
  transition,
  turnId,
} from './testing/stand.js'
import { turnsSource } from './turns-source.js'

const never = new AbortController().signal
const HOUR = 3_600_000
const id = turnId(1)

async function withTurn(t: TestContext) {
  const center = await stand(t)
  await center.parts.replica.open(first)
  await center.parts.replica.take(first, [record(1, transition(id, { text: '怎么报销？' }))])
  const give = (wanted: NewOrder) => center.parts.desk.give(acme, id, wanted, by)
  return { center, give }
}

function turnCommand(command: Command | undefined): TurnCommand {
  assert.equal(command?.command.case, 'turn')
  return command.command.value as TurnCommand
}

/** The edge answers the command that waits for it. */
async function answer(center: Stand, of: typeof beijing, failure?: { code: string; message: string }) {
  const { commands, desk } = center.parts
  const [command] = commands.waiting(of)
  assert.ok(command)
  const outcome = failure
    ? ({
        case: 'failed',
        value: { $typeName: 'yizhan.v1.Failure', ...failure, retryable: false, retryAfterMs: 0 },
      } as const)
    : ({ case: 'done', value: { $typeName: 'yizhan.v1.CommandDone', detail: 'version 4' } } as const)
  await commands.answer(of, create(CommandResultSchema, { commandId: command.commandId, outcome }))
  await desk.settled()
}

const current = (center: Stand, { id: order }: TurnOrder) => center.parts.desk.order(acme, order)

test('an order that makes no sense goes nowhere', async (t) => {
  const { center, give } = await withTurn(t)
  const wrong: [NewOrder, string][] = [
    [{ action: 'edit' }, 'invalid_argument'],
    [{ action: 'answer', text: ' \n' }, 'invalid_argument'],
    [{ action: 'retry', text: 'x' }, 'invalid_argument'],
    [{ action: 'reroute' }, 'invalid_argument'],
    [{ action: 'reroute', target: 'mars' }, 'invalid_argument'],
    [{ action: 'reroute', target: 'edge:beijing-1' }, 'invalid_argument'],
    [{ action: 'reroute', target: 'edge:nowhere' }, 'not_found'],
    [{ action: 'retry', expectedVersion: 7 }, 'conflict'],
  ]
  for (const [wanted, code] of wrong)
    await assert.rejects(give(wanted), refused(code), JSON.stringify(wanted))
  center.register(shanghai, { tenants: [globex] })
  await assert.rejects(give({ action: 'reroute', target: 'edge:shanghai-1' }), refused('failed_precondition'))
  center.register(beijing, { revoked: true })
  await assert.rejects(give({ action: 'retry' }), refused('failed_precondition'))
  await assert.rejects(center.parts.desk.give(acme, turnId(2), { action: 'retry' }, by), refused('not_found'))
  await assert.rejects(center.parts.desk.give(globex, id, { action: 'retry' }, by), refused('not_found'))
  assert.deepEqual(center.parts.commands.waiting(beijing), [])
})

test('an order is in the audit, waits for the edge with the version that was seen, and shows what came of it', async (t) => {
  const { center, give } = await withTurn(t)
  const order = await give({ action: 'edit', text: '怎么请假？' })
  assert.equal(order.state, 'waiting')
  const [waiting] = center.parts.commands.waiting(beijing)
  const { tenantId, turnId: turn, action, text, expectedVersion } = turnCommand(waiting)
  assert.deepEqual(
    [tenantId, turn, action, text, expectedVersion, waiting?.actor],
    [acme, id, TurnCommandAction.EDIT, '怎么请假？', 1n, 'user_1'],
  )
  assert.equal(waiting?.expiresMs, BigInt(center.clock.wall() + 24 * HOUR))
  const { entries } = await center.parts.store.audit(acme, { reverse: true })
  const entry = entries.find(({ object, action: done }) => object === `turns/${id}` && done === 'UPDATE')
  assert.equal(entry?.actor, 'user_1')
  assert.deepEqual(JSON.parse(Buffer.from(entry?.before ?? '').toString()), { state: 'routed', version: 1 })
  assert.match(Buffer.from(entry?.after ?? '').toString(), /怎么请假/)

  await answer(center, beijing, { code: 'conflict', message: 'the turn is at version 3, done' })
  const failed = await current(center, order)
  assert.deepEqual([failed.state, failed.detail], ['failed', 'conflict: the turn is at version 3, done'])
  const again = await give({ action: 'retry', expectedVersion: 1 })
  await answer(center, beijing)
  assert.equal((await current(center, again)).state, 'done')
})

test('reading a turn is audited, listing is not', async (t) => {
  const { center } = await withTurn(t)
  const reads = async () =>
    (await center.parts.store.audit(acme)).entries.filter(
      ({ action, object }) => action === 'READ' && object === `turns/${id}`,
    ).length
  await center.parts.desk.list(acme, {})
  assert.equal(await reads(), 0)
  const { turn } = await center.parts.desk.show(acme, id, by)
  assert.equal(turn.id, id)
  assert.equal(await reads(), 1)
})

test('an order goes on after a restart, once, wherever the restart came', async (t) => {
  const { center, give } = await withTurn(t)
  const { commands, store } = center.parts
  // Queued, and then not noted: the process ends in between.
  const queue = commands.queue.bind(commands)
  t.mock.method(commands, 'queue', async (...args: Parameters<typeof queue>) => {
    await queue(...args)
    throw new Error('cut')
  })
  await assert.rejects(give({ action: 'abandon' }), /cut/)
  t.mock.restoreAll()
  assert.ok(store)
  await center.restart()
  assert.equal(center.parts.commands.waiting(beijing).length, 1)
  const { orders } = await center.parts.desk.show(acme, id, by)
  assert.deepEqual(
    orders.map(({ state }) => state),
    ['waiting'],
  )

  // Answered while nobody listened.
  await center.parts.desk.stop()
  const [command] = center.parts.commands.waiting(beijing)
  const outcome = { case: 'done', value: { $typeName: 'yizhan.v1.CommandDone', detail: '' } } as const
  await center.parts.commands.answer(
    beijing,
    create(CommandResultSchema, { commandId: command?.commandId ?? '', outcome }),
  )
  await center.restart()
  const [order] = (await center.parts.desk.show(acme, id, by)).orders
  assert.equal(order?.state, 'done')
})

test('an order expires', async (t) => {
  const { center, give } = await withTurn(t)
  const order = await give({ action: 'retry', ttlMs: HOUR })
  center.clock.advance(HOUR)
  assert.deepEqual(center.parts.commands.waiting(beijing), [])
  while ((await current(center, order)).state === 'waiting')
    await new Promise((resolve) => setImmediate(resolve))
  assert.equal((await current(center, order)).state, 'expired')
})

test('a reroute to another edge asks the owning edge first, then hands over the message', async (t) => {
  const { center, give } = await withTurn(t)
  const order = await give({ action: 'reroute', target: 'edge:shanghai-1' })
  assert.equal(turnCommand(center.parts.commands.waiting(beijing)[0]).message, undefined)
  assert.deepEqual(center.parts.commands.waiting(shanghai), [])
  await answer(center, beijing)
  assert.equal((await current(center, order)).state, 'passing-on')
  await center.restart()
  const passed = turnCommand(center.parts.commands.waiting(shanghai)[0])
  assert.equal(passed.message?.text, '怎么报销？')
  await answer(center, shanghai)
  assert.equal((await current(center, order)).state, 'done')
  assert.equal((await center.turn(id))?.takenOver, undefined)
})

test('what the other edge does not take stays in front of people', async (t) => {
  const { center, give } = await withTurn(t)
  const order = await give({ action: 'reroute', target: 'edge:shanghai-1' })
  await answer(center, beijing)
  await center.parts.replica.take(first, [
    record(2, transition(id, { version: 2, state: TurnState.REROUTED })),
  ])
  await answer(center, shanghai, { code: 'failed_precondition', message: 'no such channel' })
  assert.equal((await current(center, order)).state, 'failed')
  const { turns } = await center.parts.desk.list(acme, { open: true })
  assert.deepEqual(
    turns.map((turn) => turn.id),
    [id],
  )
  await give({ action: 'answer', text: 'told by phone' })
  assert.equal((await center.turn(id))?.said?.text, 'told by phone')
  assert.deepEqual((await center.parts.desk.list(acme, { open: true })).turns, [])
})

test('a take-over fences first, takes open turns alone, and drops what waited for the edge', async (t) => {
  const { center, give } = await withTurn(t)
  const over = turnId(2)
  await center.parts.replica.take(first, [
    record(2, transition(over, { text: 'over', state: TurnState.DONE })),
  ])
  const order = await give({ action: 'retry' })
  await assert.rejects(center.parts.takeover(edge('nowhere')), refused('not_found'))
  center.register(beijing, { journalEpoch: first.epoch })
  const report = await center.parts.takeover(beijing, { reason: 'stolen' })
  assert.deepEqual(report, { edge: beijing, epochs: [first.epoch], turns: 1, dropped: 1 })
  assert.ok(center.parts.fences.has(beijing, first.epoch))
  assert.deepEqual(center.parts.commands.waiting(beijing), [])
  assert.equal((await current(center, order)).state, 'dropped')
  assert.equal((await center.turn(over))?.takenOver, undefined)

  // An upload that was on its way, and one of an edge that does not know.
  await center.parts.replica.take(first, [
    record(3, transition(id, { version: 5, state: TurnState.DONE })),
    record(4, reply(id, 'late')),
  ])
  assert.equal((await center.turn(id))?.state, 'routed')
  await center.restart()
  assert.ok(center.parts.fences.has(beijing, first.epoch))
  assert.deepEqual((await center.parts.takeover(beijing)).turns, 0)
})

test('a turn that was taken over is answered, given up or handed to another edge here, once', async (t) => {
  const { center, give } = await withTurn(t)
  const other = turnId(2)
  await center.parts.replica.take(first, [record(2, transition(other, { text: 'other' }))])
  center.register(beijing, { revoked: true })
  await center.parts.takeover(beijing)
  await assert.rejects(give({ action: 'retry' }), refused('failed_precondition'))
  await assert.rejects(give({ action: 'answer', text: 'x', expectedVersion: 9 }), refused('conflict'))

  const passing = await give({ action: 'reroute', target: 'edge:shanghai-1' })
  assert.deepEqual([passing.state, passing.edge], ['passing-on', shanghai])
  await assert.rejects(give({ action: 'answer', text: 'x' }), refused('conflict'))
  await answer(center, shanghai, { code: 'failed_precondition', message: 'no' })
  assert.equal((await center.turn(id))?.state, 'routed')
  await give({ action: 'reroute', target: 'edge:shanghai-1' })
  await answer(center, shanghai)
  assert.deepEqual([(await center.turn(id))?.state, (await center.turn(id))?.version], ['rerouted', 2])
  await assert.rejects(give({ action: 'abandon' }), refused('failed_precondition'))

  const done = await center.parts.desk.give(acme, other, { action: 'abandon' }, by)
  assert.equal(done.state, 'done')
  assert.equal((await center.turn(other))?.state, 'abandoned')
  assert.equal(await center.count('yizhan_center_turns_open'), 0)
})

test('only the older journals of an edge that goes on are taken over', async (t) => {
  const { center, give } = await withTurn(t)
  const mine = turnId(2)
  center.register(beijing, { journalEpoch: second.epoch })
  await center.parts.replica.open(second)
  await center.parts.replica.take(second, [record(1, transition(mine, { text: 'mine' }))])
  await assert.rejects(give({ action: 'answer', text: 'x' }), refused('failed_precondition'))
  const report = await center.parts.takeover(beijing, { older: true })
  assert.deepEqual([report.epochs, report.turns], [[first.epoch], 1])
  assert.equal((await center.turn(mine))?.takenOver, undefined)
  assert.equal(center.parts.fences.has(beijing, second.epoch), false)
  // The edge may take it in anew.
  assert.equal((await give({ action: 'reroute', target: 'edge:beijing-1' })).state, 'passing-on')
})

test('lists go by every filter and page by page', async (t) => {
  const center = await stand(t)
  const { replica, desk } = center.parts
  await replica.open(first)
  await replica.open({ edge: shanghai, epoch: first.epoch })
  const states = [TurnState.WAITING, TurnState.DONE, TurnState.FAILED]
  const ids = Array.from({ length: 12 }, (_, n) => turnId(n))
  for (const [n, turn] of ids.entries()) {
    const source = { edge: n % 2 === 0 ? beijing : shanghai, epoch: first.epoch }
    const change = transition(turn, {
      text: `${n}`,
      state: states[n % 3] ?? TurnState.DONE,
      sender: `u${n % 4}`,
    })
    await replica.take(source, [record(n + 1, change)])
  }
  const listed = async (query: Parameters<typeof desk.list>[1]) => {
    const found: number[] = []
    let cursor: string | undefined
    do {
      const page = await desk.list(acme, { ...query, limit: 2, ...(cursor === undefined ? {} : { cursor }) })
      found.push(...page.turns.map((turn) => ids.indexOf(turn.id)))
      cursor = page.cursor
    } while (cursor !== undefined)
    return found
  }
  const down = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
  assert.deepEqual(await listed({}), down)
  assert.deepEqual(await listed({ oldestFirst: true }), down.toReversed())
  assert.deepEqual(await listed({ open: true }), [9, 6, 3, 0])
  assert.deepEqual(await listed({ open: false, edge: shanghai }), [11, 7, 5, 1])
  assert.deepEqual(await listed({ open: true, edge: beijing }), [6, 0])
  assert.deepEqual(await listed({ state: 'failed' }), [11, 8, 5, 2])
  assert.deepEqual(await listed({ state: 'failed', edge: beijing }), [8, 2])
  assert.deepEqual(await listed({ with: ids[1] ?? '' }), [9, 5, 1])
  const since = Date.UTC(2026, 0, 5, 8, 0, 9)
  for (const filter of [{}, { edge: beijing }, { state: 'done' as const }, { open: true }]) {
    const all = await listed(filter)
    assert.deepEqual(
      await listed({ ...filter, since }),
      all.filter((n) => n >= 9),
      JSON.stringify(filter),
    )
  }
  await assert.rejects(desk.list(acme, { with: newId('t', 1) }), refused('not_found'))
  assert.deepEqual((await desk.list(globex, {})).turns, [])
})

test('a copy of a person’s data has their turns in words, and an erasure takes back what waits for an edge', async (t) => {
  const { center, give } = await withTurn(t)
  await give({ action: 'edit', text: 'new words' })
  const { store, replica, desk, keys, commands } = center.parts
  const source = turnsSource({ store, replica, desk })
  const subject = (await center.turn(id))?.subject ?? ''
  const items: unknown[] = []
  for await (const item of source.collect(acme, subject, never)) items.push(item)
  const text = JSON.stringify(items)
  assert.equal(items.length, 2)
  assert.match(text, /怎么报销/)
  assert.match(text, /new words/)

  await keys.destroySubject(acme, subject)
  await deleteRecordsOf({ store, clock: center.clock }, acme, subject, by, never)
  assert.deepEqual(await source.erase(acme, subject, never), { erased: 1 })
  assert.deepEqual(commands.waiting(beijing), [])
  assert.equal(await center.count('yizhan_center_turns_open'), 0)
})
