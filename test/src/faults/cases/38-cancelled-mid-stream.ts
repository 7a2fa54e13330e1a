import assert from 'node:assert/strict'
import { percentile } from '../../bench/report.js'
import { ChatClient } from '../../support/chat-client.js'
import { admissionIsFree } from '../network/line-station.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

const HEAVY = '出差住宿标准是多少？'
const MOST_MS = 100

/** A person has had enough: from their word to the engine's end, and to the place that the next one may have. */
export const cancelledMidStream: Case = {
  number: 38,
  measures: true,
  title: 'cancelled by the user mid-stream',
  needs: [],
  quick: true,
  async run(context) {
    const { all, edge, engine, load: people, judge } = await context.station()
    const load = await people()
    const li = await ChatClient.connect(edge.mqtt, 'acme')
    context.after(() => li.end())
    const abortedMs: number[] = []
    const freedMs: number[] = []
    const times = context.pick(20, 200, 5)
    for (let i = 0; i < times; i++) {
      engine.hang('between')
      const id = await li.say(HEAVY)
      await li.until(() => (li.deltasOf(id).length > 0 ? true : undefined))
      const said = performance.now()
      await li.say('/cancel')
      assert.equal(await engine.runs.at(-1)?.ended, false, 'the engine wrote to the end')
      abortedMs.push(performance.now() - said)
      await admissionIsFree(all.api, context.signal)
      freedMs.push(performance.now() - said)
      assert.equal((await li.final(id)).finish, 'cancelled')
      engine.goOn()
    }
    const p50 = (ms: readonly number[]) => Math.round(percentile(ms, 0.5))
    // The median: what a busy machine adds to one of them says nothing about the way.
    assert.ok(p50(abortedMs) <= MOST_MS, `the engine was aborted after ${p50(abortedMs)} ms`)
    assert.ok(p50(freedMs) <= MOST_MS, `the place was free after ${p50(freedMs)} ms`)
    load.beginAt(20)
    await load.until(() => load.answers >= 40, context.signal)
    return {
      cancelled: times,
      abortedP50Ms: p50(abortedMs),
      abortedMostMs: Math.round(Math.max(...abortedMs)),
      freedP50Ms: p50(freedMs),
      freedMostMs: Math.round(Math.max(...freedMs)),
      ...figuresOf(await judge(load)),
    }
  },
}
