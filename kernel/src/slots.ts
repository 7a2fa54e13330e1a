/*
 * Containers for what comes and goes by the hundred a second. A Map or Set of V8 takes a new table every few changes, and the
 * old one points to it; listeners that were on one AbortSignal together point to each other. Where one of these has grown
 * old, what follows is kept alive by it although it is dead, with all that it reaches, until the whole heap is collected:
 * collections of the young generation copy everything (measured: thirteen times as long), and the whole heap is gone
 * through every few seconds. What lies in the slots of an array is reached by nothing once it has left.
 */

/** Things under way, each from `enter` to `leave`, in no order. */
export class InFlight<T> implements Iterable<T> {
  readonly #slots: (T | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#slots.length - this.#free.length
  }

  /** Gives the number that `leave` takes. */
  enter(item: T): number {
    const slot = this.#free.pop() ?? this.#slots.length
    this.#slots[slot] = item
    return slot
  }

  /** Once for each `enter`. */
  leave(slot: number): void {
    this.#slots[slot] = undefined
    this.#free.push(slot)
  }

  /** Those that are there when it comes by. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let slot = 0; slot < this.#slots.length; slot++) {
      const item = this.#slots[slot]
      if (item !== undefined) yield item
    }
  }
}

/** A Map whose values come and go; keys in the order in which they came. A value is never undefined. */
export class SlotMap<K extends string | number, V> implements Iterable<[K, V]> {
  readonly #slotOf = new Map<K, number>()
  readonly #values: (V | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#slotOf.size
  }

  get(key: K): V | undefined {
    const slot = this.#slotOf.get(key)
    return slot === undefined ? undefined : this.#values[slot]
  }

  has(key: K): boolean {
    return this.#slotOf.has(key)
  }

  set(key: K, value: V): this {
    let slot = this.#slotOf.get(key)
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.#values.length
      this.#slotOf.set(key, slot)
    }
    this.#values[slot] = value
    return this
  }

  /** Whether it was there. */
  delete(key: K): boolean {
    const slot = this.#slotOf.get(key)
    if (slot === undefined) return false
    this.#slotOf.delete(key)
    this.#values[slot] = undefined
    this.#free.push(slot)
    return true
  }

  clear(): void {
    this.#slotOf.clear()
    this.#values.length = 0
    this.#free.length = 0
  }

  keys(): IterableIterator<K> {
    return this.#slotOf.keys()
  }

  *values(): IterableIterator<V> {
    for (const slot of this.#slotOf.values()) yield this.#values[slot] as V
  }

  /** What goes or comes meanwhile: as in a Map. */
  *[Symbol.iterator](): IterableIterator<[K, V]> {
    for (const [key, slot] of this.#slotOf) yield [key, this.#values[slot] as V]
  }
}
