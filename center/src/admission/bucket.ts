import type { Clock } from '@yizhan/kernel'

const MINUTE = 60_000

/** So many a minute, all of them at once if none were used before; may be overdrawn by what is known only afterwards. */
export class Bucket {
  readonly #clock: Clock
  #perMinute: number
  #level: number
  #at: number

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock
    this.#perMinute = perMinute
    this.#level = perMinute
    this.#at = clock.monotonic()
  }

  /** The limit is another one from now on. */
  limit(perMinute: number): void {
    if (perMinute === this.#perMinute) return
    this.#refill()
    this.#level += perMinute - this.#perMinute
    this.#perMinute = perMinute
  }

  /** Ms until `amount` is there; 0 = now. More than the whole is there when it is full. */
  waitMs(amount: number): number {
    this.#refill()
    const missing = Math.min(amount, this.#perMinute) - this.#level
    return missing <= 0 ? 0 : Math.ceil((missing / this.#perMinute) * MINUTE)
  }

  take(amount: number): void {
    this.#refill()
    this.#level = Math.min(this.#perMinute, this.#level - amount)
  }

  get full(): boolean {
    this.#refill()
    return this.#level >= this.#perMinute
  }

  #refill(): void {
    const now = this.#clock.monotonic()
    this.#level = Math.min(this.#perMinute, this.#level + ((now - this.#at) / MINUTE) * this.#perMinute)
    this.#at = now
  }
}
