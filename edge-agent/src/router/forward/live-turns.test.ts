import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Priority } from '@yizhan/proto'
import { turnOf } from '../../channels/mqtt/testing.js'
import { ForwardedTurn } from './forwarded-turn.js'
import { LiveTurns } from './live-turns.js'

function forwarded(receivedSeq: number): ForwardedTurn {
  const turn = turnOf('acme/mqtt/li/c1', `q${receivedSeq}`, { receivedSeq })
  return new ForwardedTurn(turn, undefined, undefined)
}

test('what has ended, twice or never begun, has no place and moves nobody', () => {
  let moves = 0
  const live = new LiveTurns()
  live.onTickets(() => moves++)
  const [one, two, stranger] = [forwarded(1), forwarded(2), forwarded(3)]
  live.add(one)
  live.endOf(one)
  assert.equal(moves, 0, 'nobody has a ticket')
  live.add(two)
  live.giveTicket(two, 'A-0002')
  live.endOf(one)
  live.delete(one)
  live.endOf(stranger)
  live.delete(stranger)
  assert.equal(moves, 1)
  assert.deepEqual(
    live.withTicket(() => true).map(({ ticket, place }) => [ticket, place]),
    [['A-0002', 1]],
  )
})

test('who waits in person has a place before batches that came earlier; bytes are counted until the end', () => {
  const live = new LiveTurns()
  const [batch, person] = [forwarded(1), forwarded(2)]
  batch.turn.message.priority = Priority.BATCH
  for (const one of [batch, person]) live.add(one)
  assert.deepEqual([live.placeOf(person), live.placeOf(batch)], [1, 2])
  assert.ok(live.bytes > 2_000)
  live.endOf(batch)
  assert.equal(live.placeOf(person), 1)
  for (const one of [batch, person, batch]) live.delete(one)
  assert.equal(live.bytes, 0)
})

test('places are as if counted one by one, whatever comes and ends in whatever order', () => {
  const live = new LiveTurns()
  const waiting: ForwardedTurn[] = []
  const seqs = Array.from({ length: 600 }, (_, index) => index + 1)
  let state = 7
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  for (let step = 0; step < 600; step++) {
    const dice = random(10)
    if (dice < 5 || waiting.length === 0) {
      // Turns of an earlier run come after younger ones.
      const one = forwarded(seqs.splice(random(Math.min(40, seqs.length)), 1)[0] ?? assert.fail())
      live.add(one)
      waiting.push(one)
    } else if (dice < 7) {
      const one = waiting[random(waiting.length)] ?? assert.fail()
      live.giveTicket(one, `A-${one.turn.receivedSeq}`)
    } else {
      const [one = assert.fail()] = waiting.splice(random(waiting.length), 1)
      live.endOf(one)
      if (dice === 9) live.delete(one)
    }
    const inOrder = [...waiting].sort((a, b) => a.turn.receivedSeq - b.turn.receivedSeq)
    const expected = inOrder.flatMap(({ turn, ticket }, at) =>
      ticket === undefined ? [] : [[turn.id, at + 1]],
    )
    assert.deepEqual(
      live.withTicket(() => true).map(({ turn, place }) => [turn.id, place]),
      expected,
      `step ${step}`,
    )
    for (const one of waiting) assert.equal(live.placeOf(one), inOrder.indexOf(one) + 1)
  }
})
