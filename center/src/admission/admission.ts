import { type Clock, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { Admission, AdmissionRequest, Capacity, Lease, Place } from '../inference/port.js'
import { estimateTokens } from '../inference/token-estimate.js'
import type { AdmissionMeters } from './admission-meters.js'
import { FairQueue, type FairQueueConfig, type Waiter } from './fair-queue.js'
import type { QuotaHold, Quotas } from './quotas.js'

export interface AdmissionConfig extends FairQueueConfig {
  /** Requests that wait at most; of more, the newest of the lowest class is turned away. */
  readonly maxQueued: number
  /** The same for one tenant. */
  readonly maxQueuedPerTenant: number
  /** A request that has waited this long is given up. */
  readonly queueTtlMs: number
}

export interface AdmissionDeps {
  readonly capacity: Capacity
  readonly quotas: Pick<Quotas, 'admit'>
  readonly clock: Clock
  readonly meters: AdmissionMeters
}

interface Waiting extends Waiter {
  readonly request: AdmissionRequest
  readonly hold: QuotaHold
  grant(place: Place): void
  turnAway(error: YizhanError): void
}

const MIN_RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000
/** How much the latest request moves the mean time between two that end. */
const SMOOTHING = 0.1

/** Lets requests run within their quotas, in fair order, as far as the engines have room; the rest waits here, bounded. */
export function createAdmission(deps: AdmissionDeps, config: AdmissionConfig): Admission {
  return new FairAdmission(deps, config)
}

class FairAdmission implements Admission {
  readonly #deps: AdmissionDeps
  readonly #config: AdmissionConfig
  readonly #queue: FairQueue<Waiting>
  readonly #waiting = new Map<AdmissionRequest, Waiting>()
  readonly #queued = new Map<string, number>()
  #running = 0
  #meanRunMs = MIN_RETRY_MS
  #dispatching = false

  constructor(deps: AdmissionDeps, config: AdmissionConfig) {
    this.#deps = deps
    this.#config = config
    this.#queue = new FairQueue(config)
    deps.capacity.onRoom(() => this.#dispatch())
    deps.meters.watch(this.#queue, () => this.#running)
  }

  async enter(request: AdmissionRequest, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted()
    const hold = this.#admitted(request)
    return new Promise((resolve, reject) => {
      const { tenant, priority } = request
      const { clock, meters } = this.#deps
      const estimatedTokens = Math.max(1, request.estimatedTokens)
      const leave = (error: unknown) => {
        if (!this.#queue.remove(waiting)) return
        stopWaiting()
        hold.release(-estimatedTokens)
        reject(error)
      }
      const onAbort = () => {
        if (isCancel(signal)) meters.cancelled('queue')
        leave(signal.reason)
      }
      const cancelTtl = clock.after(this.#config.queueTtlMs, () => {
        meters.shed('waited too long')
        leave(
          new YizhanError('deadline_exceeded', 'the request waited too long for a free backend', {
            details: { phase: 'queue', retryAfterMs: this.#retryAfterMs() },
          }),
        )
      })
      const stopWaiting = () => {
        cancelTtl()
        signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(request)
        this.#count(tenant, -1)
      }
      const since = clock.monotonic()
      const waiting: Waiting = {
        request,
        hold,
        tenant,
        priority,
        estimatedTokens,
        since,
        grant: (place) => {
          stopWaiting()
          resolve(this.#lease(waiting, place))
        },
        turnAway: leave,
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.set(request, waiting)
      this.#queue.push(waiting)
      this.#count(tenant, 1)
      this.#dispatch()
      this.#shedExcess(waiting)
    })
  }

  position(request: AdmissionRequest): number {
    const waiting = this.#waiting.get(request)
    return waiting ? this.#queue.ahead(waiting) : 0
  }

  stats(): { readonly running: number; readonly queued: number } {
    return { running: this.#running, queued: this.#queue.length }
  }

  #admitted(request: AdmissionRequest): QuotaHold {
    try {
      return this.#deps.quotas.admit(request)
    } catch (thrown) {
      const error = toYizhanError(thrown)
      this.#deps.meters.refused(error)
      throw error
    }
  }

  /** Whoever is next goes as soon as there is room for it; a smaller one does not overtake it. */
  #dispatch(): void {
    // Taking a place can make room elsewhere, which asks again.
    if (this.#dispatching) return
    this.#dispatching = true
    for (;;) {
      const next = this.#queue.next(this.#deps.clock.monotonic())
      if (!next) break
      let place: Place | undefined
      try {
        place = this.#deps.capacity.take(next.request)
      } catch (thrown) {
        next.turnAway(toYizhanError(thrown))
        continue
      }
      if (!place) break
      this.#queue.serve(next)
      this.#running++
      next.grant(place)
    }
    this.#dispatching = false
  }

  #lease(waiting: Waiting, place: Place): Lease {
    const { clock, meters } = this.#deps
    const { tenant, estimatedTokens, hold } = waiting
    const start = clock.monotonic()
    const queueMs = start - waiting.since
    meters.waited(waiting.priority, queueMs)
    let charged = estimatedTokens
    let released = false
    const charge = (tokens: number) => {
      if (released) return
      charged += tokens
      this.#queue.charge(tenant, tokens)
      hold.charge(tokens)
    }
    return {
      queueMs,
      charge,
      async *generate(request, signal, onStart) {
        let stage: 'first token' | 'stream' | undefined = 'first token'
        try {
          for await (const piece of place.generate(request, signal, onStart)) {
            if (piece.type === 'text') charge(estimateTokens(piece.text))
            if (piece.type === 'text' || piece.type === 'tool-calls') stage = 'stream'
            if (piece.type === 'end') stage = undefined
            yield piece
          }
        } finally {
          if (stage !== undefined && isCancel(signal)) meters.cancelled(stage)
        }
      },
      release: (actualTokens = charged) => {
        if (released) return
        released = true
        this.#running--
        this.#meanRunMs += SMOOTHING * (clock.monotonic() - start - this.#meanRunMs)
        this.#queue.settle(tenant, actualTokens - charged)
        hold.release(actualTokens - charged)
        place.release()
      },
    }
  }

  #shedExcess(newest: Waiting): void {
    const { maxQueued, maxQueuedPerTenant } = this.#config
    const { tenant } = newest
    if ((this.#queued.get(tenant) ?? 0) > maxQueuedPerTenant)
      this.#shed('tenant queue full', (one) => one.tenant === tenant)
    if (this.#queue.length > maxQueued) this.#shed('queue full')
  }

  #shed(reason: string, among?: (waiting: Waiting) => boolean): void {
    this.#deps.meters.shed(reason)
    this.#queue.last(among)?.turnAway(
      new YizhanError('overloaded', 'too many requests wait for a backend', {
        details: { reason, retryAfterMs: this.#retryAfterMs() },
      }),
    )
  }

  #count(tenant: string, by: 1 | -1): void {
    const now = (this.#queued.get(tenant) ?? 0) + by
    if (now > 0) this.#queued.set(tenant, now)
    else this.#queued.delete(tenant)
  }

  /** When those who wait now will about have been served. */
  #retryAfterMs(): number {
    const ms = ((this.#queue.length + 1) * this.#meanRunMs) / Math.max(1, this.#running)
    return Math.round(Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, ms)))
  }
}

function isCancel({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof YizhanError && reason.code === 'cancelled'
}
