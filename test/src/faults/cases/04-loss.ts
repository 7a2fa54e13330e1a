import assert from 'node:assert/strict'
import { percentile } from '../../bench/report.js'
import { LINE_NEEDS, stationOverWan } from '../network/line-station.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

/** One packet in five is lost in each direction: slow, and no reason to give a link up. */
export const loss: Case = {
  number: 4,
  title: '20 % packet loss in each direction',
  needs: LINE_NEEDS,
  timeoutMs: [240_000, 900_000],
  async run(context) {
    const { wan, metric, load: people, judge } = await stationOverWan(context)
    const load = await people()
    const asker = await people({ persons: 1, chats: 1 })
    load.beginAt(5)
    await wan.drop('both', 20)
    const ms: number[] = []
    for (let i = 0; i < context.pick(40, 300); i++) {
      const asked = performance.now()
      const id = await asker.ask('heavy')
      await asker.until(() => asker.hasFinal(id), context.signal)
      ms.push(performance.now() - asked)
    }
    const reconnects = await metric('edge', 'yizhan_link_reconnects_total')
    await wan.heal()
    assert.equal(reconnects, 0, 'a healthy link was given up')
    await judge(asker)
    const p = (share: number) => Math.round(percentile(ms, share))
    return { reconnects, p50Ms: p(0.5), p99Ms: p(0.99), ...figuresOf(await judge(load)) }
  },
}
