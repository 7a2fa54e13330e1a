import type { Clock } from '@yizhan/kernel'

export interface KeptConfig {
  /** How long a request is kept after its end. */
  readonly keepMs: number
  /** Text of all requests together, in bytes; above, the oldest that ended are dropped. */
  readonly maxBytes: number
}

/** What can be kept: its text, and how to let it go. */
export interface Keepable {
  /** Bytes of text that it holds now. */
  bytes(): number
  /** Whether somebody reads it. */
  attached(): boolean
  /** Called when it is dropped for room or for its age. */
  dropped(): void
}

/** What a request costs beside its text. */
const OVERHEAD_BYTES = 1_024

/** Bounds what the book holds: every request counts, and only those that ended can be dropped. */
export class KeptRequests<R extends Keepable> {
  readonly #clock: Clock
  readonly #config: KeptConfig
  readonly #sizes = new Map<R, number>()
  /** In the order of their end, with what cancels their time-out. */
  readonly #failed = new Map<R, () => void>()
  readonly #ended = new Map<R, () => void>()
  #bytes = 0

  constructor(clock: Clock, config: KeptConfig) {
    this.#clock = clock
    this.#config = config
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Requests that ended and are kept. */
  get count(): number {
    return this.#failed.size + this.#ended.size
  }

  /** The request is new or its text has changed. */
  measure(request: R): void {
    const size = OVERHEAD_BYTES + request.bytes()
    this.#bytes += size - (this.#sizes.get(request) ?? 0)
    this.#sizes.set(request, size)
    this.#makeRoom()
  }

  /** The request is over; from now on its time runs. A failed one is dropped sooner: it holds nothing but a number. */
  over(request: R, outcome: 'ended' | 'failed'): void {
    this.#revive(request)
    const cancel = this.#clock.after(this.#config.keepMs, () => {
      // Somebody still reads it, slowly: it gets another term.
      if (request.attached()) this.over(request, outcome)
      else this.#drop(request)
    })
    const kept = outcome === 'failed' ? this.#failed : this.#ended
    kept.set(request, cancel)
    this.measure(request)
  }

  /** Counts the request no more. */
  forget(request: R): void {
    this.#revive(request)
    this.#bytes -= this.#sizes.get(request) ?? 0
    this.#sizes.delete(request)
  }

  #revive(request: R): void {
    for (const kept of [this.#failed, this.#ended]) {
      kept.get(request)?.()
      kept.delete(request)
    }
  }

  #makeRoom(): void {
    while (this.#bytes > this.#config.maxBytes) {
      const oldest = this.#oldest()
      if (!oldest) return
      this.#drop(oldest)
    }
  }

  /** Failed before ended; what nobody reads before what somebody reads. */
  #oldest(): R | undefined {
    const kept = [this.#failed, this.#ended]
    for (const requests of kept) {
      for (const request of requests.keys()) if (!request.attached()) return request
    }
    return kept.flatMap((requests) => [...requests.keys()])[0]
  }

  #drop(request: R): void {
    this.forget(request)
    request.dropped()
  }
}
