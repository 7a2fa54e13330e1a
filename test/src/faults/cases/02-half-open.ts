import assert from 'node:assert/strict'
import { LINE_NEEDS, secondsSince, stationOverWan } from '../network/line-station.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

/** The most that either side may believe in a link that carries nothing. */
const SEEN_S = 45

/** Every packet vanishes and nobody is told. With the heartbeat of an installation as it comes, in scaled runs too. */
export const halfOpen: Case = {
  number: 2,
  title: 'half-open link: packets dropped without a reset',
  needs: LINE_NEEDS,
  timeoutMs: [240_000, 300_000],
  async run(context) {
    const { wan, linkIs, centerHas, load: people, judge } = await stationOverWan(context)
    const load = await people()
    load.beginAt(20)
    await load.until(() => load.acked >= 40, context.signal)
    await wan.drop('both')
    const dropped = performance.now()
    const seen = async (side: Promise<void>) => {
      await side
      return secondsSince(dropped)
    }
    const [edgeSeenS, centerSeenS] = await Promise.all([seen(linkIs('down')), seen(centerHas(0))])
    assert.ok(edgeSeenS <= SEEN_S, `the edge saw it after ${edgeSeenS} s`)
    assert.ok(centerSeenS <= SEEN_S, `the center saw it after ${centerSeenS} s`)
    await wan.heal()
    const healed = performance.now()
    await linkIs('ready')
    const linkBackS = secondsSince(healed)
    return { edgeSeenS, centerSeenS, linkBackS, ...figuresOf(await judge(load)) }
  },
}
