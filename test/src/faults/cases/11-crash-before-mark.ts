import assert from 'node:assert/strict'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

/** The client has a reply and has not acknowledged it: the edge cannot have marked it. */
export const crashBeforeMark: Case = {
  number: 11,
  title: 'a reply is shown, and the edge is killed before it knows',
  needs: [],
  quick: true,
  async run(context) {
    const crashes = context.pick(20, 100, 3)
    const { edge, load: people, judge } = await context.station()
    let arrived: () => void = () => undefined
    let goOn: Promise<void> | undefined
    const load = await people({
      persons: 1,
      chats: 1,
      async beforeAck({ type, inReplyTo }) {
        if (type !== 'final' || load.deliveries(inReplyTo) > 1) return
        arrived()
        await goOn
      },
    })
    for (let i = 0; i < crashes; i++) {
      let release: () => void = () => undefined
      goOn = new Promise((resolve) => {
        release = resolve
      })
      const shown = new Promise<void>((resolve) => {
        arrived = resolve
      })
      const next = edge.standBy()
      const id = await load.ask(i % 2 === 0 ? 'local' : 'heavy')
      await shown
      assert.ok(load.hasFinal(id))
      await edge.child.end('SIGKILL')
      goOn = undefined
      release()
      await next.begin()
      await load.until(() => load.deliveries(id) > 1, context.signal)
    }
    const verdict = await judge(load)
    assert.ok(verdict.redelivered >= crashes, 'a reply that was not marked has to come again, under its id')
    return { crashes, ...figuresOf(verdict) }
  },
}
