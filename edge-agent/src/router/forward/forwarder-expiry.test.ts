import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryDir } from '../../ledger/testing.js'
import { otherRoom, requested, startTestEdge } from '../testing.js'

test('a turn that waits too long expires with a sentence, whatever the wall clock does', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false, waitingTtlMs: 60_000 })
  const id = await edge.say('why')
  await edge.until(() => edge.channel.shown.length === 1)
  edge.clock.jumpWall(864_000_000)
  edge.clock.advance(54_000)
  assert.equal(edge.ledger.get(id)?.state, 'waiting')
  edge.clock.advance(6_000)
  const final = await edge.final(id)
  assert.match(final.text, /Please ask again/)
  assert.equal(final.content.quoted, 'why')
  assert.equal(edge.ledger.get(id)?.state, 'expired')
})

test('a turn that waited three days while the edge was off expires once the center tells; a younger one is asked', async (t) => {
  const dir = await temporaryDir(t)
  const first = await startTestEdge(t, dir, { linkUp: false })
  const old = await first.say('why')
  await first.until(() => first.ledger.get(old)?.notice?.state === 'confirmed')
  await first.kill()

  const openedAt = first.journal.age()
  let offMs = 0
  const offSince = (age: number) => (age <= openedAt ? offMs : 0)
  const again = await startTestEdge(t, dir, { linkUp: false, clock: first.clock, offSince })
  again.clock.advance(1_000)
  again.clock.jumpWall(10 * 86_400_000)
  const young = await again.say('how', otherRoom)
  await again.until(() => again.ledger.get(young)?.notice?.state === 'confirmed')
  assert.equal(again.ledger.get(old)?.state, 'waiting', 'a clock that is wrong at the start ends nothing')
  offMs = 3 * 86_400_000
  again.uplink.up = true
  assert.equal((await again.final(old)).content.quoted, 'why')
  assert.equal(again.ledger.get(old)?.state, 'expired')
  await requested(again, 1)
  assert.deepEqual(again.uplink.questions, ['how'])
})

test('a ticket that the center never answers expires too, one whose answer comes in does not', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false, waitingTtlMs: 60_000 })
  const [silent, coming] = [await edge.say('why'), await edge.say('how', otherRoom)]
  await edge.until(() => edge.channel.shown.length === 2)
  edge.uplink.up = true
  const request = await requested(edge, 2)
  request.sink.tokens(1, 1, 'Slow')
  edge.clock.advance(60_000)
  await edge.final(silent)
  assert.equal(edge.uplink.requests[0]?.cancelled, 'expired')
  request.finish('Slowly.')
  assert.equal((await edge.final(coming)).text, 'Slowly.')
})
