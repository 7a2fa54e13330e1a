import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

const OPENING_MS = 400
const STREAM_MS = 40

/** The moments follow the engine, which is a part of the case: a request has reached it, it writes, it has written all. */
export const killedCenter: Case = {
  number: 10,
  title:
    'kill -9 of the center: before the answer, inside it, before and after its end is acknowledged, while it opens',
  needs: [],
  timeoutMs: [900_000, 1_200_000],
  async run(context) {
    const kills = context.pick(200, 200, 8)
    const { all, engine, load: people, judge } = await context.station({ engine: { paceMs: 4 } })
    const load = await people({ heavy: 0.9 })
    load.begin()
    const at = { opening: 0, before: 0, inside: 0, written: 0, answered: 0 }
    let next = all.standByCenter()
    let ready: Promise<void> = Promise.resolve()
    for (let i = 0; i < kills; i++) {
      const dice = context.random()
      const { answers } = load
      if (dice < 0.15) {
        at.opening += 1
        await pause(context.random() * OPENING_MS)
      } else if (dice > 0.7) {
        at.answered += 1
        await load.until(() => load.answers > answers, context.signal)
        await pause(context.random() * 10)
      } else {
        const run = await Promise.race([engine.next(), pause(30_000)])
        assert.ok(run, 'no question reached the engine within 30 s')
        if (dice < 0.35) at.before += 1
        else if (dice < 0.55) {
          at.inside += 1
          await pause(context.random() * STREAM_MS)
        } else {
          at.written += 1
          await run.ended
          await pause(context.random() * 6)
        }
      }
      await all.center.end('SIGKILL')
      await ready.catch(() => undefined)
      ready = next.begin()
      ready.catch(() => undefined)
      next = all.standByCenter()
      if (i % 25 === 24) context.say(`${i + 1} kills, ${load.acked} acknowledged`)
    }
    await ready
    const verdict = await judge(load)
    const runs = engine.runs.length
    return { kills, ...at, ...figuresOf(verdict), runs }
  },
}
