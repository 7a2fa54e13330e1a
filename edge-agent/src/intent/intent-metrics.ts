import type { Metrics } from '@yizhan/kernel'

export interface IntentMetrics {
  classified(seconds: number): void
  failed(code: string): void
  restarted(): void
  models(count: number): void
}

// A local answer has 3 ms in all: most of these are below one.
const BUCKETS = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 1]

const NOTHING: IntentMetrics = { classified() {}, failed() {}, restarted() {}, models() {} }

export function createIntentMetrics(metrics: Metrics | undefined): IntentMetrics {
  if (!metrics) return NOTHING
  const seconds = metrics.histogram('yizhan_intent_classify_seconds', 'Time to classify a text', [], BUCKETS)
  const failures = metrics.counter('yizhan_intent_failures_total', 'Texts not classified', ['code'])
  const restarts = metrics.counter('yizhan_intent_thread_restarts_total', 'Deaths of the intent thread')
  const loaded = metrics.gauge('yizhan_intent_models', 'Intent models loaded')
  return {
    classified: (value) => seconds.observe(value),
    failed: (code) => failures.inc({ code }),
    restarted: () => restarts.inc(),
    models: (count) => loaded.set(count),
  }
}
