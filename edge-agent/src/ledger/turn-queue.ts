/** Runs the changes of one turn one after the other, those of different turns side by side. */
export class TurnQueue {
  readonly #tails = new Map<string, Promise<void>>()

  run<T>(turnId: string, change: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(turnId) ?? Promise.resolve()
    const result = before.then(change)
    const settled = () => {
      if (this.#tails.get(turnId) === tail) this.#tails.delete(turnId)
    }
    const tail = result.then(settled, settled)
    this.#tails.set(turnId, tail)
    return result
  }

  /** Resolves when what was given to it by now has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#tails.values())
  }
}
