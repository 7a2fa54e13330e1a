import { type Clock, YizhanError } from '@yizhan/kernel'
import { CircuitState, CountBreaker, circuitBreaker, handleWhen } from 'cockatiel'

export interface BreakerConfig {
  /** Runs that are looked back on. */
  readonly window: number
  /** Share of failures among them that opens it, once there are `minRuns`. */
  readonly threshold: number
  readonly minRuns: number
  /** How long the backend is then left alone. */
  readonly openMs: number
}

/** One run of a backend; the first verdict counts. */
export interface BreakerRun {
  succeed(): void
  fail(error: YizhanError): void
  /** It ended without saying anything of the backend. */
  drop(): void
}

export type BreakerState = 'closed' | 'open' | 'half-open'

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
}

/** Leaves a backend alone that fails too often, then tries it with one request. */
export class Breaker {
  readonly #clock: Clock
  readonly #policy: ReturnType<typeof circuitBreaker>
  #openUntil = 0
  #givenUp = false

  /** `onChange` is told of every new state. */
  constructor(clock: Clock, config: BreakerConfig, onChange: () => void) {
    this.#clock = clock
    this.#policy = circuitBreaker(
      handleWhen((thrown) => thrown instanceof YizhanError && counts(thrown)),
      {
        // When the trial is due says our own clock, in `ready`.
        halfOpenAfter: 0,
        breaker: new CountBreaker({
          size: config.window,
          threshold: config.threshold,
          minimumNumberOfCalls: config.minRuns,
        }),
      },
    )
    this.#policy.onBreak(() => {
      this.#openUntil = clock.monotonic() + (this.#givenUp ? 0 : config.openMs)
      this.#givenUp = false
    })
    this.#policy.onStateChange(onChange)
  }

  get state(): BreakerState {
    return STATES[this.#policy.state]
  }

  /** Whether a run may begin: not while it is open, nor while its trial runs. */
  get ready(): boolean {
    return this.waitMs === 0
  }

  /** Until the next run may begin; while a trial runs nobody knows. */
  get waitMs(): number {
    if (this.state === 'half-open') return Number.POSITIVE_INFINITY
    return this.state === 'closed' ? 0 : Math.max(0, this.#openUntil - this.#clock.monotonic())
  }

  begin(): BreakerRun {
    const begunAs: BreakerState = this.state
    let decide: ((error?: Error) => void) | undefined
    const verdict = new Promise<void>((resolve, reject) => {
      decide = (error) => (error ? reject(error) : resolve())
    })
    this.#policy.execute(() => verdict).catch(() => undefined)
    const settle = (error?: Error) => {
      decide?.(error)
      decide = undefined
    }
    return {
      succeed: () => settle(),
      fail: (error) => settle(error),
      drop: () => {
        if (!decide) return
        // A trial that nobody waited for proves nothing: the next request is the trial.
        this.#givenUp = begunAs === 'open' && this.state === 'half-open'
        settle(this.#givenUp ? GIVEN_UP : UNDECIDED)
      },
    }
  }
}

const UNDECIDED = new YizhanError('cancelled', 'the run ended without a verdict')
const GIVEN_UP = new YizhanError('backend_failed', 'the trial ended without a verdict')

/** Whether a failure speaks against the backend: 5xx, timeouts, resets; never what the request or the caller did. */
export function counts(error: YizhanError): boolean {
  const { status } = error.details
  if (typeof status === 'number' && status < 500) return false
  return error.code === 'deadline_exceeded' || (error.code === 'backend_failed' && error.retryable)
}
