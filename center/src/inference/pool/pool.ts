import { type Clock, type Logger, type Metrics, YizhanError } from '@yizhan/kernel'
import type { AdmissionRequest, Backend, Capacity, Place } from '../port.js'
import type { BreakerConfig } from './breaker.js'
import { type Ask, choose } from './choose.js'
import { Conversations } from './conversations.js'
import { Failover, type FailoverConfig } from './failover.js'
import { MEMBER_DEFAULTS, Member, type MemberConfig, type MemberState } from './member.js'
import { type PoolMeters, poolMeters } from './pool-meters.js'
import { Seat } from './seat.js'

export interface PoolConfig extends FailoverConfig {
  /** Requests that run at once, on all backends together. */
  readonly maxRunning: number
  readonly breaker: BreakerConfig
}

export const POOL_DEFAULTS: PoolConfig = {
  maxRunning: 1_024,
  retries: 3,
  retryBaseMs: 200,
  retryMaxMs: 5_000,
  breaker: { window: 20, threshold: 0.5, minRuns: 5, openMs: 10_000 },
}

export interface PoolBackend {
  readonly backend: Backend
  readonly config?: Partial<MemberConfig>
}

/** How much the latest answer's length moves what is expected of the next. */
const SMOOTHING = 0.05
const FIRST_EXPECTED_TOKENS = 128

/**
 * The backends as one: a request gets room at the one with the fewest tokens in flight, or at the one that had its
 * conversation; who finds no room waits in admission's queue. The backup channel is asked while no primary can be used.
 */
export class Pool implements Capacity {
  readonly members: readonly Member[]
  readonly #clock: Clock
  readonly #config: PoolConfig
  readonly #conversations: Conversations
  readonly #failover: Failover
  readonly #meters: PoolMeters
  /** Who looks for another backend in the middle of a request; served before those who wait outside. */
  readonly #moving = new Set<() => boolean>()
  #running = 0
  #expectedTokens = FIRST_EXPECTED_TOKENS
  #onRoom: () => void = () => undefined
  #cancelWake: () => void = () => undefined

  constructor(
    deps: {
      readonly backends: readonly PoolBackend[]
      readonly clock: Clock
      readonly log: Logger
      readonly metrics: Metrics
      /** 0 ≤ n < 1, for jitter and canaries; default Math.random. */
      readonly random?: () => number
    },
    config: Partial<PoolConfig> = {},
  ) {
    const { clock, log, random = Math.random } = deps
    this.#clock = clock
    this.#config = { ...POOL_DEFAULTS, ...config }
    this.#meters = poolMeters({ metrics: deps.metrics, clock }, () => this.members)
    this.#conversations = new Conversations(random)
    const onBreaker = (member: Member) => {
      const { breaker, name } = member.state
      log.warn({ backend: name, breaker }, 'breaker of a backend')
      this.changed()
    }
    this.members = deps.backends.map(
      ({ backend, config: own }) =>
        new Member({ backend, clock, onBreaker }, { ...MEMBER_DEFAULTS, ...own }, this.#config.breaker),
    )
    this.#failover = new Failover(
      {
        clock,
        log,
        random,
        meters: this.#meters,
        members: (seat) => this.members.filter((member) => member.fits(seat.request)),
        next: (...args) => this.#next(...args),
      },
      this.#config,
    )
  }

  take(request: AdmissionRequest): Place | undefined {
    const usable = this.#usable(request)
    if (usable.length === 0) throw this.#down()
    if (this.#running >= this.#config.maxRunning || this.#moving.size > 0) return undefined
    const tokens = Math.max(1, request.estimatedTokens) + this.#expectedTokens
    const member = choose(usable, this.#ask(request, tokens))
    if (!member) {
      for (const one of usable) one.credit.heldUp()
      return undefined
    }
    this.#running += 1
    const seat = new Seat(request, tokens, {
      freed: () => this.changed(),
      left: (written) => {
        this.#running -= 1
        if (written > 0) this.#expectedTokens += SMOOTHING * (written - this.#expectedTokens)
        this.changed()
      },
    })
    seat.sit(member)
    this.#conversations.remember(request, member)
    return {
      generate: (order, signal, onStart) => this.#failover.generate(seat, order, signal, onStart),
      release: () => seat.leave(),
    }
  }

  onRoom(fn: () => void): void {
    this.#onRoom = fn
  }

  state(): MemberState[] {
    return this.members.map(({ state }) => state)
  }

  /** Gives a backend nothing new (what runs there goes on), or takes that back. Throws `not_found`. */
  drain(name: string, draining: boolean): MemberState {
    const member = this.members.find((one) => one.name === name)
    if (!member) throw new YizhanError('not_found', `no backend is named ${name}`)
    member.draining = draining
    this.changed()
    return member.state
  }

  /** Room, or who may be used, has changed: who waits is asked again. */
  changed(): void {
    for (const move of this.#moving) if (move()) this.#moving.delete(move)
    this.#onRoom()
    this.#wakeLater()
  }

  stop(): void {
    this.#cancelWake()
  }

  /** Of the primaries, or if none can be used of the backups. */
  #usable(request: AdmissionRequest): Member[] {
    const usable = this.members.filter((member) => member.usable && member.fits(request))
    const primary = usable.filter(({ config }) => config.channel === 'primary')
    return primary.length > 0 ? primary : usable
  }

  #ask(request: AdmissionRequest, tokens: number): Ask {
    const before = this.#conversations.member(request)
    return { tokens, before, lot: this.#conversations.lot(request) }
  }

  /** Moves the seat to one of `members` as soon as one that is usable has room; false if none is usable any more. */
  #next(seat: Seat, members: readonly Member[], signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const move = () => {
        const usable = members.filter((member) => member.usable)
        const member = usable.length === 0 ? undefined : choose(usable, this.#ask(seat.request, seat.tokens))
        if (usable.length > 0 && !member) return false
        signal.removeEventListener('abort', onAbort)
        if (member) {
          seat.sit(member)
          this.#conversations.remember(seat.request, member)
        }
        resolve(member !== undefined)
        return true
      }
      const onAbort = () => {
        this.#moving.delete(move)
        reject(signal.reason)
        this.changed()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      if (!move()) this.#moving.add(move)
    })
  }

  #down(): YizhanError {
    const waitMs = Math.min(...this.members.map(({ backInMs }) => backInMs))
    const retryAfterMs = Number.isFinite(waitMs) ? Math.max(1_000, Math.ceil(waitMs)) : 10_000
    return new YizhanError('unavailable', 'no backend can be used', { details: { retryAfterMs } })
  }

  /** A backend that rests comes back by time alone, so somebody has to look. */
  #wakeLater(): void {
    this.#cancelWake()
    const waits = this.members.map(({ backInMs }) => backInMs).filter((ms) => ms > 0 && Number.isFinite(ms))
    this.#cancelWake =
      waits.length === 0 ? () => undefined : this.#clock.after(Math.min(...waits), () => this.changed())
  }
}
