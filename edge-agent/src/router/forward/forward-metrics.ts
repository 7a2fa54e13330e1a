import type { Metrics } from '@yizhan/kernel'

export function forwardMetrics(metrics: Metrics) {
  return {
    forwarded: metrics.counter(
      'yizhan_forward_submits_total',
      'Requests handed to the uplink, repeats included',
    ),
    tickets: metrics.counter('yizhan_forward_tickets_total', 'Tickets given'),
    waiting: metrics.gauge('yizhan_forward_waiting', 'Turns in line for the center'),
  }
}
