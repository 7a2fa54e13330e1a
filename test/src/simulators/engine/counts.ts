/** What the stub has seen since it started or was reset. */
export class StubCounts {
  /** Requests for answers and embeddings. */
  requests = 0
  /** Answers being made now, those waiting for a slot not among them. */
  running = 0
  waiting = 0
  /** Written to the end. */
  completed = 0
  /** Given up by the client, before the first piece and after it. */
  cancelledBeforeFirst = 0
  cancelledAfterFirst = 0
  /** Answers that went on although their client had gone. */
  ignored = 0
  /** Answers that ended as their fault says. */
  faulted = 0
  /** Pieces written. */
  tokens = 0
  /** Prompt and written tokens of the running answers. */
  inFlightTokens = 0
  readonly #waiters: { readonly holds: () => boolean; readonly tell: () => void }[] = []

  get cancelled(): number {
    return this.cancelledBeforeFirst + this.cancelledAfterFirst
  }

  /** The numbers by name, for the control endpoint. */
  toJSON(): Record<string, number> {
    return { ...numbersOf(this), cancelled: this.cancelled }
  }

  /** Forgets what was counted; what runs now goes on counting. */
  reset(): void {
    const { running, waiting, inFlightTokens } = this
    Object.assign(this, numbersOf(new StubCounts()), { running, waiting, inFlightTokens })
  }

  /** Resolves once the count of this name is `value` or more; `running` and `waiting`: exactly. */
  reaches(name: string, value: number): Promise<void> {
    const exact = name === 'running' || name === 'waiting'
    const holds = () => {
      const now = this.toJSON()[name]
      if (now === undefined) throw new RangeError(`the stub does not count ${name}`)
      return exact ? now === value : now >= value
    }
    return new Promise((tell) => {
      if (holds()) tell()
      else this.#waiters.push({ holds, tell })
    })
  }

  /** To be called after a change. */
  changed(): void {
    if (this.#waiters.length === 0) return
    const left = this.#waiters.filter(({ holds, tell }) => {
      if (!holds()) return true
      tell()
      return false
    })
    this.#waiters.splice(0, this.#waiters.length, ...left)
  }
}

function numbersOf(counts: StubCounts): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  )
}
