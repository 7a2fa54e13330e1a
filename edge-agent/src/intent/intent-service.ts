import type { Worker } from 'node:worker_threads'
import type { Decision, IntentCodec, OperatingPoint } from '@yizhan/intent'
import {
  type Clock,
  type Logger,
  type Metrics,
  type Running,
  type TenantId,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import { type BundleModel, type ReadBundleFile, readBundleModel } from './bundle-model.js'
import { createIntentMetrics, type IntentMetrics } from './intent-metrics.js'
import { IntentThread, spawnIntentWorker, type ThreadConfig } from './intent-thread.js'
import { Requests } from './requests.js'
import { type FromWorker, type ModelKey, modelKey } from './worker-protocol.js'

/** A decision (see `Decision`: look at `intent` first) and how long the caller waited for it. */
export interface Classification extends Decision {
  readonly ms: number
}

export interface IntentService extends Running {
  /**
   * Classifies with the model of exactly this bundle, so that labels, thresholds and the answers that the caller
   * takes from the same bundle always belong together. Examples are recognised in this thread, whatever the other
   * one does. Rejects with a retryable error if there is no answer now: `unavailable` (not loaded, thread down,
   * stopping), `overloaded`, `deadline_exceeded`, `backend_failed`; with the signal's reason when aborted.
   */
  classify(tenant: TenantId, digest: string, text: string, signal: AbortSignal): Promise<Classification>
  /**
   * Loads the model of the bundle in `dir` beside those that are loaded; the bundle is checked against its digest.
   * Rejects with `data_corrupt`, `permission_denied` (another tenant's), `invalid_argument`, `not_found`, `unavailable`.
   */
  load(tenant: TenantId, dir: string, digest: string): Promise<void>
  /** Frees a model once the classifies that were asked before are answered; unknown ones are ignored. */
  unload(tenant: TenantId, digest: string): void
  isReady(tenant: TenantId, digest: string): boolean
  /** Answers what was asked, then frees models and thread. */
  stop(reason: string): Promise<void>
}

export interface IntentServiceDeps {
  readonly log: Logger
  readonly clock: Clock
  readonly metrics?: Metrics
  /** Default: as it lies on the disk. */
  readonly readBundleFile?: ReadBundleFile
  /** Starts the thread; default: `worker.js` beside this file. */
  readonly spawn?: () => Worker
}

export interface IntentServiceConfig extends ThreadConfig {
  /** Classifies that may wait at once; more are refused with `overloaded`. */
  readonly maxPending: number
  /** A thread that leaves a classify unanswered for so long is replaced, unless it is loading. */
  readonly classifyMs: number
  readonly loadMs: number
}

export const INTENT_SERVICE_DEFAULTS: IntentServiceConfig = {
  maxPending: 1024,
  classifyMs: 1000,
  loadMs: 30_000,
  backoffMs: 200,
  maxBackoffMs: 30_000,
}

/** Starts the thread; resolves when it runs, rejects with `unavailable` if it cannot. Models come with `load`. */
export async function startIntentService(
  deps: IntentServiceDeps,
  config: IntentServiceConfig = INTENT_SERVICE_DEFAULTS,
): Promise<IntentService> {
  const service = new ThreadedIntentService(deps, config)
  await service.start()
  return service
}

interface Model {
  readonly tenant: TenantId
  readonly digest: string
  readonly dir: string
  readonly codec: IntentCodec
  readonly point: OperatingPoint
  /** Whether the thread has its network. */
  ready: boolean
}

class ThreadedIntentService implements IntentService {
  readonly done: Promise<void>
  readonly #end: () => void
  readonly #log: Logger
  readonly #clock: Clock
  readonly #metrics: IntentMetrics
  readonly #readBundleFile: ReadBundleFile | undefined
  readonly #config: IntentServiceConfig
  readonly #thread: IntentThread
  readonly #requests: Requests
  readonly #models = new Map<ModelKey, Model>()
  #stopping: Promise<void> | undefined

  constructor(deps: IntentServiceDeps, config: IntentServiceConfig) {
    const { promise, resolve } = withResolvers()
    this.done = promise
    this.#end = resolve
    this.#log = deps.log
    this.#clock = deps.clock
    this.#metrics = createIntentMetrics(deps.metrics)
    this.#readBundleFile = deps.readBundleFile
    this.#config = config
    this.#requests = new Requests(deps.clock)
    this.#thread = new IntentThread(
      { log: deps.log, clock: deps.clock, spawn: deps.spawn ?? spawnIntentWorker },
      {
        onUp: () => this.#reload(),
        onDown: () => this.#forget(),
        onMessage: (message) => this.#receive(message),
      },
      config,
    )
  }

  start(): Promise<void> {
    return this.#thread.start()
  }

  async classify(
    tenant: TenantId,
    digest: string,
    text: string,
    signal: AbortSignal,
  ): Promise<Classification> {
    signal.throwIfAborted()
    const started = this.#clock.monotonic()
    try {
      const decision = await this.#decide(modelKey(tenant, digest), text, signal)
      const ms = this.#clock.monotonic() - started
      this.#metrics.classified(ms / 1000)
      return { ...decision, ms }
    } catch (thrown) {
      if (!signal.aborted) this.#metrics.failed(toYizhanError(thrown).code)
      throw thrown
    }
  }

  async #decide(key: ModelKey, text: string, signal: AbortSignal): Promise<Decision> {
    const model = this.#models.get(key)
    if (this.#stopping) throw new YizhanError('unavailable', 'the intent service is stopping')
    if (!model) throw new YizhanError('unavailable', 'the intent model of this bundle is not loaded')
    const encoded = model.codec.encode(text, model.point)
    if (encoded.s === 'decided') return encoded.decision
    if (!model.ready) throw new YizhanError('unavailable', 'the intent thread is down')
    if (this.#requests.count('run') >= this.#config.maxPending) {
      throw new YizhanError('overloaded', 'too many texts wait for the intent model')
    }
    const { features } = encoded
    const outcome = await this.#requests.open(
      { kind: 'run', ms: this.#config.classifyMs, signal, onLate: () => this.#onLate() },
      (id) => this.#thread.send({ kind: 'run', id, key, features }),
    )
    if (outcome.s === 'failed') throw outcome.error
    if (outcome.s !== 'ran') throw new YizhanError('internal', 'the intent thread answered out of turn')
    return model.codec.decode(outcome.probabilities, model.point)
  }

  /** A thread that is loading may be late; one that is not, hangs. */
  #onLate(): void {
    if (this.#requests.count('load') === 0) this.#thread.replace('it left a text unanswered')
  }

  async load(tenant: TenantId, dir: string, digest: string): Promise<void> {
    const key = modelKey(tenant, digest)
    if (this.#models.get(key)?.ready) return
    const bundle = await readBundleModel(tenant, dir, digest, this.#readBundleFile)
    await this.#hand(key, bundle)
    const { codec, point } = bundle
    this.#models.set(key, { tenant, digest, dir, codec, point, ready: true })
    this.#metrics.models(this.#models.size)
    this.#log.info({ tenant, digest }, 'intent model loaded')
  }

  /** Gives a bundle's network to the thread and waits until it is open there. */
  async #hand(key: ModelKey, { onnx }: BundleModel): Promise<void> {
    if (this.#stopping) throw new YizhanError('unavailable', 'the intent service is stopping')
    if (!this.#thread.isUp) throw new YizhanError('unavailable', 'the intent thread is down')
    const outcome = await this.#requests.open(
      {
        kind: 'load',
        ms: this.#config.loadMs,
        onLate: () => this.#thread.replace('it did not end a load'),
      },
      (id) => this.#thread.send({ kind: 'load', id, key, onnx }, [onnx.buffer]),
    )
    if (outcome.s === 'failed') throw outcome.error
  }

  unload(tenant: TenantId, digest: string): void {
    const key = modelKey(tenant, digest)
    if (!this.#models.delete(key)) return
    this.#thread.send({ kind: 'unload', key })
    this.#metrics.models(this.#models.size)
  }

  isReady(tenant: TenantId, digest: string): boolean {
    return this.#models.get(modelKey(tenant, digest))?.ready ?? false
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  async #stop(reason: string): Promise<void> {
    this.#log.debug({ reason }, 'the intent service stops')
    this.#requests.failAll('load', new YizhanError('unavailable', 'the intent service is stopping'))
    // Bounded: every classify has a deadline.
    await this.#requests.empty()
    await this.#thread.stop()
    this.#models.clear()
    this.#end()
  }

  #receive(message: Exclude<FromWorker, { kind: 'ready' }>): void {
    switch (message.kind) {
      case 'ran':
        for (const { id, probabilities } of message.results) {
          this.#requests.settle(id, { s: 'ran', probabilities })
        }
        return
      case 'loaded':
        this.#requests.settle(message.id, { s: 'loaded' })
        return
      case 'failed': {
        const error = new YizhanError(FAILURES[message.why], `the intent thread failed: ${message.message}`)
        for (const id of message.ids) this.#requests.settle(id, { s: 'failed', error })
        return
      }
    }
  }

  #forget(): void {
    for (const model of this.#models.values()) model.ready = false
    this.#metrics.restarted()
    const error = new YizhanError('unavailable', 'the intent thread died')
    this.#requests.failAll('run', error)
    this.#requests.failAll('load', error)
  }

  /** A thread that was started again gets back what its predecessor had, read and checked anew. */
  #reload(): void {
    for (const [key, model] of this.#models) {
      const { tenant, digest } = model
      readBundleModel(tenant, model.dir, digest, this.#readBundleFile)
        .then((bundle) => this.#hand(key, bundle))
        .then(
          () => {
            model.ready = true
            this.#log.info({ tenant, digest }, 'intent model loaded again')
          },
          (thrown: unknown) => {
            const err = toYizhanError(thrown)
            this.#log.error({ err, tenant, digest }, 'an intent model is lost; the center answers for it')
          },
        )
    }
  }
}

const FAILURES = {
  'not-loaded': 'unavailable',
  'load-failed': 'invalid_argument',
  'run-failed': 'backend_failed',
} as const

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}
