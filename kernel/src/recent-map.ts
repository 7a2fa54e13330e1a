export interface Weighed<V> {
  /** What all values weigh together at most; the last one that was set stays in any case. */
  readonly most: number
  readonly weightOf: (value: V) => number
}

/** A map of at most `max` entries, and not too heavy; the one that was not used for longest goes first. */
export class RecentMap<V> {
  readonly #max: number
  readonly #weighed: Weighed<V>
  readonly #entries = new Map<string, V>()
  #weight = 0

  constructor(max: number, weighed: Weighed<V> = { most: 0, weightOf: () => 0 }) {
    this.#max = max
    this.#weighed = weighed
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }

  set(key: string, value: V): void {
    this.delete(key)
    this.#entries.set(key, value)
    this.#weight += this.#weighed.weightOf(value)
    for (const oldest of this.#entries.keys()) {
      if (!this.#isTooMuch() || oldest === key) break
      this.delete(oldest)
    }
  }

  /** Does not count as a use. */
  has(key: string): boolean {
    return this.#entries.has(key)
  }

  delete(key: string): void {
    const value = this.#entries.get(key)
    if (value !== undefined) this.#weight -= this.#weighed.weightOf(value)
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
    this.#weight = 0
  }

  /** As they are now. */
  keys(): string[] {
    return [...this.#entries.keys()]
  }

  get size(): number {
    return this.#entries.size
  }

  #isTooMuch(): boolean {
    return this.#entries.size > this.#max || this.#weight > this.#weighed.most
  }
}
