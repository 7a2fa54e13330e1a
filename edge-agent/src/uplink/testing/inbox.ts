/** For tests: values in the order in which they came; `next` waits for one that was not taken yet. */
export class Inbox<T> {
  readonly all: T[] = []
  #taken = 0
  readonly #waiting: ((value: T) => void)[] = []

  put(value: T): void {
    this.all.push(value)
    const waiting = this.#waiting.shift()
    if (!waiting) return
    this.#taken += 1
    waiting(value)
  }

  next(): Promise<T> {
    const value = this.all[this.#taken]
    if (value === undefined) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#taken += 1
    return Promise.resolve(value)
  }

  /** Takes values until one fits. */
  async first(fits: (value: T) => boolean): Promise<T> {
    for (;;) {
      const value = await this.next()
      if (fits(value)) return value
    }
  }
}
