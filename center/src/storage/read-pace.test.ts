import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import { ReadPace } from './read-pace.js'

/** Reads once and says where; `tookMs`: how long a read on the calling thread takes. */
function reading(clock: ManualClock, pace: ReadPace) {
  return async (records: number, tookMs = 0): Promise<'here' | 'threaded'> =>
    pace.read<'here' | 'threaded'>(
      records,
      () => {
        clock.advance(tookMs)
        return 'here'
      },
      async () => 'threaded',
    )
}

test('a few records are read where they are asked for, many in threads', async () => {
  const clock = new ManualClock()
  const read = reading(clock, new ReadPace(clock))
  assert.equal(await read(1), 'here')
  assert.equal(await read(16), 'here')
  assert.equal(await read(17), 'threaded')
})

test('after a read that waited for the disk the next ones go to threads, then it is tried again', async () => {
  const clock = new ManualClock()
  const read = reading(clock, new ReadPace(clock))
  assert.equal(await read(1, 5), 'here')
  const next = []
  for (let i = 0; i < 64; i++) next.push(await read(1))
  assert.deepEqual(new Set(next), new Set(['threaded']))
  assert.equal(await read(1), 'here')
})

test('a slow read that fails counts too', async () => {
  const clock = new ManualClock()
  const pace = new ReadPace(clock)
  const failing = pace.read(
    1,
    () => {
      clock.advance(5)
      throw new Error('corrupt')
    },
    async () => undefined,
  )
  await assert.rejects(failing, /corrupt/)
  assert.equal(await reading(clock, pace)(1), 'threaded')
})
