import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, UsageSchema } from '@yizhan/proto'
import { temporaryDir } from '../ledger/testing.js'
import { heldSkill, startTestEdge, sure } from './testing.js'

test('a route says how long its turn waited behind another and how long it took in all', async (t) => {
  const held = heldSkill()
  const edge = await startTestEdge(t, await temporaryDir(t), { skills: [held.skill] })
  edge.classifier.known.set('first', sure('slow'))
  edge.classifier.known.set('second', sure('slow'))
  const first = await edge.say('first')
  await edge.until(() => held.waiting.has('first'))
  const second = await edge.say('second')
  edge.clock.advance(300.04)
  held.answer('first', 'one')
  await edge.until(() => held.waiting.has('second'))
  edge.clock.advance(200)
  held.answer('second', 'two')
  const routes = [(await edge.final(first)).content.route, (await edge.final(second)).content.route]
  assert.deepEqual(
    routes.map((route) => [route?.waitedMs, route?.tookMs, route?.centerQueueMs]),
    [
      [0, 300, undefined],
      [300, 500, undefined],
    ],
  )
})

test('an answer of the center says how long it stood in line there, if the center says so', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const ids = [await edge.say('why'), await edge.say('how', { conversationId: 'acme/web/room-2' })]
  await edge.until(() => edge.uplink.requests.length === 2)
  edge.clock.advance(50)
  edge.uplink.requests[0]?.finish('Because.', { usage: create(UsageSchema, { queueMs: 12 }) })
  edge.uplink.requests[1]?.finish('So.')
  const routes = []
  for (const id of ids) routes.push((await edge.final(id)).content.route ?? assert.fail())
  assert.deepEqual(
    routes.map((route) => [route.waitedMs, route.tookMs, route.centerQueueMs]),
    [
      [0, 50, 12],
      [0, 50, undefined],
    ],
  )
  assert.ok(!('centerQueueMs' in (routes[1] ?? {})))
})

test('a turn of an earlier run with a ticket says what it took, not what is not known', async (t) => {
  const dir = await temporaryDir(t)
  const before = await startTestEdge(t, dir, { linkUp: false })
  const id = await before.say('why')
  await before.until(() => before.channel.shown.length === 1)
  before.clock.advance(1_000)
  await before.turns.stop('restart')
  await before.kill()
  const edge = await startTestEdge(t, dir)
  await edge.until(() => edge.uplink.requests.length === 1)
  edge.uplink.requests[0]?.finish('Because.')
  const { route } = (await edge.final(id)).content
  assert.ok(route && !('waitedMs' in route))
  assert.ok((route.tookMs ?? 0) >= 1_000, String(route.tookMs))
})
