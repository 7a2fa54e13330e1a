import { type Clock, type Logger, type Metrics, toYizhanError, YizhanError } from '@yizhan/kernel'
import { PhaseTimer } from './phase-timer.js'
import type { Backend, GenerateRequest, Piece } from './port.js'

export interface BackendChainConfig {
  /** Further tries after a failure before the first text. */
  readonly retries: number
  /** The first wait before a backend is tried again; doubled each time, with full jitter. */
  readonly retryBaseMs: number
  readonly retryMaxMs: number
  /** How long a backend may take for its first text. */
  readonly firstTokenMs: number
}

/**
 * The backends in order of preference, as one. A failure before the first text is tried again, on another backend if
 * there is one; after it, the failure goes to the caller. Each wait ends on abort, whatever the backend does.
 */
export class BackendChain {
  readonly #backends: readonly Backend[]
  readonly #clock: Clock
  readonly #log: Logger
  readonly #random: () => number
  readonly #failures: ReturnType<Metrics['counter']>
  readonly #config: BackendChainConfig

  constructor(
    deps: {
      readonly backends: readonly Backend[]
      readonly clock: Clock
      readonly log: Logger
      readonly metrics: Metrics
      readonly random: () => number
    },
    config: BackendChainConfig,
  ) {
    this.#backends = deps.backends
    this.#clock = deps.clock
    this.#log = deps.log
    this.#random = deps.random
    this.#failures = deps.metrics.counter(
      'yizhan_inference_backend_failures_total',
      'Failed runs of backends',
      ['backend', 'code'],
    )
    this.#config = config
  }

  /** `onStart` is told which backend is asked, before each try. Throws what the last one threw. */
  async *generate(
    request: GenerateRequest,
    signal: AbortSignal,
    onStart: (backend: Backend) => void,
  ): AsyncGenerator<Piece> {
    const tries = new Map(this.#backends.map((backend) => [backend, { count: 0, waitMs: 0 }]))
    let last = new YizhanError('unavailable', 'no backend is set up')
    for (let left = this.#config.retries; left >= 0; left--) {
      // The least tried, of those the most preferred: Map and sort keep the order.
      const [next] = [...tries].sort(([, a], [, b]) => a.count - b.count)
      if (!next) break
      const [backend, tried] = next
      if (tried.waitMs > 0) await this.#clock.sleep(tried.waitMs, signal)
      signal.throwIfAborted()
      onStart(backend)
      let begun = false
      try {
        for await (const piece of this.#run(backend, request, signal)) {
          begun ||= piece.type === 'text'
          yield piece
        }
        return
      } catch (thrown) {
        signal.throwIfAborted()
        last = toYizhanError(thrown)
        this.#failures.inc({ backend: backend.name, code: last.code })
        this.#log.warn({ backend: backend.name, err: last, begun, left }, 'backend failed')
        if (begun) throw last
        const waitMs = this.#waitMs(tried.count, last)
        if (waitMs === undefined) tries.delete(backend)
        else tries.set(backend, { count: tried.count + 1, waitMs })
      }
    }
    throw last
  }

  /** How long to leave a backend alone after its failure; undefined = this request does not ask it again. */
  #waitMs(before: number, error: YizhanError): number | undefined {
    if (!error.retryable) return undefined
    const { retryBaseMs, retryMaxMs } = this.#config
    const asked = Number(error.details.retryAfterMs ?? 0)
    if (asked > retryMaxMs) return undefined
    return Math.max(asked, this.#random() * Math.min(retryMaxMs, retryBaseMs * 2 ** before))
  }

  async *#run(backend: Backend, request: GenerateRequest, outer: AbortSignal): AsyncGenerator<Piece> {
    const timer = new PhaseTimer(this.#clock, `backend ${backend.name}`, outer).start(0)
    let iterator: AsyncIterator<Piece> | undefined
    try {
      timer.enter('first token', this.#config.firstTokenMs)
      iterator = backend.generate(request, timer.signal)[Symbol.asyncIterator]()
      for (;;) {
        const next = await orAbort(iterator.next(), timer.signal)
        if (next.done)
          throw new YizhanError('backend_failed', `backend ${backend.name} stopped without an end`)
        if (next.value.type !== 'citations') timer.rest()
        yield next.value
        if (next.value.type === 'end') return
      }
    } finally {
      timer.stop()
      timer.abort(new YizhanError('cancelled', 'nobody reads the answer any more'))
      // Not waited for: a backend that ignores the abort keeps only itself.
      iterator?.return?.().catch(() => undefined)
    }
  }
}

/** The promise, or the signal's reason as soon as it aborts; what the promise then does no longer matters. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
