import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { silentLogger } from '@yizhan/kernel'
import { OffTime } from './off-time.js'
import { temporaryDir } from './testing.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const CENTER = 1_800_000_000_000

/** One journal over several runs: `run` ends the one before; between two its age stands still. */
async function startRuns(t: TestContext) {
  const path = join(await temporaryDir(t), 'off-time')
  const journal = { epoch: 7n, now: 0, age: () => journal.now }
  let last: OffTime | undefined
  return {
    path,
    journal,
    async run() {
      await last?.close()
      last = await OffTime.open({ log: silentLogger(), journal }, path)
      return last
    },
  }
}

test('a damaged file, or one of another journal, counts as none', async (t) => {
  const { run, path, journal } = await startRuns(t)
  for (const text of ['', '{', '{"format":2}', '[]', '{"format":1,"epoch":"7","gaps":[{"age":"x"}]}']) {
    await writeFile(path, text)
    const off = await run()
    off.heard(CENTER)
    assert.equal(off.since(0), 0, text)
  }
  journal.epoch = 8n
  const other = await run()
  other.heard(CENTER + 30 * DAY)
  assert.equal(other.since(0), 0)
})

test('three days off count for what was received before, and for nothing later', async (t) => {
  const { run, journal } = await startRuns(t)
  const first = await run()
  first.heard(CENTER)
  journal.now = HOUR
  const second = await run()
  assert.equal(second.since(0), 0, 'nobody has told yet')
  journal.now = HOUR + 5_000
  second.heard(CENTER + HOUR + 3 * DAY + 5_000)
  assert.deepEqual([second.since(0), second.since(HOUR), second.since(HOUR + 1)], [3 * DAY, 3 * DAY, 0])
  const third = await run()
  assert.equal(third.since(0), 3 * DAY, 'written down')
  third.heard(CENTER + HOUR + 3 * DAY + 5_000)
  assert.equal(third.since(0), 3 * DAY, 'not counted twice')
})

test('what was received in a run that never saw the center is not made older by it', async (t) => {
  const { run, journal } = await startRuns(t)
  ;(await run()).heard(CENTER)
  journal.now = HOUR
  await run()
  journal.now = 2 * HOUR
  const third = await run()
  third.heard(CENTER + 2 * HOUR + 3 * DAY)
  assert.deepEqual([third.since(0), third.since(1.5 * HOUR)], [3 * DAY, 0])
})

test('a clock of the center that is put right, forward or back, makes nothing older', async (t) => {
  const { run, journal } = await startRuns(t)
  const off = await run()
  off.heard(CENTER)
  off.heard(CENTER + 10 * DAY)
  off.heard(CENTER - 10 * DAY)
  assert.equal(off.since(0), 0)
  journal.now = HOUR
  const again = await run()
  again.heard(CENTER - 20 * DAY)
  assert.equal(again.since(0), 0)
})
