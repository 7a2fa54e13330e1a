import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { Batcher } from './batcher.js'

const never = new AbortController().signal

/** Runs are held until the test lets them go. */
function held(batch: number, maxWaiting = 100) {
  const runs: { readonly inputs: readonly number[]; end(): void; fail(thrown: unknown): void }[] = []
  const batcher = new Batcher<number, string>(
    (inputs) =>
      new Promise((resolve, reject) => {
        runs.push({ inputs, end: () => resolve(inputs.map((n) => `#${n}`)), fail: reject })
      }),
    { batch, maxWaiting },
  )
  return { batcher, runs }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('nothing is no run; too much is turned away, but for a job that is alone', async () => {
  const { batcher, runs } = held(2, 3)
  assert.deepEqual(await batcher.add([], never), [])
  const long = batcher.add([1, 2, 3, 4, 5], never)
  await assert.rejects(batcher.add([6], never), { code: 'overloaded' })
  for (let n = 0; n < 3; n++) {
    runs[n]?.end()
    await settle()
  }
  assert.deepEqual(await long, ['#1', '#2', '#3', '#4', '#5'])
  assert.equal(runs.length, 3)
})

test('the first runs at once, and what comes meanwhile runs together', async () => {
  const { batcher, runs } = held(4)
  const first = batcher.add([1], never)
  const [second, third] = [batcher.add([2, 3], never), batcher.add([4], never)]
  assert.deepEqual(
    runs.map(({ inputs }) => inputs),
    [[1]],
  )
  runs[0]?.end()
  await settle()
  assert.deepEqual(runs[1]?.inputs, [2, 3, 4])
  runs[1]?.end()
  assert.deepEqual([await first, await second, await third], [['#1'], ['#2', '#3'], ['#4']])
})

test('a short job does not wait for a long one', async () => {
  const { batcher, runs } = held(2)
  const long = batcher.add([1, 2, 3, 4, 5, 6], never)
  const short = batcher.add([9], never)
  runs[0]?.end()
  await settle()
  assert.deepEqual(runs[1]?.inputs, [9, 3])
  runs[1]?.end()
  assert.deepEqual(await short, ['#9'])
  for (let n = 2; n < 4; n++) {
    await settle()
    runs[n]?.end()
  }
  assert.deepEqual(await long, ['#1', '#2', '#3', '#4', '#5', '#6'])
})

test('a failed run fails those that were in it, and no other', async () => {
  const { batcher, runs } = held(1)
  const [bad, good] = [batcher.add([1, 2], never), batcher.add([3], never)]
  const failure = new YizhanError('backend_failed', 'no')
  runs[0]?.fail(failure)
  await assert.rejects(bad, (thrown) => thrown === failure)
  await settle()
  assert.deepEqual(runs[1]?.inputs, [3])
  runs[1]?.end()
  assert.deepEqual(await good, ['#3'])
  assert.equal(runs.length, 2)
})

test('who gives up leaves with its reason, and its texts are run no more', async () => {
  const { batcher, runs } = held(1)
  const reason = new YizhanError('cancelled', 'not wanted')
  await assert.rejects(batcher.add([1], AbortSignal.abort(reason)), (thrown) => thrown === reason)
  const stop = new AbortController()
  const [first, waiting, last] = [
    batcher.add([1], never),
    batcher.add([2, 3], stop.signal),
    batcher.add([4], never),
  ]
  stop.abort(reason)
  await assert.rejects(waiting, (thrown) => thrown === reason)
  runs[0]?.end()
  await settle()
  assert.deepEqual(runs[1]?.inputs, [4])
  runs[1]?.end()
  assert.deepEqual([await first, await last], [['#1'], ['#4']])
})
