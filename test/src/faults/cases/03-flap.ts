import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { heldBy, probed } from '../../support/held.js'
import { LINE_NEEDS, stationOverWan } from '../network/line-station.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

const MOST_HEAP_MB = 6
const MOST_DESCRIPTORS = 12
/** Twice what a dead connection may go unseen. */
const SETTLE_MS = 60_000

/**
 * The line goes down and up again and again, longer each time than the link takes to see it. Waits between tries grow as long as
 * no link holds, so there are fewer links than flaps; and nothing of the many links is kept.
 */
export const flap: Case = {
  number: 3,
  title: 'flap 2 s × 100 (scaled: × 30)',
  needs: LINE_NEEDS,
  timeoutMs: [240_000, 900_000],
  async run(context) {
    const { dir, signal } = context
    const at = { edge: join(dir, 'edge.heap'), center: join(dir, 'center.heap') }
    const station = await stationOverWan(context, {
      centerEnv: { YIZHAN_GATEWAY__HEARTBEAT_MS: '200', ...probed(at.center) },
      edgeEnv: {
        YIZHAN_UPLINK__BACKOFF_BASE_MS: '100',
        YIZHAN_UPLINK__BACKOFF_MAX_MS: '4000',
        ...probed(at.edge),
      },
    })
    const { all, edge, wan, linkIs, metric, load: people, judge } = station
    const load = await people()
    const held = async () => ({
      edge: await heldBy(Number(edge.child.process.pid), at.edge),
      center: await heldBy(Number(all.center.process.pid), at.center),
    })
    const flaps = context.pick(30, 100)
    const once = async () => {
      await wan.cut()
      await pause(2_000, undefined, { signal })
      await wan.restore()
      await pause(2_000, undefined, { signal })
    }
    load.beginAt(10)
    // The first ones fill what is filled once.
    for (let i = 0; i < 5; i++) await once()
    const before = await held()
    for (let i = 0; i < flaps; i++) await once()
    load.pause()
    await linkIs('ready')
    const reconnects = await metric('edge', 'yizhan_link_reconnects_total')
    const verdict = await judge(load, { withinMs: 120_000 })
    let after = await held()
    const grown = (side: 'edge' | 'center') => ({
      heapMb: Math.round((after[side].heapMb - before[side].heapMb) * 10) / 10,
      descriptors: after[side].descriptors - before[side].descriptors,
    })
    // The center finds out by its pings which connections of the last flaps are dead.
    const settling = performance.now()
    while (grown('center').descriptors >= MOST_DESCRIPTORS && performance.now() - settling < SETTLE_MS) {
      await pause(1_000, undefined, { signal })
      after = await held()
    }
    const figures = {
      flaps,
      reconnects,
      edgeHeapGrownMb: grown('edge').heapMb,
      centerHeapGrownMb: grown('center').heapMb,
      edgeDescriptorsGrown: grown('edge').descriptors,
      centerDescriptorsGrown: grown('center').descriptors,
      ...figuresOf(verdict),
    }
    try {
      assert.ok(reconnects > 0, 'no flap was seen')
      assert.ok(reconnects < flaps + 5, 'the waits between tries did not grow')
      for (const side of ['edge', 'center'] as const) {
        assert.ok(grown(side).heapMb < MOST_HEAP_MB, `the heap of the ${side} grew`)
        assert.ok(grown(side).descriptors < MOST_DESCRIPTORS, `the ${side} keeps descriptors`)
      }
    } catch (thrown) {
      throw Object.assign(thrown as Error, { figures })
    }
    return figures
  },
}
