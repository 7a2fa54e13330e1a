import type { Metrics } from '@yizhan/kernel'
import type { RunState } from './attempt-run.js'

const FIRST_TOKEN_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What is counted of requests; never by tenant or edge, which would make the series as many as these. */
export function requestMeters(metrics: Metrics) {
  const first = metrics.histogram(
    'yizhan_inference_first_token_seconds',
    'Time from a free backend to the first text',
    [],
    FIRST_TOKEN_SECONDS,
  )
  const attempts = metrics.counter(
    'yizhan_inference_attempts_total',
    'Attempts that are over, by how they ended',
    ['outcome'],
  )
  const tokens = metrics.counter('yizhan_inference_tokens_total', 'Tokens read and written by backends', [
    'direction',
  ])
  const dropped = metrics.counter('yizhan_inference_dropped_total', 'Answers given up before their end-ack')
  return {
    firstText: (ms: number) => first.observe(ms / 1_000),
    settled(state: Extract<RunState, { s: 'ended' | 'failed' }>) {
      attempts.inc({ outcome: state.s === 'ended' ? state.end.finish : state.error.code })
      if (state.s === 'failed') return
      tokens.inc({ direction: 'in' }, state.end.usage.inputTokens)
      tokens.inc({ direction: 'out' }, state.end.usage.outputTokens)
    },
    dropped: () => dropped.inc(),
  }
}
