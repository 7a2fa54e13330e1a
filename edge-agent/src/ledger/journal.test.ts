import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@yizhan/kernel'
import { bytes, contents, openTestJournal, temporaryDir } from './testing.js'

test('epoch, positions, dedupe keys and age survive a restart', async (t) => {
  const dir = await temporaryDir(t)
  const clock = new ManualClock()
  const first = await openTestJournal(t, dir, { clock })
  clock.advance(5_000)
  await first.journal.append([bytes('a')], { dedupe: { key: 'k', value: 't_1' } })
  await first.journal.close()
  clock.jumpWall(-864_000_000)
  const { journal } = await openTestJournal(t, dir, { clock })
  assert.equal(journal.epoch, first.journal.epoch)
  assert.equal(journal.next, 2)
  assert.equal(journal.known('k'), 't_1')
  assert.equal(journal.age(), 5_000)
})

test('pruning keeps what is young, what is at or after an open turn, and dedupe keys for their time', async (t) => {
  const dir = await temporaryDir(t)
  const { journal, clock } = await openTestJournal(t, dir)
  for (const text of ['a', 'b', 'c', 'd']) {
    await journal.append([bytes(text)], { dedupe: { key: text, value: text } })
    clock.advance(1_000)
  }
  await journal.prune({ before: 5, olderThanMs: 2_500, dedupeMs: 3_500 })
  assert.deepEqual(await contents(journal), ['3 c', '4 d'])
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => journal.known(key)),
    [undefined, 'b', 'c', 'd'],
  )
  clock.jumpWall(864_000_000)
  clock.advance(10_000)
  await journal.prune({ before: 4, olderThanMs: 2_500, dedupeMs: 3_500 })
  assert.deepEqual(await contents(journal), ['4 d'], 'the oldest open turn holds the journal back')
  await journal.close()
  const again = await openTestJournal(t, dir)
  assert.equal(again.journal.settled, 5, 'a mark never goes back')
  assert.deepEqual(await contents(again.journal), ['4 d'], 'what was pruned is no loss')
})

test('a wall clock that jumps ten days forgets no dedupe key', async (t) => {
  const dir = await temporaryDir(t)
  const { journal, clock } = await openTestJournal(t, dir)
  await journal.append([bytes('a')], { dedupe: { key: 'k', value: 't_1' } })
  clock.jumpWall(864_000_000)
  await journal.prune({ before: 1, olderThanMs: 1_000, dedupeMs: 1_000 })
  assert.equal(journal.known('k'), 't_1')
})
