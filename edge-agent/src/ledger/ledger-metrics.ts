import type { Metrics } from '@yizhan/kernel'

export type LedgerMetrics = ReturnType<typeof createLedgerMetrics>

export function createLedgerMetrics(metrics: Metrics) {
  const seconds = metrics.histogram('yizhan_journal_append_seconds', 'From append to fsync, waiting included')
  return {
    turns: metrics.counter('yizhan_turns_total', 'Turns that entered a state', ['state']),
    answered: metrics.counter('yizhan_turns_answered_total', 'Finals by who answered', ['by']),
    open: metrics.gauge('yizhan_turns_open', 'Turns that are not settled'),
    feedback: metrics.counter(
      'yizhan_feedback_total',
      'What askers said of answers: up, down, none (taken back)',
      ['rating'],
    ),
    lost: metrics.counter('yizhan_journal_lost_records_total', 'Journal records that the medium has lost'),
    /** Runs an append and observes how long it took. */
    async timed<T>(append: () => Promise<T>): Promise<T> {
      const end = seconds.startTimer()
      const result = await append()
      end()
      return result
    },
  }
}
