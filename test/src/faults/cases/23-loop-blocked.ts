import assert from 'node:assert/strict'
import { faultTenant, HARM, SPIN_MS } from '../fault-tenant.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

const KEEPALIVE_S = 5

export const loopBlocked: Case = {
  number: 23,
  title: 'a skill blocks the event loop for 5 s: no connection is dropped, the link stays the same',
  needs: [],
  async run(context) {
    const { edge, load: people, judge, status } = await context.station(await faultTenant(context.dir))
    const load = await people({ keepalive: KEEPALIVE_S })
    load.begin()
    await load.until(() => load.acked > 50, context.signal)
    const before = await status()
    const began = performance.now()
    const id = await load.say(HARM.spin)
    await load.until(() => load.hasFinal(id), context.signal)
    const blockedMs = Math.round(performance.now() - began)
    assert.ok(blockedMs >= SPIN_MS, 'nothing was blocked')
    const acked = load.acked
    await load.until(() => load.acked > acked + 100, context.signal)
    const after = await status()
    assert.ok(edge.child.running)
    assert.equal(load.drops, 0, 'connections of clients were dropped')
    assert.equal(after.link.generation, before.link.generation, 'the link to the center was dropped')
    return { blockedMs, dropped: load.drops, ...figuresOf(await judge(load)) }
  },
}
