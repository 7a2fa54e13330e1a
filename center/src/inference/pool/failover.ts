import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { Backend, GenerateRequest, Piece } from '../port.js'
import { estimateTokens } from '../token-estimate.js'
import { type Member, restFor } from './member.js'
import type { PoolMeters } from './pool-meters.js'
import { runMember } from './run-member.js'
import type { Seat } from './seat.js'
import { Told } from './told.js'

export interface FailoverConfig {
  /** Further tries after a failure, in each channel. */
  readonly retries: number
  /** The first wait before a backend is tried again; doubled each time, with full jitter. */
  readonly retryBaseMs: number
  readonly retryMaxMs: number
}

interface FailoverDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly random: () => number
  readonly meters: PoolMeters
  /** Those that can answer the request. */
  readonly members: (seat: Seat) => readonly Member[]
  /** Sits down at one of these when one that is usable has room; false if none is usable any more. */
  readonly next: (seat: Seat, members: readonly Member[], signal: AbortSignal) => Promise<boolean>
}

/**
 * Runs a request to its end though backends fail. Another backend is preferred, the same one is tried again after a
 * back-off; primaries before backups, each channel with its own tries. What was told already is gone on with by a
 * backend that can, and superseded by one that cannot.
 */
export class Failover {
  readonly #deps: FailoverDeps
  readonly #config: FailoverConfig

  constructor(deps: FailoverDeps, config: FailoverConfig) {
    this.#deps = deps
    this.#config = config
  }

  /** `onStart` is told which backend is asked, before each try. Throws what the last one threw. */
  async *generate(
    seat: Seat,
    request: GenerateRequest,
    signal: AbortSignal,
    onStart: (backend: Backend) => void,
  ): AsyncGenerator<Piece> {
    const { clock, meters } = this.#deps
    const tries = new Tries(this.#deps, this.#config)
    const told = new Told()
    for (;;) {
      const { member } = seat
      if (!member) throw new YizhanError('internal', 'a request runs without a place')
      signal.throwIfAborted()
      const goesOn = !told.empty && told.canGoOn && member.backend.continues === true
      if (!told.empty) meters.failovers.inc({ how: goesOn ? 'continued' : 'superseded' })
      if (!told.empty && !goesOn) {
        told.clear()
        yield { type: 'superseded' }
      }
      onStart(member.backend)
      const order = goesOn ? { ...request, prefix: told.goOn() } : request
      try {
        for await (const piece of runMember({ clock, meters }, member, order, signal)) {
          if (piece.type === 'text' || piece.type === 'tool-calls') {
            seat.run?.succeed()
            if (piece.type === 'text') seat.wrote(estimateTokens(piece.text))
          }
          if (piece.type === 'end') {
            seat.run?.succeed()
            yield goesOn ? withPrefix(piece, told.prefixTokens) : piece
            return
          }
          told.take(piece)
          yield piece
        }
      } catch (thrown) {
        signal.throwIfAborted()
        const error = toYizhanError(thrown)
        this.#note(member, seat, error)
        seat.stand()
        await tries.next(seat, member, error, signal)
      }
    }
  }

  #note(member: Member, seat: Seat, error: YizhanError): void {
    const { log, meters } = this.#deps
    seat.run?.fail(error)
    meters.failures.inc({ backend: member.name, code: error.code })
    log.warn({ backend: member.name, err: error }, 'backend failed')
    if (error.code === 'overloaded' && error.retryable) member.credit.refused(member.inFlightTokens)
    member.rest(restFor(error))
  }
}

/** What one request has tried. */
class Tries {
  readonly #deps: FailoverDeps
  readonly #config: FailoverConfig
  readonly #tried = new Map<Member, { readonly count: number; readonly readyAt: number }>()
  /** This request does not ask them again. */
  readonly #refused = new Set<Member>()
  readonly #left: Record<'primary' | 'backup', number>

  constructor(deps: FailoverDeps, config: FailoverConfig) {
    this.#deps = deps
    this.#config = config
    this.#left = { primary: config.retries + 1, backup: config.retries + 1 }
  }

  /** Sits down elsewhere after `error` at `member`; throws `error` if there is nothing left to try. */
  async next(seat: Seat, member: Member, error: YizhanError, signal: AbortSignal): Promise<void> {
    const { clock, meters } = this.#deps
    this.#left[member.config.channel] -= 1
    this.#failed(seat, member, error)
    for (const channel of ['primary', 'backup'] as const) {
      while (this.#left[channel] > 0) {
        const candidates = this.#candidates(seat, channel)
        if (candidates.length === 0) break
        const waitMs = Math.max(0, ...candidates.map((one) => this.#readyAt(one) - clock.monotonic()))
        if (waitMs > 0) await clock.sleep(waitMs, signal)
        if (!(await this.#deps.next(seat, candidates, signal))) continue
        meters.retries.inc({ where: retryKind(member, seat.member) })
        return
      }
    }
    throw error
  }

  /** The usable ones of a channel that were tried least; of those that have to wait, the one that may begin first. */
  #candidates(seat: Seat, channel: 'primary' | 'backup'): Member[] {
    const usable = this.#deps
      .members(seat)
      .filter((one) => one.config.channel === channel && one.usable && !this.#refused.has(one))
    const least = Math.min(...usable.map((one) => this.#tried.get(one)?.count ?? 0))
    const fresh = usable.filter((one) => (this.#tried.get(one)?.count ?? 0) === least)
    if (least === 0) return fresh
    const [first] = [...fresh].sort((a, b) => this.#readyAt(a) - this.#readyAt(b))
    return first ? [first] : []
  }

  #others(seat: Seat, member: Member): boolean {
    return this.#deps.members(seat).some((one) => one !== member && one.usable && !this.#refused.has(one))
  }

  #readyAt(member: Member): number {
    return this.#tried.get(member)?.readyAt ?? 0
  }

  #failed(seat: Seat, member: Member, error: YizhanError): void {
    const count = this.#tried.get(member)?.count ?? 0
    const { retryBaseMs, retryMaxMs } = this.#config
    const asked = Number(error.details.retryAfterMs ?? 0)
    // Whoever waited for a hanging engine once is not made to wait for it again, if anybody else can answer.
    const hangs = error.code === 'deadline_exceeded' && this.#others(seat, member)
    if (!error.retryable || asked > retryMaxMs || hangs) {
      this.#refused.add(member)
      return
    }
    const backOff = this.#deps.random() * Math.min(retryMaxMs, retryBaseMs * 2 ** count)
    const readyAt = this.#deps.clock.monotonic() + Math.max(asked, backOff)
    this.#tried.set(member, { count: count + 1, readyAt })
  }
}

/** The engine that goes on counts only what it wrote itself. */
function withPrefix(end: Extract<Piece, { type: 'end' }>, tokens: number): Piece {
  return end.outputTokens === undefined ? end : { ...end, outputTokens: end.outputTokens + tokens }
}

function retryKind(before: Member, now: Member | undefined): 'same' | 'other' | 'backup' {
  if (now === before) return 'same'
  return now?.config.channel === 'backup' ? 'backup' : 'other'
}
