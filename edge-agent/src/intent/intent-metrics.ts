import type { Metrics } from '@yizhan/kernel'

export interface IntentMetrics {
  classified(seconds: number): void
  failed(code: string): void
  restarted(): void
  models(count: number, loadedBytes: number): void
  tried(seconds: number): void
  refused(why: string): void
}

// A local answer has 3 ms in all: most of these are below one.
const BUCKETS = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 1]

const NOTHING: IntentMetrics = {
  classified() {},
  failed() {},
  restarted() {},
  models() {},
  tried() {},
  refused() {},
}

export function createIntentMetrics(metrics: Metrics | undefined): IntentMetrics {
  if (!metrics) return NOTHING
  const seconds = metrics.histogram('yizhan_intent_classify_seconds', 'Time to classify a text', [], BUCKETS)
  const failures = metrics.counter('yizhan_intent_failures_total', 'Texts not classified', ['code'])
  const restarts = metrics.counter('yizhan_intent_thread_restarts_total', 'Deaths of the intent thread')
  const served = metrics.gauge('yizhan_intent_models', 'Intent models served')
  const bytes = metrics.gauge(
    'yizhan_intent_model_bytes',
    'Bytes of intent models that are loaded, not parked',
  )
  const trials = metrics.histogram('yizhan_intent_trial_seconds', 'Time to try a model before it is served')
  const refusals = metrics.counter('yizhan_intent_models_refused_total', 'Models that failed their trial', [
    'why',
  ])
  return {
    classified: (value) => seconds.observe(value),
    failed: (code) => failures.inc({ code }),
    restarted: () => restarts.inc(),
    models: (count, loadedBytes) => {
      served.set(count)
      bytes.set(loadedBytes)
    },
    tried: (value) => trials.observe(value),
    refused: (why) => refusals.inc({ why }),
  }
}
