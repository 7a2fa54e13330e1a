import assert from 'node:assert/strict'
import { percentile } from '../../bench/report.js'
import { TwoTenants } from '../../fairness/two-tenants.js'
import type { Case } from '../runner/case.js'

/** One tenant asks ten times what the engine can do; the other one's answers take less than twice as long. */
export const floodingTenant: Case = {
  number: 32,
  measures: true,
  title: 'a tenant floods the center: the answers of the others take less than twice as long',
  needs: [],
  async run(context) {
    const station = await TwoTenants.start(context, { order: 'fair', places: 8 })
    const asks = context.pick(15, 100)
    // Who is first finds nothing warm.
    await station.ask(2)
    const alone = await station.ask(asks)
    const { answered } = await station.flood(context.pick(400, 3_000))
    const beside = await station.ask(asks)
    await answered
    const ms = (waits: readonly number[], part: number) => Math.round(percentile(waits, part))
    const figures = {
      aloneP50Ms: ms(alone.wholeMs, 0.5),
      aloneP99Ms: ms(alone.wholeMs, 0.99),
      floodedP50Ms: ms(beside.wholeMs, 0.5),
      floodedP99Ms: ms(beside.wholeMs, 0.99),
    }
    context.say(JSON.stringify(figures))
    assert.ok(figures.floodedP99Ms < 2 * figures.aloneP99Ms, JSON.stringify(figures))
    return figures
  },
}
