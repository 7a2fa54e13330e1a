import type { ForwardedTurn } from './forwarded-turn.js'

/**
 * The line to the uplink: a tenant's turns in the order in which they were received, and the tenants by who has the
 * least there, so that ten thousand of one delay another by its share only. Several are prepared at once (their records
 * share an fsync), but they are handed over in order.
 */
export class SubmitLine {
  readonly #prepare: (one: ForwardedTurn) => Promise<void>
  readonly #submit: (one: ForwardedTurn) => void
  readonly #waiting = new Map<string, ForwardedTurn[]>()
  readonly #started = new Set<ForwardedTurn>()
  readonly #startedOf = new Map<string, number>()
  #length = 0
  #handing: Promise<void> = Promise.resolve()

  /** Neither may fail. */
  constructor(prepare: (one: ForwardedTurn) => Promise<void>, submit: (one: ForwardedTurn) => void) {
    this.#prepare = prepare
    this.#submit = submit
  }

  get length(): number {
    return this.#length
  }

  add(one: ForwardedTurn): void {
    const { tenant } = one.turn
    const waiting = this.#waiting.get(tenant) ?? []
    this.#waiting.set(tenant, waiting)
    let at = waiting.length
    while (at > 0 && seqOf(waiting[at - 1]) > one.turn.receivedSeq) at -= 1
    waiting.splice(at, 0, one)
    this.#length += 1
  }

  /** Hands turns over until `max` are with the uplink. */
  start(max: number): void {
    while (this.#started.size < max) {
      const one = this.#next()
      if (!one) return
      if (!one.isLive) continue
      this.#started.add(one)
      this.#count(one, 1)
      const prepared = this.#prepare(one)
      this.#handing = this.#handing.then(() => prepared).then(() => this.#submit(one))
    }
  }

  /** A turn is no longer with the uplink, nor in line. */
  left(one: ForwardedTurn): void {
    if (this.#started.delete(one)) this.#count(one, -1)
    const waiting = this.#waiting.get(one.turn.tenant) ?? []
    const at = waiting.indexOf(one)
    if (at >= 0) this.#take(waiting, at)
  }

  /** Of the tenant that has the least with the uplink; of several, who came first. */
  #next(): ForwardedTurn | undefined {
    let best: ForwardedTurn[] | undefined
    let least = Number.POSITIVE_INFINITY
    for (const [tenant, waiting] of this.#waiting) {
      const started = this.#startedOf.get(tenant) ?? 0
      const isFirst = started === least && seqOf(waiting[0]) < seqOf(best?.[0])
      if (started > least || (started === least && !isFirst)) continue
      best = waiting
      least = started
    }
    return best && this.#take(best, 0)
  }

  #take(waiting: ForwardedTurn[], at: number): ForwardedTurn | undefined {
    const [one] = waiting.splice(at, 1)
    if (one) this.#length -= 1
    if (one && waiting.length === 0) this.#waiting.delete(one.turn.tenant)
    return one
  }

  #count({ turn: { tenant } }: ForwardedTurn, by: number): void {
    const now = (this.#startedOf.get(tenant) ?? 0) + by
    if (now > 0) this.#startedOf.set(tenant, now)
    else this.#startedOf.delete(tenant)
  }
}

function seqOf(one: ForwardedTurn | undefined): number {
  return one?.turn.receivedSeq ?? 0
}
