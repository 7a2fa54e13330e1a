import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { CommitQueue, type Entry } from './commit-queue.js'

test('one commit takes a bounded number of bytes, and no more of what waits', async () => {
  const commits: { readonly entries: number; readonly sync: boolean }[] = []
  const queue = new CommitQueue(
    { log: silentLogger(), onFatal: (error) => assert.fail(error) },
    {
      commit: async (entries: readonly Entry[], sync) => {
        commits.push({ entries: entries.length, sync })
        return entries.map(() => 1)
      },
      full: () => assert.fail('nothing was full'),
    },
  )
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
