import assert from 'node:assert/strict'
import { edgeCommand } from '../../support/installation.js'
import type { Load } from '../load.js'
import type { Case, CaseContext } from '../runner/case.js'
import { mountSmallDisk, type SmallDisk } from '../small-disk.js'
import { figuresOf, type Station } from '../station.js'

// Enough that the edge takes messages at first: it wants 32 MiB to be free, and has 8 MiB of ballast.
const DISK_MIB = 96
const OPEN = 12

interface Small {
  readonly station: Station
  readonly disk: SmallDisk
  readonly load: Load
  /** Accepted before the disk was full, and waiting for the engine. */
  readonly open: readonly string[]
}

/** An edge on a small disk that has become full while some questions wait for the engine. */
async function fullDisk(context: CaseContext): Promise<Small> {
  const station = await context.station()
  const { edge, engine } = station
  await edge.child.end()
  const disk = await mountSmallDisk(edge.state, DISK_MIB)
  // Runs before the installation goes: a directory cannot be deleted while it is mounted.
  context.after(async () => {
    await edge.child.end('SIGKILL')
    disk.unmount()
  })
  await edge.start()
  await edgeCommand(edge, 'status', '--wait-link', 'ready')
  const load = await station.load()
  engine.hang('first')
  const open = await Promise.all(Array.from({ length: OPEN }, () => load.ask('heavy')))
  await disk.fill()
  return { station, disk, load, open }
}

// The edge looks at its disk once a second; what it takes meanwhile has room in the segment that it prepared.
const SOON_MS = 20_000

/** Asks until it is refused; how many were still taken. */
async function untilRefused(load: Load, disk: SmallDisk): Promise<number> {
  const until = performance.now() + SOON_MS
  for (let taken = 0; performance.now() < until; taken++) {
    const id = await load.ask('heavy')
    if (load.refusal(id) !== undefined) {
      assert.equal(load.refusal(id), 'disk_full')
      return taken
    }
    await disk.fill()
  }
  throw new Error('a full disk refused nothing')
}

export const diskFullEdge: Case = {
  number: 13,
  title: 'the disk of the edge is full: new messages are refused by name, accepted ones are answered',
  needs: ['mount'],
  async run(context) {
    const { station, disk, load, open } = await fullDisk(context)
    const takenWhileFull = await untilRefused(load, disk)
    station.engine.goOn()
    await load.until(() => open.every((id) => load.hasFinal(id)), context.signal)
    await disk.free()
    await takesAgain(load, context)
    const verdict = await station.judge(load)
    assert.ok(verdict.refused > 0)
    return { takenWhileFull, ...figuresOf(verdict) }
  },
}

export const restartOnFullDisk: Case = {
  number: 14,
  title: 'the edge is killed and started again on its full disk: it opens, answers what waits, and recovers',
  needs: ['mount'],
  async run(context) {
    const { station, disk, load, open } = await fullDisk(context)
    const { edge, engine } = station
    await untilRefused(load, disk)
    await edge.child.end('SIGKILL')
    await disk.fill()
    const began = performance.now()
    await edge.start()
    const startMs = Math.round(performance.now() - began)
    await untilRefused(load, disk)
    engine.goOn()
    await load.until(() => open.every((id) => load.hasFinal(id)), context.signal)
    // A second time: what the first start used up must not be missing now.
    await edge.child.end('SIGKILL')
    await disk.fill()
    await edge.start()
    await disk.free()
    await takesAgain(load, context)
    return { startMs, ...figuresOf(await station.judge(load)) }
  },
}

async function takesAgain(load: Load, { signal }: CaseContext): Promise<void> {
  for (;;) {
    const id = await load.ask('local')
    await load.until(() => load.hasFinal(id) || load.refusal(id) !== undefined, signal)
    if (load.refusal(id) === undefined) return
  }
}
