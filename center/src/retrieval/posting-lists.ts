/** BM25: how soon repeating a term stops to help, and how much a long passage is held back. */
export const K1 = 0.9
export const B = 0.6

/** Where one term occurs, as two lists side by side: objects would take four times the room. */
interface Postings {
  readonly entries: number[]
  readonly weights: number[]
}

/** Which terms which entries hold, and how long each entry is. Entries are numbers from 0, never given again. */
export class PostingLists {
  readonly #postings = new Map<string, Postings>()
  #lengths = new Float64Array(1024)
  #next = 0
  #live = 0
  #total = 0

  /** Entries that are there. */
  get size(): number {
    return this.#live
  }

  /** `length`: what the entry counts as when a long one is held back. Returns its number. */
  add(terms: ReadonlyMap<string, number>, length: number): number {
    const entry = this.#next++
    if (entry >= this.#lengths.length) {
      const larger = new Float64Array(this.#lengths.length * 2)
      larger.set(this.#lengths)
      this.#lengths = larger
    }
    this.#lengths[entry] = length
    this.#live++
    this.#total += length
    for (const [term, weight] of terms) {
      const known = this.#postings.get(term)
      if (known) {
        known.entries.push(entry)
        known.weights.push(weight)
      } else this.#postings.set(term, { entries: [entry], weights: [weight] })
    }
    return entry
  }

  /** `terms`: every term that one of these entries holds; each list is gone through once, however many they are. */
  delete(entries: ReadonlySet<number>, terms: Iterable<string>): void {
    for (const entry of entries) {
      this.#live--
      this.#total -= this.#lengths[entry] ?? 0
    }
    for (const term of terms) {
      const known = this.#postings.get(term)
      if (!known) continue
      const kept: Postings = { entries: [], weights: [] }
      for (const [at, entry] of known.entries.entries()) {
        if (entries.has(entry)) continue
        kept.entries.push(entry)
        kept.weights.push(known.weights[at] ?? 0)
      }
      if (kept.entries.length > 0) this.#postings.set(term, kept)
      else this.#postings.delete(term)
    }
  }

  /** Whether any entry holds the term. */
  has(term: string): boolean {
    return this.#postings.has(term)
  }

  /** How telling a term is here: large for a rare one, largest for one that occurs nowhere. */
  idf(term: string): number {
    const count = this.#postings.get(term)?.entries.length ?? 0
    return Math.log(1 + (this.#live - count + 0.5) / (count + 0.5))
  }

  /** BM25 of every entry that holds one of these terms, each weighed as asked. */
  gains(asked: ReadonlyMap<string, number>): Map<number, number> {
    const gains = new Float64Array(this.#next)
    const met: number[] = []
    const mean = this.#total / Math.max(1, this.#live) || 1
    for (const [term, share] of asked) {
      const known = this.#postings.get(term)
      if (!known) continue
      const weight = share * this.idf(term) * (K1 + 1)
      for (let at = 0; at < known.entries.length; at++) {
        const entry = known.entries[at] ?? 0
        const found = known.weights[at] ?? 0
        const length = (this.#lengths[entry] ?? 0) / mean
        if (gains[entry] === 0) met.push(entry)
        gains[entry] = (gains[entry] ?? 0) + (weight * found) / (found + K1 * (1 - B + B * length))
      }
    }
    return new Map(met.map((entry) => [entry, gains[entry] ?? 0]))
  }
}
