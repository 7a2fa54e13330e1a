import { performance } from 'node:perf_hooks'
import { percentile } from './report.js'

export interface Load {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Does `total` works, `atOnce` of them at any moment, and measures each from its call to its end. */
export async function underLoad(
  total: number,
  atOnce: number,
  work: (i: number) => Promise<unknown>,
): Promise<Load> {
  const ms: number[] = []
  let next = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: Math.min(atOnce, total) }, async () => {
      while (next < total) {
        const begun = performance.now()
        await work(next++)
        ms.push(performance.now() - begun)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  return { perSecond: total / seconds, p50Ms: percentile(ms, 0.5), p99Ms: percentile(ms, 0.99) }
}
