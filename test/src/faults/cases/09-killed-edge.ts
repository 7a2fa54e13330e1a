import assert from 'node:assert/strict'
import { killEdge } from '../kills.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'

export const killedEdge: Case = {
  number: 9,
  title: 'kill -9 of the edge under load, at random points',
  needs: [],
  quick: true,
  timeoutMs: [1_500_000, 1_800_000],
  async run(context) {
    const kills = context.pick(200, 200, 8)
    const station = await context.station()
    const load = await station.load()
    load.begin()
    const ackedBetween = await killEdge(station, load, kills, context)
    const verdict = await station.judge(load)
    assert.ok(ackedBetween > kills / 2, 'the kills came before anything was acknowledged')
    return { kills, ...figuresOf(verdict) }
  },
}
