import { type Clock, YizhanError } from '@yizhan/kernel'

interface Phase {
  readonly name: string
  readonly ms: number
  /** On the monotonic clock. */
  readonly due: number
}

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
  #phase: Phase | undefined
  /** When the timer of phases goes off next; it is left alone while the phases that follow end later. */
  #wakesAt = Number.POSITIVE_INFINITY
  #cancelWake: () => void = () => undefined
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
    if (totalMs > 0)
      this.#cancelTotal = this.#clock.after(totalMs, () => this.#tooLong({ name: 'total', ms: totalMs }))
    return this
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ends the phase before and starts this one. */
  enter(name: string, ms: number): void {
    const due = this.#clock.monotonic() + ms
    this.#phase = { name, ms, due }
    // A phase for each token: a timer for each would cost more than the token does.
    if (this.#wakesAt > due) this.#wake(due, ms)
  }

  /** Ends the phase; only the total time runs on. */
  rest(): void {
    this.#phase = undefined
  }

  /** No phase runs out any more, and the caller's signal is let go. */
  stop(): void {
    this.#phase = undefined
    this.#cancelWake()
    this.#cancelTotal()
    this.#outer.removeEventListener('abort', this.#onAbort)
  }

  /** Aborts from inside, for example to close a connection whose rest nobody wants. */
  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  #wake(due: number, ms: number): void {
    this.#cancelWake()
    this.#wakesAt = due
    this.#cancelWake = this.#clock.after(ms, () => {
      this.#wakesAt = Number.POSITIVE_INFINITY
      const phase = this.#phase
      if (!phase) return
      const leftMs = phase.due - this.#clock.monotonic()
      if (leftMs > 0) this.#wake(phase.due, leftMs)
      else this.#tooLong(phase)
    })
  }

  #tooLong({ name: phase, ms }: Omit<Phase, 'due'>): void {
    this.#controller.abort(
      new YizhanError('deadline_exceeded', `${this.#what} took too long (${phase})`, {
        details: { phase, ms },
      }),
    )
  }
}
