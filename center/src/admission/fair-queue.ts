import type { TenantId } from '@yizhan/kernel'
import type { RequestPriority } from '../inference/port.js'

/** Classes in the order in which they are served; a lower one waits as long as a higher one has anything. */
export const PRIORITIES = ['interactive', 'task', 'batch'] as const satisfies readonly RequestPriority[]

export interface Waiter {
  readonly tenant: TenantId
  readonly priority: RequestPriority
  /** At least 1, or a tenant would be served for nothing and never give way. */
  readonly estimatedTokens: number
}

/**
 * Who is next: priority class, then the tenant that has been charged the fewest tokens, then first come. A tenant
 * that was idle starts level with the others, so that nobody saves up turns (virtual token counter, OSDI '24).
 */
export class FairQueue<W extends Waiter> {
  readonly #weightOf: (tenant: TenantId) => number
  readonly #queues: Record<RequestPriority, Map<TenantId, W[]>> = {
    interactive: new Map(),
    task: new Map(),
    batch: new Map(),
  }
  readonly #counters = new Map<TenantId, number>()
  /** Queued plus charged and not yet settled. */
  readonly #active = new Map<TenantId, number>()
  #length = 0

  /** `weightOf`: a tenant's share of the whole beside the others'; 2 gets twice the tokens of 1. */
  constructor(weightOf: (tenant: TenantId) => number) {
    this.#weightOf = weightOf
  }

  get length(): number {
    return this.#length
  }

  lengthOf(tenant: TenantId): number {
    return PRIORITIES.reduce((sum, priority) => sum + (this.#queues[priority].get(tenant)?.length ?? 0), 0)
  }

  lengthIn(priority: RequestPriority): number {
    let length = 0
    for (const queue of this.#queues[priority].values()) length += queue.length
    return length
  }

  push(waiter: W): void {
    this.#enliven(waiter.tenant)
    const queues = this.#queues[waiter.priority]
    const queue = queues.get(waiter.tenant)
    if (queue) queue.push(waiter)
    else queues.set(waiter.tenant, [waiter])
    this.#length++
  }

  /** Takes out the next one and charges its estimate; `settle` has to follow. */
  shift(): W | undefined {
    for (const priority of PRIORITIES) {
      const tenant = this.#leastCharged(this.#queues[priority])
      const next = tenant === undefined ? undefined : this.#queues[priority].get(tenant)?.[0]
      if (!next) continue
      this.#take(next)
      this.#charge(next.tenant, next.estimatedTokens)
      return next
    }
    return undefined
  }

  /** Takes out one that no longer waits; false if it is not there. */
  remove(waiter: W): boolean {
    if (!this.#take(waiter)) return false
    this.#quieten(waiter.tenant)
    return true
  }

  /** The work is done and took `actualTokens`: the charge is corrected. */
  settle(waiter: W, actualTokens: number): void {
    this.#charge(waiter.tenant, actualTokens - waiter.estimatedTokens)
    this.#quieten(waiter.tenant)
  }

  /** About how many are served before `waiter`, as things stand; 0 if it does not wait. */
  ahead(waiter: W): number {
    const own = this.#queues[waiter.priority].get(waiter.tenant)
    const at = own?.indexOf(waiter) ?? -1
    if (at < 0) return 0
    let ahead = at
    for (const priority of PRIORITIES.slice(0, PRIORITIES.indexOf(waiter.priority))) {
      ahead += this.lengthIn(priority)
    }
    const mine = this.#counters.get(waiter.tenant) ?? 0
    let earlier = true
    for (const [tenant, queue] of this.#queues[waiter.priority]) {
      if (tenant === waiter.tenant) {
        earlier = false
        continue
      }
      // The other tenants take turns with this one; who has been charged less begins, of equals who came first.
      const theirs = this.#counters.get(tenant) ?? 0
      const begins = theirs < mine || (theirs === mine && earlier) ? 1 : 0
      ahead += Math.min(queue.length, at + begins)
    }
    return ahead
  }

  #leastCharged(queues: ReadonlyMap<TenantId, readonly W[]>): TenantId | undefined {
    let least: TenantId | undefined
    let charged = Number.POSITIVE_INFINITY
    // A Map keeps the order of insertion, so of equal tenants the one that came first is taken.
    for (const tenant of queues.keys()) {
      const counter = this.#counters.get(tenant) ?? 0
      if (counter >= charged) continue
      least = tenant
      charged = counter
    }
    return least
  }

  #take(waiter: W): boolean {
    const queues = this.#queues[waiter.priority]
    const queue = queues.get(waiter.tenant)
    const at = queue?.indexOf(waiter) ?? -1
    if (!queue || at < 0) return false
    queue.splice(at, 1)
    if (queue.length === 0) queues.delete(waiter.tenant)
    this.#length--
    return true
  }

  #charge(tenant: TenantId, tokens: number): void {
    const weight = Math.max(Number.EPSILON, this.#weightOf(tenant))
    this.#counters.set(tenant, (this.#counters.get(tenant) ?? 0) + tokens / weight)
  }

  #enliven(tenant: TenantId): void {
    const active = this.#active.get(tenant) ?? 0
    if (active === 0) {
      let floor = Number.POSITIVE_INFINITY
      for (const other of this.#active.keys()) floor = Math.min(floor, this.#counters.get(other) ?? 0)
      const level = floor === Number.POSITIVE_INFINITY ? 0 : floor
      this.#counters.set(tenant, Math.max(this.#counters.get(tenant) ?? 0, level))
    }
    this.#active.set(tenant, active + 1)
  }

  #quieten(tenant: TenantId): void {
    const active = (this.#active.get(tenant) ?? 0) - 1
    if (active > 0) this.#active.set(tenant, active)
    else this.#active.delete(tenant)
    if (this.#active.size > 0) return
    // Nobody is here: whoever comes next starts level, so nothing needs to be remembered.
    this.#counters.clear()
  }
}
