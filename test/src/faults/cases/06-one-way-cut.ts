import { LINE_NEEDS, stationOverWan } from '../network/line-station.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

/** What one side says gets through and what the other side answers does not: each may have done what the other asks for again. */
export const oneWayCut: Case = {
  number: 6,
  title: 'one-way cut, each direction in turn',
  needs: LINE_NEEDS,
  timeoutMs: [240_000, 900_000],
  async run(context) {
    const {
      wan,
      linkIs,
      load: people,
      judge,
    } = await stationOverWan(context, {
      centerEnv: { YIZHAN_GATEWAY__HEARTBEAT_MS: context.pick('500', '10000') },
      engine: { pieces: 20, paceMs: 20 },
    })
    const load = await people()
    load.beginAt(20)
    const rounds = context.pick(3, 5)
    for (let i = 0; i < rounds; i++) {
      for (const direction of ['up', 'down'] as const) {
        const enough = load.answers + 40
        await load.until(() => load.answers >= enough, context.signal)
        await wan.drop(direction)
        await linkIs('down')
        await wan.heal()
        await linkIs('ready')
      }
    }
    return { cuts: rounds * 2, ...figuresOf(await judge(load)) }
  },
}
