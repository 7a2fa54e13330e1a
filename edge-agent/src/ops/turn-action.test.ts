import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { create, type Message, TurnCommandAction, TurnCommandSchema } from '@yizhan/proto'
import { temporaryDir, textMessage } from '../ledger/testing.js'
import { acme, startTestEdge, sure } from '../router/testing.js'
import { carryOutTurnCommand } from './turn-action.js'

async function startHands(t: TestContext) {
  const edge = await startTestEdge(t, await temporaryDir(t))
  edge.classifier.known.set('vpn', sure('it.vpn'))
  const hands = { ...edge, servesChannel: (channelId: string) => channelId === edge.channel.id }
  const order = { commandId: 'c1', actor: 'zhang' }
  const carryOut = async (fields: Partial<Omit<Parameters<typeof carryOutTurnCommand>[1], '$typeName'>>) =>
    JSON.parse(
      await carryOutTurnCommand(hands, create(TurnCommandSchema, { tenantId: 'acme', ...fields }), order),
    )
  const takeIn = (message: Message, tenantId = 'acme') =>
    carryOut({ turnId: 't_there', action: TurnCommandAction.REROUTE, target: 'edge:here', tenantId, message })
  return { edge, carryOut, takeIn }
}

const refusedAs = (code: string) => (thrown: unknown) => thrown instanceof YizhanError && thrown.code === code

test('what this edge cannot do is refused with its reason', async (t) => {
  const { edge, carryOut, takeIn } = await startHands(t)
  await assert.rejects(carryOut({ turnId: 't_1' }), refusedAs('unsupported'))
  await assert.rejects(
    carryOut({ turnId: 't_1', action: TurnCommandAction.RETRY, message: textMessage('x') }),
    refusedAs('invalid_argument'),
  )
  await assert.rejects(carryOut({ turnId: 't_1', action: TurnCommandAction.RETRY }), refusedAs('not_found'))
  await assert.rejects(takeIn(textMessage('x', { tenantId: 'other' })), refusedAs('invalid_argument'))
  await assert.rejects(
    takeIn(textMessage('x', { tenantId: 'other' }), 'other'),
    refusedAs('failed_precondition'),
  )
  await assert.rejects(takeIn(textMessage('x', { channelId: 'dingtalk' })), refusedAs('failed_precondition'))
  await assert.rejects(takeIn(textMessage('\u0000')), refusedAs('invalid_argument'))
  assert.deepEqual(edge.ledger.recent(10), [])
})

test("another edge's turn is taken in once, with where it came in", async (t) => {
  const { edge, takeIn } = await startHands(t)
  const message = textMessage('vpn', { viaEdgeId: 'beijing', platformId: 'm1' })
  const taken = await takeIn(message)
  assert.equal((await edge.final(taken.turn)).text, 'Scan the code')
  assert.equal(edge.ledger.get(taken.turn)?.message.viaEdgeId, 'beijing')
  assert.equal((await takeIn(message)).turn, taken.turn)
  const nameless = await takeIn(textMessage('vpn', { platformId: '' }))
  assert.equal((await takeIn(textMessage('vpn', { platformId: '' }))).turn, nameless.turn)
  assert.equal(edge.ledger.recent(10).length, 2)
})

test('a command is carried out under the version that it expects, by who sent it', async (t) => {
  const { edge, carryOut } = await startHands(t)
  const id = await edge.say('why')
  await edge.until(() => edge.ledger.get(id)?.state === 'forwarded')
  const answer = { turnId: id, action: TurnCommandAction.ANSWER, text: 'Ask Li' }
  await assert.rejects(carryOut({ ...answer, expectedVersion: 9n }), refusedAs('conflict'))
  const version = BigInt(edge.ledger.get(id)?.version ?? 0)
  const outcome = await carryOut({ ...answer, expectedVersion: version })
  assert.deepEqual(outcome, { turn: id, version: Number(version) + 1, state: 'replying' })
  assert.equal((await edge.final(id)).text, 'Ask Li')
  assert.deepEqual(await carryOut({ ...answer, expectedVersion: version }), outcome)
  assert.equal(acme.tenant, edge.ledger.get(id)?.tenant)
})
