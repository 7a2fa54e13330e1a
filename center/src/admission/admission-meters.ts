import type { Metrics, YizhanError } from '@yizhan/kernel'
import type { RequestPriority } from '../inference/port.js'
import { PRIORITIES } from './fair-queue.js'

/** What is read of a queue. */
interface Watched {
  readonly deficit: number
  lengthIn(priority: RequestPriority): number
}

/** What is counted of who waits; by class, never by tenant, of which there may be any number. */
export function admissionMeters(metrics: Metrics) {
  const wait = metrics.histogram(
    'yizhan_admission_wait_seconds',
    'Time from arrival to a free backend',
    ['priority'],
    [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  )
  const shed = metrics.counter('yizhan_admission_shed_total', 'Requests turned away or given up', ['reason'])
  const refused = metrics.counter('yizhan_admission_refused_total', 'Requests over a quota', [
    'whose',
    'reason',
  ])
  const cancelled = metrics.counter(
    'yizhan_inference_cancelled_total',
    'Requests cancelled, by how far they were',
    ['stage'],
  )
  return {
    waited: (priority: RequestPriority, ms: number) => wait.observe({ priority }, ms / 1_000),
    shed: (reason: string) => shed.inc({ reason }),
    refused: ({ code, details }: YizhanError) =>
      refused.inc({
        whose: String(details.whose ?? ''),
        reason: code === 'too_large' ? 'prompt' : String(details.reason ?? code),
      }),
    cancelled: (stage: 'queue' | 'first token' | 'stream') => cancelled.inc({ stage }),
    watch(queue: Watched, running: () => number) {
      metrics.gauge('yizhan_admission_running', 'Requests that hold a place at a backend', [], (gauge) =>
        gauge.set(running()),
      )
      metrics.gauge(
        'yizhan_admission_queue_length',
        'Requests that wait for a backend',
        ['priority'],
        (gauge) => {
          for (const priority of PRIORITIES) gauge.set({ priority }, queue.lengthIn(priority))
        },
      )
      metrics.gauge(
        'yizhan_admission_fair_share_deficit_tokens',
        'Tokens between the most and the least served of the tenants that wait, over their weights',
        [],
        (gauge) => gauge.set(queue.deficit),
      )
    },
  }
}

export type AdmissionMeters = ReturnType<typeof admissionMeters>
