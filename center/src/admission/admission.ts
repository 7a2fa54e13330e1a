import { type Clock, type Metrics, type TenantId, YizhanError } from '@yizhan/kernel'
import type { Admission, AdmissionRequest, Lease } from '../inference/port.js'
import { FairQueue, PRIORITIES, type Waiter } from './fair-queue.js'

export interface AdmissionConfig {
  /** Requests that run at once. */
  readonly maxRunning: number
  /** Requests that wait at most; the next one is shed. */
  readonly maxQueued: number
  /** The same for one tenant. */
  readonly maxQueuedPerTenant: number
  /** A request that has waited this long is given up. */
  readonly queueTtlMs: number
  /** A tenant's share beside the others'; default 1 each. */
  readonly weightOf?: (tenant: TenantId) => number
}

interface Waiting extends Waiter {
  readonly request: AdmissionRequest
  readonly since: number
  grant(): void
}

const MIN_RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000
/** How much the latest request moves the mean running time. */
const SMOOTHING = 0.1

/** Lets a bounded number of requests run, in fair order; the rest waits here, bounded, or is turned away. */
export function createAdmission(
  deps: { readonly clock: Clock; readonly metrics: Metrics },
  config: AdmissionConfig,
): Admission {
  return new FairAdmission(deps, config)
}

class FairAdmission implements Admission {
  readonly #clock: Clock
  readonly #config: AdmissionConfig
  readonly #queue: FairQueue<Waiting>
  readonly #waiting = new Map<AdmissionRequest, Waiting>()
  readonly #meters: ReturnType<typeof meters>
  #running = 0
  #meanRunMs = MIN_RETRY_MS

  constructor(deps: { readonly clock: Clock; readonly metrics: Metrics }, config: AdmissionConfig) {
    this.#clock = deps.clock
    this.#config = config
    this.#queue = new FairQueue(config.weightOf ?? (() => 1))
    this.#meters = meters(deps.metrics)
  }

  async enter(request: AdmissionRequest, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted()
    this.#shedIfFull(request)
    return new Promise((resolve, reject) => {
      const { tenant, priority } = request
      const estimatedTokens = Math.max(1, request.estimatedTokens)
      const leave = (error: unknown) => {
        if (!this.#queue.remove(waiting)) return
        stopWaiting()
        reject(error)
      }
      const onAbort = () => leave(signal.reason)
      const cancelTtl = this.#clock.after(this.#config.queueTtlMs, () => {
        this.#meters.shed.inc({ reason: 'waited too long' })
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
        this.#measure()
      }
      const since = this.#clock.monotonic()
      const grant = () => {
        stopWaiting()
        resolve(this.#lease(waiting))
      }
      const waiting: Waiting = { request, tenant, priority, estimatedTokens, since, grant }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.set(request, waiting)
      this.#queue.push(waiting)
      this.#dispatch()
      this.#measure()
    })
  }

  position(request: AdmissionRequest): number {
    const waiting = this.#waiting.get(request)
    return waiting ? this.#queue.ahead(waiting) : 0
  }

  stats(): { readonly running: number; readonly queued: number } {
    return { running: this.#running, queued: this.#queue.length }
  }

  #dispatch(): void {
    while (this.#running < this.#config.maxRunning) {
      const next = this.#queue.shift()
      if (!next) return
      this.#running++
      next.grant()
    }
  }

  #lease(waiting: Waiting): Lease {
    const start = this.#clock.monotonic()
    const queueMs = start - waiting.since
    this.#meters.wait.observe({ priority: waiting.priority }, queueMs / 1_000)
    let released = false
    return {
      queueMs,
      release: (actualTokens = waiting.estimatedTokens) => {
        if (released) return
        released = true
        this.#running--
        this.#meanRunMs += SMOOTHING * (this.#clock.monotonic() - start - this.#meanRunMs)
        this.#queue.settle(waiting, actualTokens)
        this.#dispatch()
        this.#measure()
      },
    }
  }

  #shedIfFull({ tenant }: AdmissionRequest): void {
    if (this.#running < this.#config.maxRunning && this.#queue.length === 0) return
    const { maxQueued, maxQueuedPerTenant } = this.#config
    const reason =
      this.#queue.length >= maxQueued
        ? 'queue full'
        : this.#queue.lengthOf(tenant) >= maxQueuedPerTenant
          ? 'tenant queue full'
          : undefined
    if (reason === undefined) return
    this.#meters.shed.inc({ reason })
    throw new YizhanError('overloaded', 'too many requests wait for a backend', {
      details: { reason, retryAfterMs: this.#retryAfterMs() },
    })
  }

  /** When those who wait now will about have been served. */
  #retryAfterMs(): number {
    const ms = ((this.#queue.length + 1) * this.#meanRunMs) / Math.max(1, this.#config.maxRunning)
    return Math.round(Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, ms)))
  }

  #measure(): void {
    this.#meters.running.set(this.#running)
    for (const priority of PRIORITIES) this.#meters.queued.set({ priority }, this.#queue.lengthIn(priority))
  }
}

function meters(metrics: Metrics) {
  return {
    running: metrics.gauge('yizhan_admission_running', 'Requests that hold a place at a backend'),
    queued: metrics.gauge('yizhan_admission_queue_length', 'Requests that wait for a backend', ['priority']),
    wait: metrics.histogram('yizhan_admission_wait_seconds', 'Time from arrival to a free backend', [
      'priority',
    ]),
    shed: metrics.counter('yizhan_admission_shed_total', 'Requests turned away or given up', ['reason']),
  }
}
