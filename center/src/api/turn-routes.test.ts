import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TenantId } from '@yizhan/kernel'
import { validatorCompiler } from '@yizhan/kernel'
import { TurnState } from '@yizhan/proto'
import Fastify from 'fastify'
import type { Turn } from '../ledger/index.js'
import { beijing, first, record, reply, stand, transition, turnId } from '../ledger/testing/stand.js'
import { acme } from '../privacy/testing/stand.js'
import { apiParts } from './testing.js'
import { registerTurns } from './turn-routes.js'

const id = turnId(1)
const NOTES = { tokens: 12, turns: 3, upTo: turnId(0), at: '2026-01-05T08:00:00.000Z' }

async function api(t: TestContext) {
  const center = await stand(t)
  const { replica, desk, takeover } = center.parts
  await replica.open(first)
  await replica.take(first, [
    record(1, transition(id, { text: '怎么报销？' })),
    record(2, reply(id, '看手册')),
    record(3, transition(turnId(2), { text: 'over', state: TurnState.DONE })),
  ])
  const app = Fastify()
  app.setValidatorCompiler(validatorCompiler)
  const { catalog } = apiParts()
  const memory = { about: async (_: TenantId, turn: Turn) => (turn.id === id ? NOTES : undefined) }
  registerTurns(
    app,
    { catalog, turns: { desk, memory, takeOver: (edge, options) => takeover(edge, options) } },
    'user_1',
  )
  t.after(() => app.close())
  const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const answer = await app.inject({ method, url: path, ...(body === undefined ? {} : { payload: body }) })
    return { status: answer.statusCode, text: answer.body, body: answer.json() }
  }
  return { center, ask }
}

const at = '/v1/tenants/acme/turns'

test('wrong requests are refused before anything is looked at', async (t) => {
  const { center, ask } = await api(t)
  const wrong: ['GET' | 'POST', string, object?][] = [
    ['GET', `${at}?state=gone`],
    ['GET', `${at}?colour=red`],
    ['GET', `${at}?since=yesterday`],
    ['GET', `${at}/../../etc`],
    ['GET', `${at}/t_1`],
    ['POST', `${at}/${id}/edit`, {}],
    ['POST', `${at}/${id}/retry`, { text: 'x' }],
    ['POST', `${at}/${id}/reroute`, { target: 'mars' }],
    ['POST', `/v1/edges/beijing-1/takeover`, { force: true }],
  ]
  for (const [method, path, body] of wrong) {
    assert.notEqual((await ask(method, path, body)).status, 200, `${method} ${path}`)
  }
  assert.notEqual((await ask('GET', '/v1/tenants/initech/turns')).status, 200)
  assert.deepEqual(center.parts.commands.waiting(beijing), [])
  assert.equal(center.parts.fences.has(beijing, first.epoch), false)
})

test('a list has no words, a turn has all of them', async (t) => {
  const { ask } = await api(t)
  const list = await ask('GET', `${at}?open=true`)
  assert.doesNotMatch(list.text, /报销|手册|李雷/)
  assert.deepEqual(
    list.body.turns.map((turn: { id: string; open: boolean; receivedAt: string }) => [
      turn.id,
      turn.open,
      turn.receivedAt,
    ]),
    [[id, true, '2026-01-05T08:00:00.000Z']],
  )
  const { body } = await ask('GET', `${at}/${id}`)
  assert.deepEqual(
    [body.message.text, body.final.text, body.history.length, body.commands],
    ['怎么报销？', '看手册', 1, []],
  )
  assert.deepEqual(body.memory, NOTES)
  assert.equal((await ask('GET', `${at}/${turnId(2)}`)).body.memory, undefined)
})

test('a command is told of by its id, and a take-over by what it did', async (t) => {
  const { center, ask } = await api(t)
  const { body } = await ask('POST', `${at}/${id}/answer`, { text: 'x', expectedVersion: 1, ttlMs: 60_000 })
  assert.deepEqual([body.state, body.action, body.edge, body.actor], ['waiting', 'answer', beijing, 'user_1'])
  const again = await ask('GET', `/v1/tenants/acme/turn-commands/${body.id}`)
  assert.deepEqual(again.body, body)
  const taken = await ask('POST', '/v1/edges/beijing-1/takeover', { reason: 'stolen' })
  assert.deepEqual(taken.body, { edge: beijing, epochs: [first.epoch], turns: 1, dropped: 1 })
  assert.equal((await ask('GET', `/v1/tenants/acme/turn-commands/${body.id}`)).body.state, 'dropped')
  const { turns } = await center.parts.desk.list(acme, { open: true })
  assert.equal(turns.length, 1)
})
