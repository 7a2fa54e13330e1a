/** Runs the changes of one turn one after the other, those of different turns side by side. */
export class TurnQueue {
  readonly #tails = new Map<string, Promise<void>>()

  run<T>(turnId: string, change: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(turnId) ?? Promise.resolve()).then(change)
    const tail = result.then(
      () => undefined,
      () => undefined,
    )
    this.#tails.set(turnId, tail)
    void tail.then(() => {
      if (this.#tails.get(turnId) === tail) this.#tails.delete(turnId)
    })
    return result
  }

  /** Resolves when what was given to it by now has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#tails.values())
  }
}
