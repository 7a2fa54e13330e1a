/** Work of one conversation that waits or runs; in order. */
export interface Lane<T> {
  readonly key: string
  readonly tenant: string
  readonly queue: T[]
  /** A turn of this conversation runs: the next one waits. */
  busy: boolean
}

/**
 * Who is next: lanes that could run now, by tenant, tenants in turn. A tenant with a thousand busy conversations gets
 * the same share of starts as one with two. Lanes vanish when they are empty.
 */
export class LaneSchedule<T> {
  readonly #lanes = new Map<string, Lane<T>>()
  /** The first tenant is the next to get a start. */
  readonly #ready = new Map<string, Lane<T>[]>()
  readonly #waitingByTenant = new Map<string, number>()
  readonly #orderOf: (item: T) => number
  readonly #bytesOf: (item: T) => number
  #waiting = 0
  #waitingBytes = 0

  /**
   * `orderOf`: the place of an item in its lane; one that comes late stands before those with a higher one. `bytesOf`:
   * what it takes while it waits, always the same.
   */
  constructor(orderOf: (item: T) => number, bytesOf: (item: T) => number) {
    this.#orderOf = orderOf
    this.#bytesOf = bytesOf
  }

  get lanes(): number {
    return this.#lanes.size
  }

  waiting(tenant?: string): number {
    return tenant === undefined ? this.#waiting : (this.#waitingByTenant.get(tenant) ?? 0)
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  add(tenant: string, key: string, item: T): void {
    const known = this.#lanes.get(key)
    const lane = known ?? { key, tenant, queue: [], busy: false }
    if (!known) this.#lanes.set(key, lane)
    let at = lane.queue.length
    while (at > 0 && this.#orderOf(lane.queue[at - 1] as T) > this.#orderOf(item)) at -= 1
    lane.queue.splice(at, 0, item)
    this.#count(tenant, item, 1)
    if (!lane.busy && lane.queue.length === 1) this.#makeReady(lane)
  }

  /** The next item to start; its lane is busy until `free`. */
  next(): { readonly lane: Lane<T>; readonly item: T } | undefined {
    for (const [tenant, ready] of this.#ready) {
      const lane = ready.shift()
      this.#ready.delete(tenant)
      if (ready.length > 0) this.#ready.set(tenant, ready)
      const item = lane?.queue.shift()
      if (!lane || item === undefined) continue
      lane.busy = true
      this.#count(tenant, item, -1)
      return { lane, item }
    }
    return undefined
  }

  free(lane: Lane<T>): void {
    lane.busy = false
    if (lane.queue.length > 0) this.#makeReady(lane)
    else this.#lanes.delete(lane.key)
  }

  /** Takes a waiting item out; undefined if none fits. */
  remove(key: string, fits: (item: T) => boolean): T | undefined {
    const lane = this.#lanes.get(key)
    const at = lane?.queue.findIndex(fits) ?? -1
    if (!lane || at < 0) return undefined
    const [item] = lane.queue.splice(at, 1)
    if (item !== undefined) this.#count(lane.tenant, item, -1)
    if (lane.queue.length === 0 && !lane.busy) {
      this.#lanes.delete(key)
      const ready = this.#ready.get(lane.tenant)
      ready?.splice(ready.indexOf(lane), 1)
    }
    return item
  }

  #makeReady(lane: Lane<T>): void {
    const ready = this.#ready.get(lane.tenant)
    if (ready) ready.push(lane)
    else this.#ready.set(lane.tenant, [lane])
  }

  #count(tenant: string, item: T, by: number): void {
    this.#waiting += by
    this.#waitingBytes += by * this.#bytesOf(item)
    const now = (this.#waitingByTenant.get(tenant) ?? 0) + by
    if (now > 0) this.#waitingByTenant.set(tenant, now)
    else this.#waitingByTenant.delete(tenant)
  }
}
