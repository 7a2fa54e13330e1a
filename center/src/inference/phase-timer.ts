import { type Clock, YizhanError } from '@yizhan/kernel'

/**
 * Aborts a piece of work with `deadline_exceeded` (details.phase) when its present phase takes too long, or with the
 * caller's reason when the caller gives up.
 */
export class PhaseTimer {
  readonly #clock: Clock
  readonly #what: string
  readonly #outer: AbortSignal
  readonly #controller = new AbortController()
  readonly #onAbort: () => void
  #cancelPhase: () => void = () => undefined
  #cancelTotal: () => void = () => undefined

  constructor(clock: Clock, what: string, outer: AbortSignal) {
    this.#clock = clock
    this.#what = what
    this.#outer = outer
    this.#onAbort = () => this.#controller.abort(outer.reason)
  }

  /** Starts the total time; 0 = none. */
  start(totalMs: number): this {
    if (this.#outer.aborted) this.#onAbort()
    else this.#outer.addEventListener('abort', this.#onAbort, { once: true })
    if (totalMs > 0) this.#cancelTotal = this.#arm('total', totalMs)
    return this
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ends the phase before and starts this one. */
  enter(phase: string, ms: number): void {
    this.#cancelPhase()
    this.#cancelPhase = this.#arm(phase, ms)
  }

  /** Ends the phase; only the total time runs on. */
  rest(): void {
    this.#cancelPhase()
  }

  /** No phase runs out any more, and the caller's signal is let go. */
  stop(): void {
    this.#cancelPhase()
    this.#cancelTotal()
    this.#outer.removeEventListener('abort', this.#onAbort)
  }

  /** Aborts from inside, for example to close a connection whose rest nobody wants. */
  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  #arm(phase: string, ms: number): () => void {
    return this.#clock.after(ms, () =>
      this.#controller.abort(
        new YizhanError('deadline_exceeded', `${this.#what} took too long (${phase})`, {
          details: { phase, ms },
        }),
      ),
    )
  }
}
