import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ManualClock, YizhanError } from '@yizhan/kernel'
import { type EdgesAnswer, isEverywhere, waitForEdges } from './edges-wait.js'

type Edge = EdgesAnswer['edges'][number]
const never = new AbortController().signal

function edge(name: string, facts: Partial<Edge> = {}): Edge {
  return { edge: name, linked: true, applied: false, ...facts }
}

/** Answers one after the other, the last one for ever. */
function answers(...looks: readonly (readonly Edge[])[]) {
  let asked = 0
  return {
    ask: async () => ({ digest: 'd', edges: looks[Math.min(asked++, looks.length - 1)] ?? [] }),
    asked: () => asked,
  }
}

async function waited(ask: () => Promise<EdgesAnswer>, timeoutMs = 10_000) {
  const clock = new ManualClock()
  let isDone = false
  const outcome = waitForEdges(ask, { clock, timeoutMs }, never).finally(() => {
    isDone = true
  })
  while (!isDone) {
    clock.advance(200)
    await nextTurn()
  }
  return { outcome: await outcome, ms: clock.monotonic() }
}

test('it waits until every linked edge has applied it, and names the offline ones', async () => {
  const { ask, asked } = answers(
    [edge('north'), edge('south', { applied: true }), edge('west', { linked: false })],
    [edge('north'), edge('south', { applied: true }), edge('west', { linked: false })],
    [edge('north', { applied: true }), edge('south', { applied: true }), edge('west', { linked: false })],
  )
  const { outcome } = await waited(ask)
  assert.deepEqual(outcome, { applied: ['north', 'south'], offline: ['west'], rejected: [], missing: [] })
  assert.equal(isEverywhere(outcome), true)
  assert.equal(asked(), 3)
})

test('an edge that loses its link, or refuses, is waited for no longer', async () => {
  const { ask } = answers(
    [edge('north'), edge('south')],
    [edge('north', { linked: false }), edge('south', { rejected: 'no room' })],
  )
  const { outcome } = await waited(ask)
  assert.deepEqual(outcome.offline, ['north'])
  assert.deepEqual(outcome.rejected, [{ edge: 'south', why: 'no room' }])
  assert.equal(isEverywhere(outcome), false)
})

test('when the time is over it names who is missing', async () => {
  const { ask } = answers([edge('north')])
  const { outcome, ms } = await waited(ask, 1_000)
  assert.deepEqual(outcome.missing, ['north'])
  assert.equal(isEverywhere(outcome), false)
  assert.ok(ms >= 1_000 && ms <= 1_400, `${ms} ms`)
})

test('without edges there is nothing to wait for; an abort ends the waiting', async () => {
  const nobody = await waited(answers([]).ask)
  assert.deepEqual(nobody.outcome, { applied: [], offline: [], rejected: [], missing: [] })
  const stopping = new AbortController()
  const waiting = waitForEdges(
    answers([edge('north')]).ask,
    { clock: new ManualClock(), timeoutMs: 1_000 },
    stopping.signal,
  )
  await nextTurn()
  stopping.abort(new YizhanError('cancelled', 'enough'))
  await assert.rejects(waiting, { code: 'cancelled' })
})
