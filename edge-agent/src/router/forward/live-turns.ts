import type { WaitingTicket } from '../../channels/port.js'
import { compareQueued, messageBytes } from '../../intake/index.js'
import type { Turn } from '../../ledger/index.js'
import type { ForwardedTurn } from './forwarded-turn.js'

/** The turns that are on their way to the center and back. */
export class LiveTurns implements Iterable<ForwardedTurn> {
  readonly #turns = new Map<string, ForwardedTurn>()
  readonly #perTenant = new Map<string, number>()
  readonly #ticketed = new Set<ForwardedTurn>()
  /** Those whose end is not decided, in the order in which they are served. */
  readonly #line: ForwardedTurn[] = []
  readonly #listeners = new Set<() => void>()
  #bytes = 0

  /** Called when a ticket has come, has ended, or may have another place. */
  onTickets(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  /** Tells who listens to tickets to look again. */
  moved(): void {
    for (const listener of this.#listeners) listener()
  }

  get size(): number {
    return this.#turns.size
  }

  /** About how many bytes their messages take. */
  get bytes(): number {
    return this.#bytes
  }

  ofTenant(tenant: string): number {
    return this.#perTenant.get(tenant) ?? 0
  }

  /** How many have a ticket and still wait. */
  get tickets(): number {
    return this.#ticketed.size
  }

  get(turnId: string): ForwardedTurn | undefined {
    return this.#turns.get(turnId)
  }

  add(one: ForwardedTurn): void {
    this.#turns.set(one.turn.id, one)
    this.#bytes += messageBytes(one.turn.message)
    this.#perTenant.set(one.turn.tenant, this.ofTenant(one.turn.tenant) + 1)
    this.#line.splice(this.#indexOf(one), 0, one)
    if (one.ticket !== undefined) this.giveTicket(one, one.ticket)
  }

  giveTicket(one: ForwardedTurn, ticket: string): void {
    one.ticket = ticket
    this.#ticketed.add(one)
    this.moved()
  }

  /** Its end is decided: it waits no longer. */
  endOf(one: ForwardedTurn): void {
    const at = this.#indexOf(one)
    if (this.#line[at] !== one) return
    this.#line.splice(at, 1)
    const tickets = this.tickets
    this.#ticketed.delete(one)
    if (tickets > 0) this.moved()
  }

  delete(one: ForwardedTurn): void {
    this.endOf(one)
    if (!this.#turns.delete(one.turn.id)) return
    this.#bytes -= messageBytes(one.turn.message)
    const left = this.ofTenant(one.turn.tenant) - 1
    if (left > 0) this.#perTenant.set(one.turn.tenant, left)
    else this.#perTenant.delete(one.turn.tenant)
  }

  /** From 1: how many that still wait are served no later. */
  placeOf(one: ForwardedTurn): number {
    return this.#indexOf(one) + 1
  }

  /** Those with a ticket, in the order in which they are served. */
  withTicket(fits: (turn: Turn) => boolean): WaitingTicket[] {
    if (this.#ticketed.size === 0) return []
    return this.#line.flatMap(({ turn, ticket }, index) =>
      ticket !== undefined && fits(turn) ? [{ turn, ticket, place: index + 1 }] : [],
    )
  }

  /** Where it stands in the line, or would. */
  #indexOf({ turn }: ForwardedTurn): number {
    let from = 0
    let to = this.#line.length
    while (from < to) {
      const middle = (from + to) >> 1
      const there = this.#line[middle]?.turn
      if (there && compareQueued(there, turn) < 0) from = middle + 1
      else to = middle
    }
    return from
  }

  [Symbol.iterator](): Iterator<ForwardedTurn> {
    return this.#turns.values()
  }
}
