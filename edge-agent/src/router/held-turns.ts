import type { Turn } from '../ledger/index.js'

interface Group {
  readonly turns: Map<string, Turn>
  /** The one notice was given, or is being given. */
  asked: boolean
}

/** The turns that wait for their sender's consent, by person. */
export class HeldTurns {
  readonly #groups = new Map<string, Group>()
  #size = 0

  get size(): number {
    return this.#size
  }

  countOf(person: string): number {
    return this.#groups.get(person)?.turns.size ?? 0
  }

  has(person: string, turnId: string): boolean {
    return this.#groups.get(person)?.turns.has(turnId) === true
  }

  add(person: string, turn: Turn): void {
    const group = this.#groups.get(person) ?? { turns: new Map(), asked: false }
    this.#groups.set(person, group)
    if (!group.turns.has(turn.id)) this.#size += 1
    group.turns.set(turn.id, turn)
    group.asked ||= turn.notice !== undefined
  }

  /** True for the one turn of a person that has to ask. */
  asks(person: string): boolean {
    const group = this.#groups.get(person)
    if (!group || group.asked) return false
    group.asked = true
    return true
  }

  /** The notice could not be given: the next turn asks. */
  unasked(person: string): void {
    const group = this.#groups.get(person)
    if (group) group.asked = false
  }

  delete(person: string, turnId: string): boolean {
    const group = this.#groups.get(person)
    if (!group?.turns.delete(turnId)) return false
    this.#size -= 1
    if (group.turns.size === 0) this.#groups.delete(person)
    return true
  }

  /** All of a person, which are held no longer, in the order in which they came. */
  take(person: string): Turn[] {
    const group = this.#groups.get(person)
    if (!group) return []
    this.#groups.delete(person)
    this.#size -= group.turns.size
    return [...group.turns.values()].sort((a, b) => a.receivedSeq - b.receivedSeq)
  }

  [Symbol.iterator](): Iterator<{ readonly person: string; readonly turn: Turn }> {
    const all = [...this.#groups].flatMap(([person, { turns }]) =>
      [...turns.values()].map((turn) => ({ person, turn })),
    )
    return all[Symbol.iterator]()
  }
}
