import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { ManualClock, systemClock } from './clock.js'

test('a manual clock stands still, then fires timers in due order, at their own time', () => {
  const clock = new ManualClock()
  const fired: string[] = []
  clock.after(30, () => fired.push(`late at ${clock.monotonic()}`))
  clock.after(10, () => fired.push(`early at ${clock.monotonic()}`))
  clock.after(10, () => fired.push(`second at ${clock.monotonic()}`))
  assert.deepEqual(fired, [])
  clock.advance(29)
  assert.deepEqual(fired, ['early at 10', 'second at 10'])
  clock.advance(1)
  assert.deepEqual(fired, ['early at 10', 'second at 10', 'late at 30'])
  assert.equal(clock.pending, 0)
})

test('a timer set by a timer fires within the same advance if it falls due', () => {
  const clock = new ManualClock()
  const fired: number[] = []
  clock.after(10, () => clock.after(5, () => fired.push(clock.monotonic())))
  clock.advance(20)
  assert.deepEqual(fired, [15])
})

test('a cancelled timer does not fire', () => {
  const clock = new ManualClock()
  const cancel = clock.after(10, () => assert.fail('it was cancelled'))
  cancel()
  clock.advance(100)
  assert.equal(clock.pending, 0)
})

test('a jump of the wall clock moves neither monotonic time nor timers', () => {
  const clock = new ManualClock(1_000)
  let fired = false
  clock.after(50, () => {
    fired = true
  })
  clock.jumpWall(864_000_000)
  assert.equal(clock.wall(), 864_001_000)
  assert.equal(clock.monotonic(), 0)
  assert.equal(fired, false)
  clock.advance(50)
  assert.equal(fired, true)
  assert.equal(clock.wall(), 864_001_050)
})

test('sleep resolves at its time, and leaves no listener on the signal', async () => {
  const clock = new ManualClock()
  const abort = new AbortController()
  const sleeping = clock.sleep(10, abort.signal)
  clock.advance(10)
  await sleeping
  abort.abort(new Error('too late to matter'))
  assert.equal(clock.pending, 0)
})

test('an aborted sleep rejects with the reason and drops its timer', async () => {
  const clock = new ManualClock()
  const abort = new AbortController()
  const reason = new Error('shutdown')
  const sleeping = clock.sleep(10, abort.signal)
  abort.abort(reason)
  await assert.rejects(sleeping, (thrown) => thrown === reason)
  assert.equal(clock.pending, 0)
  await assert.rejects(clock.sleep(10, abort.signal), (thrown) => thrown === reason)
  assert.equal(clock.pending, 0)
})

test('the system clock waits past the 24.8 days that a timer of the runtime can hold', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    let fired = false
    systemClock.after(2_147_483_647 + 1_000, () => {
      fired = true
    })
    mock.timers.tick(2_147_483_647)
    assert.equal(fired, false)
    mock.timers.tick(999)
    assert.equal(fired, false)
    mock.timers.tick(1)
    assert.equal(fired, true)
  } finally {
    mock.timers.reset()
  }
})

test('the system clock cancels, and its monotonic time does not go back', () => {
  const cancel = systemClock.after(1_000_000, () => assert.fail('it was cancelled'))
  cancel()
  const first = systemClock.monotonic()
  assert.ok(systemClock.monotonic() >= first)
  assert.ok(Math.abs(systemClock.wall() - Date.now()) < 10_000)
})
