import type { Clock } from '@yizhan/kernel'

interface Holder {
  readonly identity: string
  live: number
  /** Monotonic milliseconds of the last use. */
  usedAt: number
}

/**
 * Who may use which client id: the one who holds a connection under it, or held one within `keepMs`. A broker that
 * lets another identity take an id over also hands it what was meant for the first. Bounded by `max`: past it the id
 * that was unused for longest is free early; one in use never is.
 */
export class ClientIds {
  readonly #clock: Clock
  readonly #keepMs: number
  readonly #max: number
  /** In the order of last use. */
  readonly #holders = new Map<string, Holder>()

  constructor({ clock }: { clock: Clock }, { keepMs, max }: { keepMs: number; max: number }) {
    this.#clock = clock
    this.#keepMs = keepMs
    this.#max = max
  }

  /** False if the id belongs to another identity. Each claim is ended by one `release`. */
  claim(clientId: string, identity: string): boolean {
    const now = this.#clock.monotonic()
    const holder = this.#holders.get(clientId)
    if (holder && holder.identity !== identity && (holder.live > 0 || now - holder.usedAt < this.#keepMs)) {
      return false
    }
    const live = holder?.identity === identity ? holder.live + 1 : 1
    this.#holders.delete(clientId)
    this.#holders.set(clientId, { identity, live, usedAt: now })
    this.#trim(now)
    return true
  }

  release(clientId: string): void {
    const holder = this.#holders.get(clientId)
    if (!holder) return
    holder.live = Math.max(0, holder.live - 1)
    holder.usedAt = this.#clock.monotonic()
    this.#holders.delete(clientId)
    this.#holders.set(clientId, holder)
  }

  get size(): number {
    return this.#holders.size
  }

  #trim(now: number): void {
    for (const [clientId, holder] of this.#holders) {
      const stale = now - holder.usedAt >= this.#keepMs
      if (!stale && this.#holders.size <= this.#max) return
      if (holder.live === 0) this.#holders.delete(clientId)
    }
  }
}
