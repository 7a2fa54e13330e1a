import { type Clock, type Logger, toYizhanError } from '@yizhan/kernel'
import type { SignedAnchor } from './anchor.js'
import type { AnchorBook } from './anchor-book.js'
import type { AnchorTarget } from './anchor-target.js'

const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 5 * 60_000

export interface DeliveryDeps {
  readonly target: AnchorTarget
  readonly book: AnchorBook
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: {
    pending(count: number): void
    lagSeconds(seconds: number): void
    failed(): void
  }
  /** 0 to 1. */
  readonly random: () => number
}

interface Waiting {
  readonly anchor: SignedAnchor
  /** Wall time since when the target lacks something of the tenant. */
  readonly since: number
}

/**
 * Brings anchors to one target: of each tenant only the newest waits, so that what waits is bounded by the number of
 * tenants. A target that fails is tried again after a second, then ever more rarely up to five minutes, with jitter.
 */
export class AnchorDelivery {
  readonly #deps: DeliveryDeps
  readonly #waiting = new Map<string, Waiting>()
  /** Ends the waits between attempts. */
  readonly #stopping = new AbortController()
  /** Ends an attempt under way. */
  readonly #cut = new AbortController()
  #working: Promise<void> | undefined
  #failures = 0

  constructor(deps: DeliveryDeps) {
    this.#deps = deps
  }

  offer(anchors: readonly SignedAnchor[], since?: number): void {
    for (const anchor of anchors) {
      const { tenant } = anchor
      const from = this.#waiting.get(tenant)?.since ?? since ?? Date.parse(anchor.time)
      this.#waiting.set(tenant, { anchor, since: from })
    }
    this.observe()
    if (this.#waiting.size > 0 && !this.#stopping.signal.aborted) this.#working ??= this.#work()
  }

  observe(): void {
    const { metrics, clock } = this.#deps
    let oldest = clock.wall()
    for (const { since } of this.#waiting.values()) oldest = Math.min(oldest, since)
    metrics.pending(this.#waiting.size)
    metrics.lagSeconds((clock.wall() - oldest) / 1_000)
  }

  /** Ends a wait for the next attempt, and makes a last attempt at what is left; `signal` cuts that short. */
  async stop(signal: AbortSignal): Promise<void> {
    const cut = () => this.#cut.abort(signal.reason)
    signal.addEventListener('abort', cut, { once: true })
    this.#stopping.abort()
    await this.#working
    if (this.#waiting.size > 0 && !signal.aborted) await this.#sendAll()
    signal.removeEventListener('abort', cut)
    await this.#deps.target.close()
  }

  async #work(): Promise<void> {
    const { clock, random } = this.#deps
    const { signal } = this.#stopping
    while (this.#waiting.size > 0 && !signal.aborted) {
      if (await this.#sendAll()) continue
      const most = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 20))
      await clock.sleep(most * (0.5 + random() / 2), signal).catch(() => undefined)
    }
    this.#working = undefined
  }

  /** Whether all that waited at the beginning has arrived. */
  async #sendAll(): Promise<boolean> {
    const { target, book, log, metrics } = this.#deps
    const all = [...this.#waiting.values()].map(({ anchor }) => anchor)
    for (let at = 0; at < all.length; at += target.maxBatch) {
      const batch = all.slice(at, at + target.maxBatch)
      try {
        await target.send(batch, this.#cut.signal)
        await book.delivered(target.id, batch)
      } catch (thrown) {
        this.#failures += 1
        metrics.failed()
        this.observe()
        const about = { err: toYizhanError(thrown), target: target.id, waiting: this.#waiting.size }
        log.warn({ ...about, failures: this.#failures }, 'audit anchors cannot be delivered')
        return false
      }
      for (const anchor of batch) {
        if (this.#waiting.get(anchor.tenant)?.anchor === anchor) this.#waiting.delete(anchor.tenant)
      }
      this.observe()
    }
    if (this.#failures > 0) log.info({ target: target.id }, 'audit anchors are delivered again')
    this.#failures = 0
    return true
  }
}
