import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryDir } from '../../ledger/testing.js'
import { otherRoom, requested, startTestEdge } from '../testing.js'

test('after a restart waiting turns keep their tickets, and running ones go on under their ids', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir)
  const running = await first.say('running')
  ;(await requested(first, 1)).sink.tokens(1, 1, 'Be')
  await first.until(() => first.ledger.get(running)?.state === 'streaming')
  first.uplink.up = false
  const waiting = await first.say('waiting', otherRoom)
  await first.until(() => first.ledger.get(waiting)?.notice?.state === 'confirmed')
  const ticket = first.ledger.get(waiting)?.ticket
  await first.kill()

  const again = await startTestEdge(t, dir, { linkUp: false, clock: first.clock })
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.equal(again.ledger.get(running)?.ticket, undefined, 'the link may come back in time')
  again.clock.advance(8_000)
  await again.until(() => again.ledger.get(running)?.ticket)
  assert.equal(again.ledger.get(waiting)?.ticket, ticket)
  again.uplink.up = true
  await requested(again, 2)
  assert.deepEqual(again.uplink.questions, ['running', 'waiting'])
  assert.deepEqual(
    again.uplink.requests.map(({ request }) => request.requestId),
    [running, waiting],
  )
  again.uplink.requests[1]?.finish('Late.')
  const final = await again.final(waiting)
  assert.equal(final.content.quoted, 'waiting')
  assert.deepEqual(
    again.channel.shown.filter(({ turnId }) => turnId === waiting).map(({ kind }) => kind),
    ['final'],
    'the ticket is not sent again',
  )
})

test('a crash between the ticket and its notice is made good', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir)
  const id = await first.say('why')
  await requested(first, 1)
  await first.ledger.transition(id, { to: 'waiting', cause: 'no-link', ticket: 'A-0001' })
  await first.kill()
  const again = await startTestEdge(t, dir, { linkUp: false })
  await again.until(() => again.channel.shown.length === 1)
  assert.equal(again.channel.shown[0]?.kind, 'notice')
  assert.match(again.channel.texts[0] ?? '', /A-0001/)
})

test('a stop leaves running and waiting turns open', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t))
  const id = await edge.say('why')
  const request = await requested(edge, 1)
  await edge.turns.stop('test')
  request.finish('Because.')
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  assert.equal(edge.ledger.get(id)?.state, 'forwarded')
  assert.equal(request.cancelled, undefined)
  assert.equal(request.acked, false)
})
