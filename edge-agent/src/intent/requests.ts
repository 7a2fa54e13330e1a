import { type Clock, YizhanError } from '@yizhan/kernel'

type Kind = 'run' | 'load'

/** One answer that is waited for; `settle` is called once. */
interface Waiting {
  readonly kind: Kind
  readonly settle: (outcome: Outcome) => void
}

export type Outcome =
  | { readonly s: 'ran'; readonly probabilities: Float32Array }
  | { readonly s: 'loaded' }
  | { readonly s: 'failed'; readonly error: unknown }

/** The requests that the thread has not answered yet, each with a deadline. */
export class Requests {
  readonly #clock: Clock
  readonly #waiting = new Map<number, Waiting>()
  readonly #counts = { run: 0, load: 0 }
  #lastId = 0
  #onEmpty: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  count(kind: Kind): number {
    return this.#counts[kind]
  }

  /**
   * Sends a request and waits for its outcome. `signal` ends the wait with its reason; after `ms` it fails with
   * `deadline_exceeded` and `onLate` is called.
   */
  open(
    request: { kind: Kind; ms: number; signal?: AbortSignal; onLate: () => void },
    send: (id: number) => void,
  ): Promise<Outcome> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      const onAbort = () => this.settle(id, { s: 'failed', error: request.signal?.reason })
      const cancelTimer = this.#clock.after(request.ms, () => {
        const error = new YizhanError(
          'deadline_exceeded',
          `the intent thread gave no answer in ${request.ms} ms`,
        )
        this.settle(id, { s: 'failed', error })
        request.onLate()
      })
      request.signal?.addEventListener('abort', onAbort, { once: true })
      this.#counts[request.kind]++
      this.#waiting.set(id, {
        kind: request.kind,
        settle: (outcome) => {
          cancelTimer()
          request.signal?.removeEventListener('abort', onAbort)
          resolve(outcome)
        },
      })
      send(id)
    })
  }

  /** Answers of requests that nobody waits for any more are ignored. */
  settle(id: number, outcome: Outcome): void {
    const waiting = this.#waiting.get(id)
    if (!waiting) return
    this.#waiting.delete(id)
    this.#counts[waiting.kind]--
    waiting.settle(outcome)
    if (this.#waiting.size > 0) return
    for (const wake of this.#onEmpty.splice(0)) wake()
  }

  failAll(kind: Kind, error: unknown): void {
    for (const [id, waiting] of [...this.#waiting]) {
      if (waiting.kind === kind) this.settle(id, { s: 'failed', error })
    }
  }

  /** Resolves when nothing is waited for. */
  empty(): Promise<void> {
    return this.#waiting.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#onEmpty.push(resolve))
  }
}
