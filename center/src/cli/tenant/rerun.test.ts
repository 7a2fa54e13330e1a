import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ManualClock } from '@yizhan/kernel'
import { createRerun } from './rerun.js'

function start() {
  const clock = new ManualClock()
  const ends: (() => void)[] = []
  const run = () => new Promise<void>((resolve) => ends.push(resolve))
  const rerun = createRerun(run, { clock, quietMs: 100 })
  return {
    clock,
    rerun,
    runs: () => ends.length,
    async end() {
      ends.at(-1)?.()
      await nextTurn()
    },
  }
}

test('a save in several steps is one run, once it has come to rest', () => {
  const { clock, rerun, runs } = start()
  rerun.changed()
  clock.advance(99)
  rerun.changed()
  clock.advance(99)
  assert.equal(runs(), 0)
  clock.advance(1)
  assert.equal(runs(), 1)
})

test('saves during a run are exactly one more run after it', async () => {
  const { clock, rerun, runs, end } = start()
  rerun.changed()
  clock.advance(100)
  for (let i = 0; i < 5; i++) rerun.changed()
  clock.advance(1_000)
  assert.equal(runs(), 1, 'never two at once')
  await end()
  clock.advance(100)
  assert.equal(runs(), 2)
  await end()
  clock.advance(1_000)
  assert.equal(runs(), 2)
})

test('stopped, nothing starts any more, and the run that goes on is waited for', async () => {
  const { clock, rerun, runs, end } = start()
  rerun.changed()
  clock.advance(100)
  rerun.changed()
  let isStopped = false
  const stopped = rerun.stop().then(() => {
    isStopped = true
  })
  await nextTurn()
  assert.equal(isStopped, false)
  await end()
  await stopped
  rerun.changed()
  clock.advance(1_000)
  assert.equal(runs(), 1)
  assert.equal(clock.pending, 0)
})

test('stopped while it waits for rest, it never runs', async () => {
  const { clock, rerun, runs } = start()
  rerun.changed()
  await rerun.stop()
  clock.advance(1_000)
  assert.equal(runs(), 0)
})
