import { setTimeout as pause } from 'node:timers/promises'
import type { Load } from './load.js'
import type { CaseContext } from './runner/case.js'
import type { Station } from './station.js'

const MAX_ACKS = 25
const OPENING_MS = 600

/**
 * Kills the edge `kills` times at random points under load: every fourth time while it opens, else after some
 * acknowledgements. Resolves with how many messages were acknowledged meanwhile; the edge runs then.
 */
export async function killEdge(
  { edge }: Station,
  load: Load,
  kills: number,
  context: CaseContext,
): Promise<number> {
  const before = load.acked
  let next = edge.standBy()
  let ready: Promise<void> = Promise.resolve()
  for (let i = 0; i < kills; i++) {
    if (context.random() < 0.25) await pause(context.random() * OPENING_MS)
    else {
      const enough = load.acked + 1 + Math.floor(context.random() * MAX_ACKS)
      await load.until(() => load.acked >= enough, context.signal)
    }
    await edge.child.end('SIGKILL')
    // One that was killed while it opened never says that it is ready.
    await ready.catch(() => undefined)
    ready = next.begin()
    ready.catch(() => undefined)
    next = edge.standBy()
    if (i % 25 === 24) context.say(`${i + 1} kills, ${load.acked} acknowledged`)
  }
  await ready
  return load.acked - before
}
