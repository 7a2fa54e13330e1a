/** Where the tickets of one chat stand, by turn; the edge tells of it whenever one moves. */
export class TicketBook {
  /** A place in the line, or 'gone' out of it: it is being answered. */
  #places = new Map()
  #cancelling = new Set()

  /** Takes what the edge tells; gives those of the `open` notices that stand elsewhere now. */
  take({ tickets }, open) {
    const told = new Map((tickets ?? []).map(({ turnId, place }) => [turnId, place]))
    return open.filter(({ turnId }) => {
      const place = told.get(turnId) ?? 'gone'
      const moved = this.#places.get(turnId) !== place
      this.#places.set(turnId, place)
      return moved
    })
  }

  /** A piece of its answer has come; false if that is no news. */
  begins(turnId) {
    if (this.#places.get(turnId) === 'gone') return false
    this.#places.set(turnId, 'gone')
    return true
  }

  cancelling(turnId) {
    this.#cancelling.add(turnId)
  }

  /** For `ticketOf`; `final` is the reply that ended the turn, if it has ended. */
  stateOf({ turnId, place }, final) {
    if (final) return { s: 'ended', finish: final.finish }
    const now = this.#places.get(turnId) ?? place
    const cancelling = this.#cancelling.has(turnId)
    return now === 'gone' ? { s: 'running', cancelling } : { s: 'waiting', place: now, cancelling }
  }
}
