import type { Clock } from '@yizhan/kernel'
import type { EdgeLedger } from '../../ledger/index.js'
import type { ForwardedTurn } from './forwarded-turn.js'

const MAX_SWEEP_MS = 60_000

export interface ExpiryDeps {
  readonly ledger: Pick<EdgeLedger, 'waitedMs'>
  readonly clock: Clock
  /** Those that may wait. */
  readonly live: Iterable<ForwardedTurn>
}

/** How long turns may wait for the center; looked at ten times in that while, once a minute at least. */
export class Expiry {
  readonly #deps: ExpiryDeps
  readonly #waitingTtlMs: number
  #cancel: () => void = () => undefined

  constructor(deps: ExpiryDeps, waitingTtlMs: number) {
    this.#deps = deps
    this.#waitingTtlMs = waitingTtlMs
  }

  /** Calls `expire` for each turn with a ticket that has waited too long, from now on. */
  start(isLinked: () => boolean, expire: (one: ForwardedTurn) => void): void {
    const every = Math.min(MAX_SWEEP_MS, Math.max(1, this.#waitingTtlMs / 10))
    this.#cancel = this.#deps.clock.after(every, () => {
      for (const one of this.#deps.live) {
        if (one.isLive && one.ticket !== undefined && this.isOver(one, isLinked())) expire(one)
      }
      this.start(isLinked, expire)
    })
  }

  stop(): void {
    this.#cancel()
  }

  isOver(one: ForwardedTurn, isLinked: boolean): boolean {
    const waited = this.#deps.ledger.waitedMs(one.turn.id)
    // An answer that has begun to come in may end, but not never.
    const comesIn = isLinked && one.phase.s === 'submitted' && one.text !== ''
    return waited >= (comesIn ? 2 * this.#waitingTtlMs : this.#waitingTtlMs)
  }
}
