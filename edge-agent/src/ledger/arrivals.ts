import type { Clock } from '@yizhan/kernel'
import type { ChangeEntry, LedgerEntry } from './entries.js'
import type { AppendOptions } from './journal.js'

type Reception = Extract<LedgerEntry, { k: 'received' }>

export interface ArrivalsDeps {
  readonly clock: Pick<Clock, 'after'>
  readonly append: (entries: readonly LedgerEntry[], options: AppendOptions) => Promise<number>
  /** The reception is durable, at this position. */
  readonly received: (turnId: string, seq: number) => void
  /** It was not taken: there is no such turn. */
  readonly refused: (turnId: string) => void
}

interface Arrival {
  readonly reception: Reception
  readonly dedupe: AppendOptions['dedupe']
  /** Gives the position of the reception; undefined until somebody has it written. */
  writing: Promise<number> | undefined
  /** What its turn does before it records anything; undefined: nothing that anybody has told of. */
  awaited: Promise<unknown> | undefined
  resolve: (seq: number) => void
  reject: (error: unknown) => void
}

/** However long the model takes: its thread may hang, or be loading. */
const LONGEST_REST_MS = 20
/** So many may wait for it: what is not on disk is in memory. */
const MOST_RESTING = 64

/**
 * Receptions that are on their way to the journal. One waits until this pass of the event loop is over, or until what its turn
 * has asked is answered: what the turn records then goes into the same append, so that a question which the edge answers by
 * itself costs one sync and not two. They are appended in the order in which they came.
 */
export class Arrivals {
  readonly #deps: ArrivalsDeps
  readonly #arrivals = new Map<string, Arrival>()
  /** Those that nobody has had written, in the order in which they came. */
  readonly #held = new Set<string>()
  #resting = 0

  constructor(deps: ArrivalsDeps) {
    this.#deps = deps
  }

  /** Resolves with the reception's position once it is durable; rejects as the journal does. */
  add(reception: Reception, dedupe: AppendOptions['dedupe']): Promise<number> {
    const { id } = reception
    return new Promise((resolve, reject) => {
      const arrival: Arrival = { reception, dedupe, writing: undefined, awaited: undefined, resolve, reject }
      this.#arrivals.set(id, arrival)
      this.#held.add(id)
      setImmediate(() => this.#rest(arrival))
    })
  }

  /** A held reception may wait for `work`, after which its turn records something. Of any other this means nothing. */
  await(turnId: string, work: Promise<unknown>): void {
    const arrival = this.isHeld(turnId) ? this.#arrivals.get(turnId) : undefined
    if (arrival) arrival.awaited = work
  }

  /** Whether what the turn records now goes into one append with its reception. */
  isHeld(turnId: string): boolean {
    return this.#held.has(turnId)
  }

  /** Appends a held reception with what its turn has recorded. Gives the position of the reception. */
  with(turnId: string, entries: readonly ChangeEntry[]): Promise<number> {
    for (const earlier of this.#held) {
      if (earlier === turnId) break
      this.#append(earlier, [])
    }
    return this.#append(turnId, entries)
  }

  /** Appends it now, unless that is under way; undefined if the turn has long been received. */
  written(turnId: string): Promise<number> | undefined {
    const arrival = this.#arrivals.get(turnId)
    return arrival && (arrival.writing ?? this.with(turnId, []))
  }

  /** Resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#arrivals.keys()].map((turnId) => this.written(turnId)))
  }

  #rest({ reception: { id }, awaited }: Arrival): void {
    if (!this.isHeld(id)) return
    if (!awaited || this.#resting >= MOST_RESTING) return void this.written(id)
    this.#resting += 1
    let isOver = false
    const end = () => {
      if (isOver) return
      isOver = true
      cancel()
      this.#resting -= 1
      // The turn has had its say by then.
      setImmediate(() => this.written(id))
    }
    const cancel = this.#deps.clock.after(LONGEST_REST_MS, end)
    awaited.then(end, end)
  }

  #append(turnId: string, entries: readonly ChangeEntry[]): Promise<number> {
    const arrival = this.#arrivals.get(turnId)
    if (!arrival || !this.#held.delete(turnId)) throw new Error(`the reception of ${turnId} is not held`)
    arrival.writing = this.#write(arrival, entries)
    // Whoever brought the message is told by the promise of `add`.
    arrival.writing.catch(() => undefined)
    return arrival.writing
  }

  async #write(
    { reception, dedupe, resolve, reject }: Arrival,
    entries: readonly ChangeEntry[],
  ): Promise<number> {
    const { append, received, refused } = this.#deps
    try {
      const options = dedupe === undefined ? {} : { dedupe }
      const seq = await append([reception, ...entries], { ...options, intake: true })
      this.#arrivals.delete(reception.id)
      received(reception.id, seq)
      resolve(seq)
      return seq
    } catch (thrown) {
      this.#arrivals.delete(reception.id)
      refused(reception.id)
      reject(thrown)
      throw thrown
    }
  }
}
