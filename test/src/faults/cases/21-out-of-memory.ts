import assert from 'node:assert/strict'
import { once } from 'node:events'
import { faultTenant, HARM } from '../fault-tenant.js'
import { MemoryGroup } from '../memory-group.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

const LIMIT_BYTES = 512 << 20
const BACK_MS = 10_000

export const outOfMemory: Case = {
  number: 21,
  title: 'the kernel kills the edge for want of memory: back within 10 s, with everything',
  needs: ['memory-cgroup'],
  async run(context) {
    const kills = context.pick(2, 10)
    const { makeHungry, ...tenant } = await faultTenant(context.dir)
    const { edge, load: people, judge } = await context.station(tenant)
    const group = await MemoryGroup.make(context, LIMIT_BYTES)
    context.after(() => edge.child.end('SIGKILL'))
    const load = await people()
    load.begin()
    let backMs = 0
    for (let i = 0; i < kills; i++) {
      await edge.child.end()
      await edge.start({}, group.wrapper)
      await makeHungry()
      const ended = once(edge.child.process, 'exit')
      // Its acknowledgement may be lost with the edge; then it is published again.
      const eaten = load.say(HARM.eat)
      const [, signal] = await ended
      assert.equal(signal, 'SIGKILL')
      assert.equal(await group.kills(), i + 1, 'the kernel says that it was not for want of memory')
      // What a supervisor does.
      const began = performance.now()
      const acked = load.acked
      await edge.start({}, group.wrapper)
      await load.until(() => load.acked > acked, context.signal)
      backMs = Math.max(backMs, Math.round(performance.now() - began))
      await eaten
    }
    const verdict = await judge(load)
    assert.ok(backMs <= BACK_MS, `it was back after ${backMs} ms`)
    return { kills, backMs, ...figuresOf(verdict) }
  },
}
