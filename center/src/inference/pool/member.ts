import type { Clock, YizhanError } from '@yizhan/kernel'
import type { AdmissionRequest, Backend } from '../port.js'
import { Breaker, type BreakerConfig, type BreakerRun, type BreakerState } from './breaker.js'
import { Credit } from './credit.js'

export interface MemberConfig {
  /** The backup answers only while no primary can be used. */
  readonly channel: 'primary' | 'backup'
  /** Tokens that it gets beside the others of its channel. */
  readonly weight: number
  /** Share of conversations, 0 to 1, that try it out; 0 = it is no canary. */
  readonly canary: number
  /** Requests that run there at once. */
  readonly maxRunning: number
  /** Tokens in flight there; without it they are learned. */
  readonly creditTokens?: number
  /** From the request to the first text; and from one to the next. */
  readonly firstTokenMs: number
  readonly betweenTokensMs: number
}

export const MEMBER_DEFAULTS: MemberConfig = {
  channel: 'primary',
  weight: 1,
  canary: 0,
  maxRunning: 256,
  firstTokenMs: 120_000,
  betweenTokensMs: 60_000,
}

export interface MemberState {
  readonly name: string
  readonly model: string
  readonly channel: MemberConfig['channel']
  readonly breaker: BreakerState
  /** Its latest probe succeeded. */
  readonly alive: boolean
  readonly draining: boolean
  readonly running: number
  readonly inFlightTokens: number
  readonly creditTokens: number
  /** Until it is asked again after it said to wait; 0 = now. */
  readonly restMs: number
}

/** A backend in the pool: what runs there, and whether more may. */
export class Member {
  readonly backend: Backend
  readonly config: MemberConfig
  readonly credit: Credit
  readonly #breaker: Breaker
  readonly #clock: Clock
  draining = false
  alive = true
  #running = 0
  #tokens = 0
  #restUntil = 0

  constructor(
    deps: { readonly backend: Backend; readonly clock: Clock; readonly onBreaker: (member: Member) => void },
    config: MemberConfig,
    breaker: BreakerConfig,
  ) {
    this.backend = deps.backend
    this.config = config
    this.#clock = deps.clock
    this.#breaker = new Breaker(deps.clock, breaker, () => deps.onBreaker(this))
    this.credit = new Credit(config.creditTokens === undefined ? {} : { tokens: config.creditTokens })
  }

  get name(): string {
    return this.backend.name
  }

  /** Tokens in flight, as this one's weight makes them comparable. */
  get load(): number {
    return this.#tokens / this.config.weight
  }

  get running(): number {
    return this.#running
  }

  get inFlightTokens(): number {
    return this.#tokens
  }

  /** It would take a request if it had room. */
  get usable(): boolean {
    return !this.draining && this.alive && this.#restMs === 0 && this.#breaker.ready
  }

  /** Whether its engine can answer this request at all. */
  fits({ fits }: AdmissionRequest): boolean {
    return fits?.(this.backend) ?? true
  }

  /** When it may be usable again, in ms; infinite if that needs a probe, a trial under way or a person. */
  get backInMs(): number {
    if (this.draining || !this.alive) return Number.POSITIVE_INFINITY
    return Math.max(this.#restMs, this.#breaker.waitMs)
  }

  /** A request that is larger than the whole credit goes alone, or it would never go. */
  hasRoom(tokens: number): boolean {
    if (this.#running >= this.config.maxRunning) return false
    return this.#running === 0 || this.#tokens + tokens <= this.credit.tokens
  }

  hold(tokens: number): BreakerRun {
    this.#running += 1
    this.#tokens += tokens
    return this.#breaker.begin()
  }

  grow(tokens: number): void {
    this.#tokens += tokens
  }

  free(tokens: number): void {
    this.#running -= 1
    this.#tokens -= tokens
  }

  /** Asks it nothing for a while. */
  rest(ms: number): void {
    this.#restUntil = Math.max(this.#restUntil, this.#clock.monotonic() + ms)
  }

  get #restMs(): number {
    return Math.max(0, this.#restUntil - this.#clock.monotonic())
  }

  get state(): MemberState {
    return {
      name: this.name,
      model: this.backend.model,
      channel: this.config.channel,
      breaker: this.#breaker.state,
      alive: this.alive,
      draining: this.draining,
      running: this.#running,
      inFlightTokens: this.#tokens,
      creditTokens: this.credit.tokens,
      restMs: Math.round(this.#restMs),
    }
  }
}

/** How long a backend that said so is left alone, at most. */
export const MAX_REST_MS = 60_000
/** One whose money ran out is asked again so often, in case somebody paid. */
export const QUOTA_REST_MS = 60_000

/** What a failure means for the other requests of the backend, beside its breaker. */
export function restFor(error: YizhanError): number {
  if (error.code !== 'overloaded') return 0
  if (!error.retryable) return QUOTA_REST_MS
  const asked = Number(error.details.retryAfterMs ?? 0)
  return Math.min(MAX_REST_MS, asked)
}
