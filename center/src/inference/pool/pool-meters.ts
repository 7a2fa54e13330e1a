import { type Clock, type Metrics, toYizhanError } from '@yizhan/kernel'
import type { Piece } from '../port.js'
import type { BreakerState } from './breaker.js'
import type { Member } from './member.js'

const BREAKER: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 }
/** Boundaries that OpenTelemetry advises for these metrics, in seconds. */
const FIRST = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const EACH = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
const WHOLE = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]

/** What is counted of backends: labels are their names in the settings, never a tenant. */
export function poolMeters(
  deps: { readonly metrics: Metrics; readonly clock: Clock },
  members: () => readonly Member[],
) {
  const { metrics, clock } = deps
  const first = metrics.histogram(
    'gen_ai_server_time_to_first_token_seconds',
    'Time from asking a backend to its first token',
    ['backend'],
    FIRST,
  )
  const each = metrics.histogram(
    'gen_ai_server_time_per_output_token_seconds',
    'Mean time between the tokens of an answer',
    ['backend'],
    EACH,
  )
  const whole = metrics.histogram(
    'gen_ai_client_operation_duration_seconds',
    'Time from asking a backend to its end or failure',
    ['backend', 'error_type'],
    WHOLE,
  )
  const gauges: readonly (readonly [string, string, (member: Member) => number])[] = [
    ['running', 'Requests that run at a backend', (member) => member.running],
    ['in_flight_tokens', 'Tokens in flight at a backend', (member) => member.inFlightTokens],
    ['credit_tokens', 'Tokens that a backend may have in flight', (member) => member.credit.tokens],
    [
      'breaker_state',
      'Breaker of a backend: 0 closed, 1 trying, 2 open',
      (member) => BREAKER[member.state.breaker],
    ],
    ['usable', 'Whether a backend is given requests', (member) => Number(member.usable)],
  ]
  for (const [name, help, value] of gauges) {
    metrics.gauge(`yizhan_pool_${name}`, help, ['backend'], (gauge) => {
      for (const member of members()) gauge.set({ backend: member.name }, value(member))
    })
  }
  return {
    failures: metrics.counter('yizhan_inference_backend_failures_total', 'Failed runs of backends', [
      'backend',
      'code',
    ]),
    retries: metrics.counter('yizhan_pool_retries_total', 'Tries after a failure, by where', ['where']),
    failovers: metrics.counter(
      'yizhan_pool_failovers_total',
      'Answers that another run carried on in their middle, by how',
      ['how'],
    ),
    /** One run of a backend. */
    timing(member: Member) {
      const backend = member.name
      const from = clock.monotonic()
      let firstAt: number | undefined
      const over = (errorType: string) =>
        whole.observe({ backend, error_type: errorType }, (clock.monotonic() - from) / 1_000)
      return {
        first() {
          firstAt = clock.monotonic()
          first.observe({ backend }, (firstAt - from) / 1_000)
          member.credit.firstToken(firstAt - from)
        },
        ended({ outputTokens = 0 }: Extract<Piece, { type: 'end' }>) {
          over('')
          if (firstAt === undefined || outputTokens < 2) return
          each.observe({ backend }, (clock.monotonic() - firstAt) / 1_000 / (outputTokens - 1))
        },
        failed: (thrown: unknown) => over(toYizhanError(thrown).code),
      }
    },
  }
}

export type PoolMeters = ReturnType<typeof poolMeters>
