import type { TenantId } from '@yizhan/kernel'
import type { RequestPriority } from '../inference/port.js'

/** Classes in the order in which they are served. */
export const PRIORITIES = ['interactive', 'task', 'batch'] as const satisfies readonly RequestPriority[]

export interface Waiter {
  readonly tenant: TenantId
  readonly priority: RequestPriority
  /** At least 1, or a tenant would be served for nothing and never give way. */
  readonly estimatedTokens: number
  /** Monotonic time of its arrival, ms. */
  readonly since: number
}

export interface FairQueueConfig {
  /** A tenant's share of the whole beside the others'; 2 gets twice the tokens of 1. */
  readonly weightOf: (tenant: TenantId) => number
  /** Whoever of a lower class has waited this long is served now and then before the higher ones. */
  readonly agedMs: number
  /** All tenants in one line, first come, first served: to compare with. */
  readonly fifo?: boolean
}

/** One of so many services goes to who has aged, so a flood of them delays the higher classes by no more. */
const AGED_EVERY = 8

/**
 * Who is next: priority class, then the tenant that has been charged the fewest tokens, then first come. A tenant
 * that comes back starts level with the others, so that nobody saves up turns (virtual token counter, OSDI '24).
 */
export class FairQueue<W extends Waiter> {
  readonly #config: FairQueueConfig
  readonly #queues: Record<RequestPriority, Map<string, W[]>> = {
    interactive: new Map(),
    task: new Map(),
    batch: new Map(),
  }
  readonly #counters = new Map<string, number>()
  /** Requests of a line that wait. */
  readonly #waiting = new Map<string, number>()
  /** The line that was the last to have nobody waiting. */
  #lastLeft: string | undefined
  /** Served and not settled. */
  #inService = 0
  #length = 0
  #sinceAged = AGED_EVERY

  constructor(config: FairQueueConfig) {
    this.#config = config
  }

  get length(): number {
    return this.#length
  }

  lengthIn(priority: RequestPriority): number {
    let length = 0
    for (const queue of this.#queues[priority].values()) length += queue.length
    return length
  }

  /** Tokens between the most and the least charged of the lines that have somebody waiting. */
  get deficit(): number {
    let least = Number.POSITIVE_INFINITY
    let most = Number.NEGATIVE_INFINITY
    for (const line of this.#waiting.keys()) {
      const counter = this.#counter(line)
      least = Math.min(least, counter)
      most = Math.max(most, counter)
    }
    return this.#waiting.size === 0 ? 0 : most - least
  }

  push(waiter: W): void {
    const line = this.#lineOf(waiter.tenant)
    const waiting = this.#waiting.get(line) ?? 0
    if (waiting === 0) this.#lift(line)
    this.#waiting.set(line, waiting + 1)
    const queues = this.#queues[waiter.priority]
    const queue = queues.get(line)
    if (queue) queue.push(waiter)
    else queues.set(line, [waiter])
    this.#length++
  }

  /** Who is served next, at monotonic time `now`; it stays where it is. */
  next(now: number): W | undefined {
    const aged = this.#sinceAged >= AGED_EVERY ? this.#aged(now) : undefined
    if (aged) return aged
    for (const priority of PRIORITIES) {
      const line = this.#leastCharged(this.#queues[priority])
      if (line !== undefined) return this.#queues[priority].get(line)?.[0]
    }
    return undefined
  }

  /** Takes out the one that `next` gave and charges its estimate; `settle` has to follow. */
  serve(waiter: W): void {
    const highest = PRIORITIES.find((priority) => this.#queues[priority].size > 0)
    this.#sinceAged = waiter.priority === highest ? this.#sinceAged + 1 : 0
    this.#take(waiter)
    this.charge(waiter.tenant, waiter.estimatedTokens)
    this.#inService++
  }

  /** Takes out one that no longer waits; false if it is not there. */
  remove(waiter: W): boolean {
    if (!this.#take(waiter)) return false
    this.#forgetIfIdle()
    return true
  }

  /** Whoever is turned away when there are too many: the newest of the lowest class, of the line that is longest in it. */
  last(among: (waiter: W) => boolean = () => true): W | undefined {
    for (const priority of [...PRIORITIES].reverse()) {
      let last: W | undefined
      let longest = 0
      for (const queue of this.#queues[priority].values()) {
        const fitting = queue.filter(among)
        const newest = fitting.at(-1)
        if (!newest || fitting.length < longest) continue
        if (last && fitting.length === longest && newest.since < last.since) continue
        last = newest
        longest = fitting.length
      }
      if (last) return last
    }
    return undefined
  }

  charge(tenant: TenantId, tokens: number): void {
    const weight = this.#config.fifo ? 1 : Math.max(Number.EPSILON, this.#config.weightOf(tenant))
    const line = this.#lineOf(tenant)
    this.#counters.set(line, this.#counter(line) + tokens / weight)
  }

  /** The work of one that was served is done; `correction` is what it took beyond what was charged. */
  settle(tenant: TenantId, correction: number): void {
    this.charge(tenant, correction)
    this.#inService--
    this.#forgetIfIdle()
  }

  /** About how many are served before `waiter`, as things stand; 0 if it does not wait. */
  ahead(waiter: W): number {
    const line = this.#lineOf(waiter.tenant)
    const at = this.#queues[waiter.priority].get(line)?.indexOf(waiter) ?? -1
    if (at < 0) return 0
    let ahead = at
    for (const priority of PRIORITIES.slice(0, PRIORITIES.indexOf(waiter.priority))) {
      ahead += this.lengthIn(priority)
    }
    const mine = this.#counter(line)
    let earlier = true
    for (const [other, queue] of this.#queues[waiter.priority]) {
      if (other === line) {
        earlier = false
        continue
      }
      // The other tenants take turns with this one; who has been charged less begins, of equals who came first.
      const theirs = this.#counter(other)
      const begins = theirs < mine || (theirs === mine && earlier) ? 1 : 0
      ahead += Math.min(queue.length, at + begins)
    }
    return ahead
  }

  /** The one that has waited longest of those in lower classes who waited too long. */
  #aged(now: number): W | undefined {
    let oldest: W | undefined
    for (const priority of PRIORITIES.slice(1)) {
      for (const [first] of this.#queues[priority].values()) {
        if (first && now - first.since >= this.#config.agedMs && (!oldest || first.since < oldest.since)) {
          oldest = first
        }
      }
    }
    return oldest
  }

  #leastCharged(queues: ReadonlyMap<string, readonly W[]>): string | undefined {
    let least: string | undefined
    let charged = Number.POSITIVE_INFINITY
    // A Map keeps the order of insertion, so of equal tenants the one that came first is taken.
    for (const line of queues.keys()) {
      const counter = this.#counter(line)
      if (counter >= charged) continue
      least = line
      charged = counter
    }
    return least
  }

  #take(waiter: W): boolean {
    const line = this.#lineOf(waiter.tenant)
    const queues = this.#queues[waiter.priority]
    const queue = queues.get(line)
    const at = queue?.indexOf(waiter) ?? -1
    if (!queue || at < 0) return false
    queue.splice(at, 1)
    if (queue.length === 0) queues.delete(line)
    this.#length--
    const waiting = (this.#waiting.get(line) ?? 0) - 1
    if (waiting > 0) this.#waiting.set(line, waiting)
    else {
      this.#waiting.delete(line)
      this.#lastLeft = line
    }
    return true
  }

  /** Nobody saves up turns while having nothing to ask: who comes back is level with the least charged who waits. */
  #lift(line: string): void {
    let floor = Number.POSITIVE_INFINITY
    for (const other of this.#waiting.keys()) floor = Math.min(floor, this.#counter(other))
    if (floor === Number.POSITIVE_INFINITY)
      floor = this.#lastLeft === undefined ? 0 : this.#counter(this.#lastLeft)
    this.#counters.set(line, Math.max(this.#counter(line), floor))
  }

  #forgetIfIdle(): void {
    if (this.#inService > 0 || this.#length > 0) return
    // Nobody is here: whoever comes next starts level, so nothing needs to be remembered.
    this.#counters.clear()
    this.#lastLeft = undefined
  }

  #counter(line: string): number {
    return this.#counters.get(line) ?? 0
  }

  #lineOf(tenant: TenantId): string {
    return this.#config.fifo ? '' : tenant
  }
}
