export interface BackoffConfig {
  readonly baseMs: number
  readonly capMs: number
}

/** Waits between tries, with full jitter: anything from 0 to a ceiling that doubles up to the cap. Never gives up. */
export class Backoff {
  readonly #random: () => number
  readonly #config: BackoffConfig
  #failures = 0

  constructor(random: () => number, config: BackoffConfig) {
    this.#random = random
    this.#config = config
  }

  /** Tries that have failed since the last `reset`. */
  get failures(): number {
    return this.#failures
  }

  /** How long to wait now, in whole milliseconds. `spreadMs`: spread over at least this window. */
  next(spreadMs = 0): number {
    const { baseMs, capMs } = this.#config
    const ceiling = Math.max(spreadMs, Math.min(capMs, baseMs * 2 ** this.#failures))
    this.#failures += 1
    return Math.round(this.#random() * ceiling)
  }

  reset(): void {
    this.#failures = 0
  }
}
