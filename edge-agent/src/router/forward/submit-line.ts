import { classOf, compareQueued } from '../../intake/index.js'
import type { ForwardedTurn } from './forwarded-turn.js'

/**
 * The line to the uplink: who waits in person before tasks and batches, a tenant's turns of a class in the order in which
 * they were received, and the tenants by who has the least there, so that ten thousand of one delay another by its share
 * only. Several are prepared at once (their records
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
    while (at > 0 && isBefore(one, waiting[at - 1])) at -= 1
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

  /** Of the highest class that waits, of the tenant that has the least with the uplink; of several, who came first. */
  #next(): ForwardedTurn | undefined {
    let best: ForwardedTurn[] | undefined
    let bestRank: Rank | undefined
    for (const [tenant, waiting] of this.#waiting) {
      const [first] = waiting
      if (!first) continue
      const { message, receivedSeq } = first.turn
      const rank = [classOf(message), this.#startedOf.get(tenant) ?? 0, receivedSeq] as const
      if (bestRank && compareRanks(bestRank, rank) <= 0) continue
      best = waiting
      bestRank = rank
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

type Rank = readonly [priority: number, started: number, receivedSeq: number]

function compareRanks(a: Rank, b: Rank): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

function isBefore(one: ForwardedTurn, other: ForwardedTurn | undefined): boolean {
  return other !== undefined && compareQueued(one.turn, other.turn) < 0
}
