import type { Metrics } from '@yizhan/kernel'

export interface JournalMetrics {
  keyDropped(): void
  size(bytes: number, keys: number): void
}

export function createJournalMetrics(metrics: Metrics | undefined): JournalMetrics {
  const dropped = metrics?.counter(
    'yizhan_journal_dedupe_dropped_total',
    'Dedupe keys that were forgotten before their time because there were too many',
  )
  const bytes = metrics?.gauge('yizhan_journal_bytes', 'Bytes of the journal’s segments')
  const known = metrics?.gauge('yizhan_journal_dedupe_keys', 'Dedupe keys that are remembered')
  return {
    keyDropped: () => dropped?.inc(),
    size(all, keys) {
      bytes?.set(all)
      known?.set(keys)
    },
  }
}
