/** A bounded number of things that are lent one at a time, in the order of asking. */
export class Seats<T> {
  readonly #free: T[]
  readonly #waiting: { readonly take: (seat: T) => void }[] = []
  readonly #total: number

  constructor(seats: readonly T[]) {
    this.#free = [...seats]
    this.#total = seats.length
  }

  get taken(): number {
    return this.#total - this.#free.length
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const seat = this.#free.pop()
      if (seat !== undefined) {
        resolve(seat)
        return
      }
      const entry = {
        take: (given: T) => {
          signal.removeEventListener('abort', onAbort)
          resolve(given)
        },
      }
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(entry)
    })
  }

  give(seat: T): void {
    const next = this.#waiting.shift()
    if (next) next.take(seat)
    else this.#free.push(seat)
  }
}
