import assert from 'node:assert/strict'
import { edgeCommand } from '../../support/installation.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

export const offlineStart: Case = {
  number: 7,
  title: 'the edge is killed and started again while the center is away',
  needs: [],
  quick: true,
  async run(context) {
    const { edge, load: people, judge } = await context.station()
    const load = await people()
    edge.proxy.cut()
    await edgeCommand(edge, 'status', '--wait-link', 'down')
    const waiting = await Promise.all(Array.from({ length: 20 }, () => load.ask('heavy')))
    const startMs: number[] = []
    const firstAnswerMs: number[] = []
    for (let i = 0; i < context.pick(3, 10, 1); i++) {
      await edge.child.end('SIGKILL')
      const began = performance.now()
      await edge.start()
      startMs.push(performance.now() - began)
      const id = await load.ask('local')
      await load.until(() => load.hasFinal(id), context.signal)
      firstAnswerMs.push(performance.now() - began)
    }
    assert.ok(
      waiting.every((id) => !load.hasFinal(id)),
      'an answer of the center came without the center',
    )
    edge.proxy.restore()
    const verdict = await judge(load)
    assert.equal(verdict.answered, verdict.acked)
    const worst = (ms: readonly number[]) => Math.round(Math.max(...ms))
    return { startMs: worst(startMs), firstAnswerMs: worst(firstAnswerMs), ...figuresOf(verdict) }
  },
}
