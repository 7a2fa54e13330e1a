import { YizhanError } from '@yizhan/kernel'
import type { Turn } from './turn.js'
import { isSettled, type Page } from './turn-book.js'

/** The turns in memory: all that are open, in the order in which they were received, and the last that are settled. */
export class TurnPages {
  readonly #open = new Map<string, Page>()
  readonly #settled = new Map<string, Page>()
  readonly #recent: number
  readonly #onOpen: (open: number) => void

  /** `recent`: settled turns kept. `onOpen` is told how many are open. */
  constructor(recent: number, onOpen: (open: number) => void) {
    this.#recent = recent
    this.#onOpen = onOpen
  }

  get(turnId: string): Page | undefined {
    return this.#open.get(turnId) ?? this.#settled.get(turnId)
  }

  /** Throws `not_found`. */
  need(turnId: string): Page {
    const page = this.get(turnId)
    if (page) return page
    throw notFound(turnId)
  }

  open(): Page[] {
    return [...this.#open.values()]
  }

  oldestOpen(): Page | undefined {
    const [oldest] = this.#open.values()
    return oldest
  }

  /** Of all that are in memory. */
  find(fits: (turn: Turn) => boolean): Turn | undefined {
    for (const pages of [this.#open, this.#settled]) {
      for (const { turn } of pages.values()) if (fits(turn)) return turn
    }
    return undefined
  }

  /** Newest first. */
  recent(limit: number): Turn[] {
    return [...this.#open.values(), ...this.#settled.values()]
      .map(({ turn }) => turn)
      .sort((a, b) => b.receivedSeq - a.receivedSeq)
      .slice(0, limit)
  }

  keep(page: Page): void {
    const { id } = page.turn
    if (!isSettled(page.turn)) {
      this.#settled.delete(id)
      this.#open.set(id, page)
    } else {
      this.#open.delete(id)
      this.#remember(page)
    }
    this.#onOpen(this.#open.size)
  }

  /** It was refused after all. */
  drop(turnId: string): void {
    this.#open.delete(turnId)
    this.#settled.delete(turnId)
    this.#onOpen(this.#open.size)
  }

  /** Counts a turn as settled that is not by itself. */
  giveUpOn(turnId: string): void {
    const page = this.#open.get(turnId)
    if (page && this.#open.delete(turnId)) this.#remember(page)
  }

  #remember(page: Page): void {
    this.#settled.set(page.turn.id, page)
    for (const oldest of this.#settled.keys()) {
      if (this.#settled.size <= this.#recent) break
      this.#settled.delete(oldest)
    }
  }
}

export function notFound(turnId: string): YizhanError {
  return new YizhanError('not_found', `there is no turn ${turnId}`, { details: { turnId } })
}
