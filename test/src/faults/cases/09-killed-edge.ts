import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

/** An edge that is killed again and again while people talk to it. */
export const killedEdge: Case = {
  number: 9,
  title: 'kill -9 of the edge under load',
  needs: [],
  timeoutMs: [300_000, 1_200_000],
  async run(context) {
    const { edge, load: people, judge } = await context.station()
    const load = await people()
    load.begin()
    const kills = 200
    let next = edge.standBy()
    let acks = 0
    for (let i = 0; i < kills; i++) {
      // At any point: while it opens, with the first messages, later.
      const acked = load.acked
      if (context.random() < 0.8) {
        const enough = acked + 1 + Math.floor(context.random() * 30)
        await load.until(() => load.acked >= enough, context.signal)
      }
      acks += load.acked - acked
      await edge.child.end('SIGKILL')
      await next.begin()
      next = edge.standBy()
    }
    const verdict = await judge(load)
    return { kills, acks, ...figuresOf(verdict) }
  },
}
