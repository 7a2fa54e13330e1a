import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, sealedFiles, silentLogger } from '@yizhan/kernel'
import { OfflineLease } from './offline-lease.js'
import { testSealer } from './testing.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const LEASE = 30 * DAY
const files = sealedFiles(testSealer, 'edge-file')
const settled = async () => {
  for (let i = 0; i < 50; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

const opened: OfflineLease[] = []

/** A run of an edge; `destroyed` counts. */
async function open(path: string, clock: ManualClock, fail: { now: boolean } = { now: false }) {
  const count = { destroyed: 0 }
  const destroy = async () => {
    if (fail.now) throw new Error('the disk is full')
    count.destroyed += 1
  }
  const lease = await OfflineLease.open({ files, clock, log: silentLogger(), destroy }, path)
  opened.push(lease)
  lease.set(LEASE)
  return { lease, count }
}

async function start(t: TestContext, fail?: { now: boolean }) {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-'))
  const path = join(dir, 'lease')
  const clock = new ManualClock()
  t.after(async () => {
    for (const lease of opened.splice(0)) await lease.stop()
    await rm(dir, { recursive: true, force: true })
  })
  return { path, clock, ...(await open(path, clock, fail)) }
}

test('a lease runs out once the center was away for so long, and nobody is answered until it is back', async (t) => {
  const { lease, count, clock } = await start(t)
  lease.linked()
  clock.advance(100 * DAY)
  assert.deepEqual(lease.status, { leaseMs: LEASE, remainingMs: LEASE, state: 'running' })
  lease.lost()
  clock.advance(LEASE - 1)
  await settled()
  assert.deepEqual([lease.isShut, count.destroyed, lease.status.remainingMs], [false, 0, 1])
  clock.advance(1)
  await settled()
  assert.deepEqual([lease.isShut, count.destroyed, lease.status.state], [true, 1, 'over'])
  clock.advance(10 * DAY)
  await settled()
  assert.equal(count.destroyed, 1)
  lease.linked()
  assert.deepEqual([lease.isShut, lease.status.remainingMs], [false, LEASE])
})

test('without a lease nothing is destroyed however long the center is away', async (t) => {
  const { lease, count, clock } = await start(t)
  lease.set(0)
  clock.advance(400 * DAY)
  await settled()
  assert.deepEqual([lease.isShut, count.destroyed, lease.status.state], [false, 0, 'none'])
})

for (const jump of [10 * DAY, -10 * DAY, 400 * DAY]) {
  test(`a wall clock that jumps by ${jump / DAY} days while it runs ends no lease early or late`, async (t) => {
    const { lease, count, clock } = await start(t)
    clock.advance(DAY)
    clock.jumpWall(jump)
    clock.advance(LEASE - DAY - 1)
    await settled()
    assert.deepEqual([lease.isShut, count.destroyed], [false, 0])
    clock.advance(1)
    await settled()
    assert.deepEqual([lease.isShut, count.destroyed], [true, 1])
  })
}

test('what was counted outlives restarts, and so does its end', async (t) => {
  const { path, lease, clock } = await start(t)
  clock.advance(20 * DAY)
  await lease.stop()
  const second = await open(path, clock)
  clock.advance(9 * DAY)
  await second.lease.stop()
  const third = await open(path, clock)
  assert.equal(third.lease.status.remainingMs, DAY)
  assert.equal(second.count.destroyed + third.count.destroyed, 0)
  clock.advance(DAY)
  await settled()
  assert.equal(third.count.destroyed, 1)
  await third.lease.stop()
  const fourth = await open(path, clock)
  await settled()
  assert.deepEqual([fourth.lease.isShut, fourth.count.destroyed], [true, 0])
})

test('one that ended while the edge was switched off answers nobody, and destroys nothing by the wall clock alone', async (t) => {
  const { path, lease, clock } = await start(t)
  lease.linked()
  await lease.stop()
  clock.jumpWall(LEASE + HOUR)
  const { lease: again, count } = await open(path, clock)
  assert.deepEqual([again.isShut, again.status.state], [true, 'in-doubt'])
  clock.advance(DAY)
  await settled()
  assert.equal(count.destroyed, 0)
  again.linked()
  assert.deepEqual([again.isShut, again.status.state], [false, 'running'])
})

test('what could not be destroyed is tried again', async (t) => {
  const fail = { now: true }
  const { lease, count, clock } = await start(t, fail)
  clock.advance(LEASE)
  await settled()
  assert.deepEqual([lease.isShut, count.destroyed], [true, 0])
  fail.now = false
  clock.advance(10 * 60_000)
  await settled()
  assert.equal(count.destroyed, 1)
})

test('a damaged file starts the lease anew and destroys nothing', async (t) => {
  const { path, lease, clock } = await start(t)
  clock.advance(29 * DAY)
  await lease.stop()
  await writeFile(path, 'not what it was')
  const again = await open(path, clock)
  assert.deepEqual([again.lease.isShut, again.lease.status.remainingMs], [false, LEASE])
})
