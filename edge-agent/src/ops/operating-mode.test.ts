import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics, silentLogger } from '@yizhan/kernel'
import { temporaryDir } from '../ledger/testing.js'
import { otherRoom, requested, startTestEdge } from '../router/testing.js'
import { OperatingModes } from './operating-mode.js'

test('the mode follows the link, a center that stands still, and what waits, and says since when', async (t) => {
  const edge = await startTestEdge(t, await temporaryDir(t), { linkUp: false })
  const { clock, uplink, turns } = edge
  const metrics = createMetrics()
  const modes = new OperatingModes({ clock, log: silentLogger(), metrics, uplink, turns })
  t.after(modes.start())
  const seen: string[] = []
  modes.onChange(() => {
    const { mode } = modes
    seen.push(mode.state === 'degraded' ? mode.reason : mode.state)
  })
  const start = clock.wall()
  assert.deepEqual(modes.mode, { state: 'offline', since: start })
  const waiting = await edge.say('why')
  await edge.until(() => edge.ledger.get(waiting)?.notice?.state === 'confirmed')
  clock.advance(60_000)
  uplink.up = true
  assert.deepEqual(modes.mode, { state: 'degraded', reason: 'catching-up', since: start + 60_000 })
  ;(await requested(edge, 1)).finish('Because.')
  await edge.final(waiting)
  await edge.until(() => modes.mode.state === 'online')

  const second = await edge.say('how', otherRoom)
  const silent = await requested(edge, 2)
  clock.advance(8_000)
  await edge.until(() => modes.mode.state === 'degraded')
  assert.match(await metrics.render(), /yizhan_edge_mode\{mode="center-silent"\} 1/)
  silent.sink.started(1, 0)
  silent.finish('So.')
  await edge.final(second)
  await edge.until(() => modes.mode.state === 'online')
  uplink.up = false
  assert.equal(modes.mode.state, 'offline')
  assert.deepEqual(seen.at(0), 'catching-up')
  assert.ok(seen.includes('center-silent'))
  assert.match(await metrics.render(), /yizhan_edge_mode\{mode="offline"\} 1/)
  assert.match(await metrics.render(), /yizhan_edge_mode\{mode="online"\} 0/)
})
