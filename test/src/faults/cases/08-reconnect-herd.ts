import assert from 'node:assert/strict'
import { ChatClient } from '../../support/chat-client.js'
import { Herd } from '../network/herd.js'
import type { Case } from '../runner/case.js'

const MOST_SECONDS = 120
const MOST_PEAK = 3
const MOST_SHARE = 0.95

/** A center goes and comes, and all its edges want their links back. A thousand need five minutes of two busy cores to begin with. */
export const reconnectHerd: Case = {
  number: 8,
  measures: true,
  title: '1,000 edges (scaled: 400) link again after the center was killed',
  needs: [],
  timeoutMs: [420_000, 600_000],
  async run(context) {
    const { all, edge } = await context.station()
    const edges = context.pick(400, 1_000)
    const herd = await Herd.start(context, all, edges)
    context.say(`${edges} edges are linked`)
    const before = herd.ups.length
    const killed = Date.now()
    await all.center.end('SIGKILL')
    await all.startCenter()
    const startS = (Date.now() - killed) / 1_000
    const telling = setInterval(() => context.say(`${herd.ups.length - before} are back`), 10_000)
    context.after(() => clearInterval(telling))
    await herd.linked(before + edges, context.signal)
    const back = herd.ups.slice(before).sort((a, b) => a - b)
    const [first = 0, last = 0] = [back[0], back.at(-1)]
    const seconds = new Map<number, number>()
    for (const at of back) {
      const second = Math.floor((at - first) / 1_000)
      seconds.set(second, (seconds.get(second) ?? 0) + 1)
    }
    const peak = Math.max(...seconds.values())
    // Of all but the last twentieth: a few stragglers would make any crowd look like a peak.
    const most = Math.floor(edges * MOST_SHARE)
    const mean = most / Math.max(1, ((back[most - 1] ?? last) - first) / 1_000)
    const figures = {
      edges,
      centerStartS: round(startS),
      allBackS: round((last - killed) / 1_000),
      nineteenInTwentyBackS: round(((back[most - 1] ?? last) - killed) / 1_000),
      meanPerSecond: round(mean),
      peakPerSecond: peak,
      peakToMean: round(peak / mean),
      moreThanOnce: back.length - edges,
    }
    try {
      assert.ok(figures.allBackS < MOST_SECONDS, 'not all edges were back in time')
      assert.ok(figures.peakToMean <= MOST_PEAK, 'too many came at once')
    } catch (thrown) {
      throw Object.assign(thrown as Error, { figures })
    }
    // And people are served meanwhile as before.
    const li = await ChatClient.connect(edge.mqtt, 'acme')
    context.after(() => li.end())
    assert.equal((await li.ask('北京出差住宿每晚不超过多少？')).answeredBy, 'center')
    return figures
  },
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
