import type { Metrics } from '@yizhan/kernel'

export interface FrontMeters {
  /** `outcome`: answered, failed or cancelled. */
  over(outcome: string, seconds: number): void
  refused(reason: string): void
}

export function frontMeters(metrics: Metrics): FrontMeters {
  const seconds = metrics.histogram(
    'yizhan_front_request_seconds',
    'Time from the request to the last byte of its answer, the queue included',
    ['outcome'],
  )
  const refusals = metrics.counter('yizhan_front_refusals_total', 'Requests that were turned away', [
    'reason',
  ])
  return {
    over: (outcome, value) => seconds.observe({ outcome }, value),
    refused: (reason) => refusals.inc({ reason }),
  }
}
