import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { CommitQueue, type Entry } from './commit-queue.js'

test('what was written without an fsync is not told to be durable until one comes', async () => {
  const told: (readonly [sync: boolean, synced: boolean])[] = []
  const syncs: boolean[] = []
  const queue = new CommitQueue(
    { log: silentLogger(), onFatal: (error) => assert.fail(error) },
    {
      build: (entries: readonly Entry[]) => ({
        ops: [{ type: 'put', key: 'k', value: new Uint8Array(1) }],
        firsts: entries.map(() => 1),
        done: ({ synced }) => told.push([syncs.at(-1) ?? false, synced]),
      }),
      write: async (_ops, sync) => {
        syncs.push(sync)
      },
      reopen: () => assert.fail('nothing was torn'),
      makeRoom: () => assert.fail('nothing was full'),
    },
  )
  const records = [new Uint8Array(1)]
  await queue.add({ records })
  await queue.add({ records, lazy: true })
  await queue.add({ records })
  assert.deepEqual(told, [
    [true, true],
    [false, false],
    [true, true],
  ])
})
