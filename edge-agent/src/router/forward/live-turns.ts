import type { Turn } from '../../ledger/index.js'
import type { ForwardedTurn } from './forwarded-turn.js'

/** The turns that are on their way to the center and back. */
export class LiveTurns implements Iterable<ForwardedTurn> {
  readonly #turns = new Map<string, ForwardedTurn>()
  readonly #perTenant = new Map<string, number>()
  readonly #ticketed = new Set<ForwardedTurn>()

  get size(): number {
    return this.#turns.size
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
    this.#perTenant.set(one.turn.tenant, this.ofTenant(one.turn.tenant) + 1)
    if (one.ticket !== undefined) this.#ticketed.add(one)
  }

  giveTicket(one: ForwardedTurn, ticket: string): void {
    one.ticket = ticket
    this.#ticketed.add(one)
  }

  /** Its end is decided: it waits no longer. */
  endOf(one: ForwardedTurn): void {
    this.#ticketed.delete(one)
  }

  delete(one: ForwardedTurn): void {
    this.endOf(one)
    if (!this.#turns.delete(one.turn.id)) return
    const left = this.ofTenant(one.turn.tenant) - 1
    if (left > 0) this.#perTenant.set(one.turn.tenant, left)
    else this.#perTenant.delete(one.turn.tenant)
  }

  /** From 1: how many that still wait came no later. */
  placeOf(one: ForwardedTurn): number {
    let place = 1
    for (const other of this) {
      if (other.isLive && other.turn.receivedSeq < one.turn.receivedSeq) place += 1
    }
    return place
  }

  /** Those with a ticket, in the order in which they came. */
  withTicket(fits: (turn: Turn) => boolean): { readonly ticket: string; readonly place: number }[] {
    return [...this.#ticketed]
      .filter((one) => fits(one.turn))
      .sort((a, b) => a.turn.receivedSeq - b.turn.receivedSeq)
      .map((one) => ({ ticket: one.ticket ?? '', place: this.placeOf(one) }))
  }

  [Symbol.iterator](): Iterator<ForwardedTurn> {
    return this.#turns.values()
  }
}
