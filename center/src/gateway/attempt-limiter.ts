import type { Clock } from '@yizhan/kernel'

const MAX_KEYS = 4_096

/** At most `perMinute` attempts of one key in any fixed minute. Knows up to 4,096 keys; then the oldest are forgotten. */
export class AttemptLimiter {
  readonly #clock: Clock
  readonly #perMinute: number
  readonly #windows = new Map<string, { readonly endsAt: number; count: number }>()

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock
    this.#perMinute = perMinute
  }

  /** Counts an attempt. 0 = go ahead; else how many milliseconds to wait. */
  attempt(key: string): number {
    const now = this.#clock.monotonic()
    const window = this.#windows.get(key)
    if (window && window.endsAt > now) {
      window.count += 1
      return window.count > this.#perMinute ? window.endsAt - now : 0
    }
    this.#windows.delete(key)
    this.#windows.set(key, { endsAt: now + 60_000, count: 1 })
    for (const oldest of this.#windows.keys()) {
      if (this.#windows.size <= MAX_KEYS) break
      this.#windows.delete(oldest)
    }
    return 0
  }
}
