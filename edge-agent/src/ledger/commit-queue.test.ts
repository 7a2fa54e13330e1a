import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import { CommitQueue, type Entry } from './commit-queue.js'

function start() {
  const commits: { readonly entries: number; readonly sync: boolean }[] = []
  const clock = new ManualClock()
  const queue = new CommitQueue(
    { log: silentLogger(), clock, onFatal: (error) => assert.fail(error) },
    {
      commit: async (entries: readonly Entry[], sync) => {
        commits.push({ entries: entries.length, sync })
        return entries.map(() => 1)
      },
      full: () => assert.fail('nothing was full'),
    },
  )
  const ended = () => queue.end(new YizhanError('unavailable', 'the test is over'))
  return { queue, clock, commits, ended }
}

test('one commit takes a bounded number of bytes, and no more of what waits', async () => {
  const { queue, commits } = start()
  const records = [new Uint8Array(400_000)]
  const large = [new Uint8Array(2_000_000)]
  await Promise.all([
    queue.add({ records: large, lazy: true }),
    queue.add({ records, lazy: true }),
    queue.add({ records }),
    queue.add({ records, lazy: true }),
  ])
  assert.deepEqual(commits, [
    { entries: 1, sync: false },
    { entries: 2, sync: true },
    { entries: 1, sync: false },
  ])
})

test('what was written without a sync gets one soon, once for all of it', async () => {
  const { queue, clock, commits, ended } = start()
  await queue.add({ records: [], lazy: true })
  clock.advance(999)
  await queue.add({ records: [], lazy: true })
  clock.advance(1)
  await ended()
  assert.deepEqual(
    commits.map(({ sync }) => sync),
    [false, false, true],
  )
})

test('a commit that is synced anyway saves that sync, and so does the end', async () => {
  const { queue, clock, commits, ended } = start()
  await queue.add({ records: [], lazy: true })
  await queue.add({ records: [] })
  clock.advance(1_000)
  await queue.add({ records: [], lazy: true })
  await ended()
  clock.advance(1_000)
  assert.deepEqual(
    commits.map(({ sync }) => sync),
    [false, true, false],
  )
})
