import { setTimeout as pause } from 'node:timers/promises'
import { LINE_NEEDS, secondsSince, stationOverWan } from '../network/line-station.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

/** The line is gone for a while: local answers go on, what needs the center gets a ticket and is answered later. */
export const wanCut: Case = {
  number: 1,
  title: 'WAN cut, 10 min (scaled: 20 s)',
  needs: LINE_NEEDS,
  timeoutMs: [180_000, 1_200_000],
  async run(context) {
    const { signal } = context
    const heartbeat = { YIZHAN_GATEWAY__HEARTBEAT_MS: context.pick('1000', '10000') }
    const { wan, linkIs, load: people, judge } = await stationOverWan(context, { centerEnv: heartbeat })
    const mixed = await people()
    const local = await people({ heavy: 0, persons: 2 })
    mixed.beginAt(20)
    local.beginAt(20)
    await mixed.until(() => mixed.acked >= 60, signal)
    await wan.cut()
    const cut = performance.now()
    await linkIs('down')
    const seenS = secondsSince(cut)
    const before = local.answers
    await pause(context.pick(20_000, 600_000) - (performance.now() - cut), undefined, { signal })
    const localAnswered = local.answers - before
    if (localAnswered === 0) throw new Error('no local answer while the line was cut')
    await wan.restore()
    const restored = performance.now()
    local.pause()
    mixed.pause()
    await linkIs('ready')
    const linkBackS = secondsSince(restored)
    const verdict = await judge(mixed, { withinMs: 120_000 })
    const drainS = secondsSince(restored)
    await judge(local)
    const tickets = mixed.log.filter((seen) => seen.k === 'shown' && seen.type === 'notice').length
    if (tickets === 0) throw new Error('nobody got a ticket while the line was cut')
    return { seenS, localAnswered, tickets, linkBackS, drainS, ...figuresOf(verdict) }
  },
}
