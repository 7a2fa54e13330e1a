import { setTimeout as pause } from 'node:timers/promises'
import { adminCall, adminSocketPath } from '@yizhan/kernel'
import { portOf } from '../../support/installation.js'
import { metricAt } from '../../support/metric.js'
import type { Load, LoadOptions } from '../load.js'
import type { CaseContext } from '../runner/case.js'
import type { Need } from '../runner/needs.js'
import type { Station, StationOptions } from '../station.js'
import { Wan } from './wan.js'

/** What a case over a line needs. */
export const LINE_NEEDS: readonly Need[] = ['netns', 'ip', 'nft', 'tc']

const POLL_MS = 50

/** A station whose edge is at the other end of a line. */
export interface LineStation extends Station {
  readonly wan: Wan
  /** Of the edge's broker; leads there past the line. */
  readonly mqtt: string
  /** Resolves once the edge's link is so. */
  linkIs(state: 'ready' | 'down'): Promise<void>
  /** Resolves once the center counts so many links. */
  centerHas(links: number): Promise<void>
  /** One value of the edge's or the center's `/metrics`. */
  metric(process: 'edge' | 'center', name: string): Promise<number>
}

export async function stationOverWan(
  context: CaseContext,
  options: StationOptions = {},
): Promise<LineStation> {
  const wan = await Wan.lay(context, context.dir)
  const station = await context.station({
    ...options,
    centerEnv: { ...wan.centerEnv, ...options.centerEnv },
    edgeWrapper: wan.edgeWrapper,
    direct: true,
  })
  const { all, edge } = station
  const url = `mqtt://${await wan.doorTo(Number(portOf(edge.mqtt)))}`
  const http = { edge: `http://${await wan.doorTo(Number(portOf(edge.chat)))}`, center: all.api }
  const status = (state: string, query = '') =>
    adminCall(adminSocketPath(state), 'GET', `/v1/status?timeoutMs=600000${query}`, undefined, {
      timeoutMs: 600_000,
    })
  return {
    ...station,
    wan,
    mqtt: url,
    load: (more: Partial<LoadOptions> = {}): Promise<Load> => station.load({ url, ...more }),
    async linkIs(state) {
      await status(edge.state, `&link=${state}`)
    },
    async centerHas(links) {
      const path = adminSocketPath(all.centerState)
      for (;;) {
        const now = (await adminCall(path, 'GET', '/v1/status')) as { links: unknown[] }
        if (now.links.length === links) return
        await pause(POLL_MS, undefined, { signal: context.signal })
      }
    },
    metric: (process, name) => metricAt(http[process], name),
  }
}

/** Seconds since a moment of `performance.now()`, to a tenth. */
export function secondsSince(moment: number): number {
  return Math.round((performance.now() - moment) / 100) / 10
}

/** Resolves once no request holds a place at a backend. `api`: of the center. */
export async function admissionIsFree(api: string, signal: AbortSignal): Promise<void> {
  while ((await metricAt(api, 'yizhan_admission_running')) > 0) signal.throwIfAborted()
}
