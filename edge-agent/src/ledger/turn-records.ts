import type { Clock } from '@yizhan/kernel'
import { Arrivals } from './arrivals.js'
import { type ChangeEntry, type Cleared, encodeEntry, type LedgerEntry } from './entries.js'
import type { AppendOptions, Journal } from './journal.js'
import type { LedgerMetrics } from './ledger-metrics.js'
import type { Turn } from './turn.js'
import { applyEntry, type Page } from './turn-book.js'
import type { TurnPages } from './turn-pages.js'
import type { TurnQueue } from './turn-queue.js'

/**
 * How a change gets to disk: `fsync` is waited for, `written` is not synced for its own sake, `rides` goes along with
 * the next change of its turn that is written.
 */
export type Durability = 'fsync' | 'written' | 'rides'

type Reception = Extract<LedgerEntry, { k: 'received' }>
type Change<E> = E extends ChangeEntry ? Omit<E, 'id' | 'r' | 'n' | 'c'> : never
/** A change as its author gives it; the rest is the record's. */
export type NewChange = Change<ChangeEntry>

export interface TurnRecordsDeps {
  readonly journal: Pick<Journal, 'append'>
  readonly clock: Pick<Clock, 'after'>
  readonly metrics: LedgerMetrics
  readonly pages: TurnPages
  readonly queue: TurnQueue
}

/** Entries behind a page, with the page after them. */
export interface Written {
  readonly entries: readonly ChangeEntry[]
  readonly page: Page
}

/** Writes changes of turns to the journal and keeps the pages as it has them. To be called within the turn's queue. */
export class TurnRecords {
  readonly #deps: TurnRecordsDeps
  readonly #riding = new Map<string, ChangeEntry[]>()
  readonly #arrivals: Arrivals

  constructor(deps: TurnRecordsDeps) {
    this.#deps = deps
    this.#arrivals = new Arrivals({
      clock: deps.clock,
      append: (entries, options) => this.append(entries, options),
      received: (turnId, seq) => this.#received(turnId, seq),
      refused: (turnId) => {
        this.#riding.delete(turnId)
        deps.pages.drop(turnId)
      },
    })
  }

  /**
   * A turn that has just come: there at once, with the next position of the journal as a lower bound of its own. Resolves
   * when it is durable; if it is refused there is no such turn any more, and this rejects.
   */
  async arrive(page: Page, reception: Reception, dedupe: AppendOptions['dedupe']): Promise<Turn> {
    this.#deps.pages.keep(page)
    await this.#arrivals.add(reception, dedupe)
    return this.#deps.pages.need(reception.id).turn
  }

  /** The turn once its reception is durable, as it is then. Rejects as `arrive` does. */
  async durable(turnId: string): Promise<Turn> {
    await this.#arrivals.written(turnId)
    return this.#deps.pages.need(turnId).turn
  }

  /** Has a reception that is not written yet wait for `work`. */
  awaiting<T>(turnId: string, work: Promise<T>): Promise<T> {
    this.#arrivals.await(turnId, work)
    return work
  }

  /** What is not written yet of a turn. */
  riding(turnId: string): readonly ChangeEntry[] {
    return this.#riding.get(turnId) ?? []
  }

  /** From now on the turn may leave this edge. What it was routed by goes along, if that is not written yet. */
  clear(turnId: string): void {
    const page = this.#deps.pages.get(turnId)
    if (!page || page.cleared !== undefined) return
    const riding = this.riding(turnId)
    const last = riding.at(-1)
    const rides = last?.k === 'state'
    if (rides) this.#riding.set(turnId, [...riding.slice(0, -1), { ...last, c: 1 }])
    this.#deps.pages.keep({ ...page, cleared: rides ? 'written' : 'noted' })
  }

  async record(turnId: string, change: NewChange, durability: Durability): Promise<Turn> {
    const arrives = this.#arrivals.isHeld(turnId)
    const arriving = arrives || durability === 'rides' ? undefined : this.#arrivals.written(turnId)
    if (arriving) await arriving
    const page = this.#deps.pages.need(turnId)
    const { entries, page: next } = continued(page, [change])
    if (durability === 'rides') {
      this.#riding.set(turnId, [...this.riding(turnId), ...entries])
      this.#deps.pages.keep(next)
      return next.turn
    }
    const all = [...this.riding(turnId), ...entries]
    if (arrives) {
      for (const entry of all) placed(entry, -entry.n)
      const receivedSeq = await this.#arrivals.with(turnId, all)
      const received: Page = { ...next, turn: { ...next.turn, receivedSeq } }
      this.written(received, receivedSeq + all.length)
      return received.turn
    }
    const first = await this.append(all, { lazy: durability === 'written' })
    this.written(next, first + all.length - 1)
    return next.turn
  }

  /** Appends in one batch; `written` is to be told of each turn in it. */
  append(entries: readonly LedgerEntry[], options: AppendOptions): Promise<number> {
    const { journal, metrics } = this.#deps
    return metrics.timed(() => journal.append(entries.map(encodeEntry), options))
  }

  /** A page whose entries, those that rode with them included, are in the journal now, the last one at `lastSeq`. */
  written(page: Page, lastSeq: number): void {
    this.#riding.delete(page.turn.id)
    this.#deps.pages.keep({ ...page, lastSeq })
  }

  /** Writes what rides, so that it does not wait for a next change that never comes. */
  async writeRiding(): Promise<void> {
    const { journal, queue } = this.#deps
    await this.#arrivals.settled()
    await Promise.all(
      [...this.#riding.keys()].map((turnId) =>
        queue.run(turnId, async () => {
          const entries = this.#riding.get(turnId)
          if (!entries) return
          await journal.append(entries.map(encodeEntry), { lazy: true })
          this.#riding.delete(turnId)
        }),
      ),
    )
  }

  /** What rides knows now where its turn was received. */
  #received(turnId: string, receivedSeq: number): void {
    const { pages } = this.#deps
    const page = pages.need(turnId)
    for (const entry of this.riding(turnId)) placed(entry, receivedSeq)
    pages.keep({ ...page, turn: { ...page.turn, receivedSeq }, lastSeq: receivedSeq })
  }
}

/** Says where the turn of an entry that is not written yet was received. */
function placed(entry: ChangeEntry, r: number): void {
  Object.assign(entry, { r })
}

/** The entries that changes become after `page`, and the page after them. A turn whose `receivedSeq` is 0 is received with them. */
export function continued(page: Page, changes: readonly NewChange[]): Written {
  const { id, receivedSeq } = page.turn
  let now = page
  const entries = changes.map((change, i) => {
    const r = receivedSeq > 0 ? receivedSeq : -(i + 1)
    // Assigned: spreading values of many shapes takes several times as long, and this is done seven times a turn.
    const entry: ChangeEntry = Object.assign({ id, r, n: now.n }, change, clearance(now, change))
    now = applyEntry(now, entry, now.lastSeq, now.age)
    return entry
  })
  return { entries, page: now }
}

/** The first state says it, since it goes with the message; what comes before that stays here. */
function clearance({ cleared }: Page, { k }: NewChange): { c: Cleared } | undefined {
  if (cleared === 'written') return { c: 2 }
  return cleared === 'noted' && k === 'state' ? { c: 1 } : undefined
}
