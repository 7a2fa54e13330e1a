import type { Worker } from 'node:worker_threads'
import { CAGE_DEFAULTS, type Decision, type NetworkInput } from '@yizhan/intent'
import {
  type Clock,
  type Logger,
  type Metrics,
  type Running,
  type TenantId,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import { type BundleModel, type CheckModel, type ReadBundleFile, readBundleModel } from './bundle-model.js'
import { CagedModels } from './caged-models.js'
import { createIntentMetrics, type IntentMetrics } from './intent-metrics.js'
import { IntentThread, spawnIntentWorker, type ThreadConfig } from './intent-thread.js'
import { ModelShelf, type ServedModel } from './model-shelf.js'
import { type TrialConfig, tryModel } from './model-trial.js'
import { Requests } from './requests.js'
import type { TriedModels } from './tried-models.js'
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
   * Loads the model of the bundle in `dir` beside those that are loaded: checked against its digest, inspected, and, if
   * this machine has not done so before, tried in a process of its own. Rejects with `data_corrupt`, `permission_denied`
   * (another tenant's), `invalid_argument`, `not_found`, `model_refused`, `unsupported`, `unavailable`.
   */
  load(tenant: TenantId, dir: string, digest: string): Promise<void>
  /** Frees a model once the classifies that were asked before are answered; unknown ones are ignored. */
  unload(tenant: TenantId, digest: string): void
  /** The same after a minute: turns that came in before a switch still have the bundle that they came with. */
  retire(tenant: TenantId, digest: string): void
  isReady(tenant: TenantId, digest: string): boolean
  /** Answers what was asked, then frees models and thread. */
  stop(reason: string): Promise<void>
}

export interface IntentServiceDeps {
  readonly log: Logger
  readonly clock: Clock
  readonly metrics?: Metrics
  /** Which bundles need no trial any more; default: none. */
  readonly tried?: Pick<TriedModels, 'has' | 'add'>
  /** Default: `servableModel`. For tests of what comes behind it. */
  readonly check?: CheckModel
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
  /** Bytes of networks that are loaded at once; of the others the one not used for longest waits on the disk. */
  readonly maxModelBytes: number
  readonly trial: TrialConfig
}

export const INTENT_SERVICE_DEFAULTS: IntentServiceConfig = {
  maxPending: 1024,
  classifyMs: 1000,
  loadMs: 30_000,
  backoffMs: 200,
  maxBackoffMs: 30_000,
  maxModelBytes: 256 * 1024 * 1024,
  trial: { ...CAGE_DEFAULTS, maxCpuMsPerText: 100 },
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

class ThreadedIntentService implements IntentService {
  readonly done: Promise<void>
  readonly #end: () => void
  readonly #log: Logger
  readonly #clock: Clock
  readonly #metrics: IntentMetrics
  readonly #deps: IntentServiceDeps
  readonly #config: IntentServiceConfig
  readonly #thread: IntentThread
  readonly #requests: Requests
  readonly #models: ModelShelf
  readonly #caged: CagedModels
  readonly #ends = new AbortController()
  /** Texts that wait for a parked model. */
  #forModel = 0
  #stopping: Promise<void> | undefined

  constructor(deps: IntentServiceDeps, config: IntentServiceConfig) {
    const { promise, resolve } = withResolvers()
    this.done = promise
    this.#end = resolve
    this.#log = deps.log
    this.#clock = deps.clock
    this.#metrics = createIntentMetrics(deps.metrics)
    this.#deps = deps
    this.#config = config
    this.#models = new ModelShelf(config.maxModelBytes)
    const onLost = (key: ModelKey) => this.#onProcessLost(key)
    this.#caged = new CagedModels(deps, { runMs: config.classifyMs, onLost })
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
      const decision = await this.#decide(tenant, digest, text, signal)
      const ms = this.#clock.monotonic() - started
      this.#metrics.classified(ms / 1000)
      return { ...decision, ms }
    } catch (thrown) {
      if (!signal.aborted) this.#metrics.failed(toYizhanError(thrown).code)
      throw thrown
    }
  }

  async #decide(tenant: TenantId, digest: string, text: string, signal: AbortSignal): Promise<Decision> {
    const model = this.#models.use(tenant, digest)
    if (this.#stopping) throw new YizhanError('unavailable', 'the intent service is stopping')
    if (!model) throw new YizhanError('unavailable', 'the intent model of this bundle is not loaded')
    const encoded = model.codec.encode(text, model.point)
    if (encoded.s === 'decided') return encoded.decision
    if (this.#requests.count('run') + this.#caged.pending + this.#forModel >= this.#config.maxPending) {
      throw new YizhanError('overloaded', 'too many texts wait for the intent model')
    }
    // Where room is short it may be parked again before this text is handed over.
    while (model.state === 'parked' || model.state === 'waking') {
      await this.#woken(model)
      signal.throwIfAborted()
    }
    if (model.state !== 'loaded') throw new YizhanError('unavailable', 'the intent thread is down')
    return model.codec.decode(await this.#run(model, encoded.features, signal), model.point)
  }

  async #run(
    { key, caged }: ServedModel,
    features: NetworkInput,
    signal: AbortSignal,
  ): Promise<Float32Array> {
    if (caged) return this.#caged.run(key, String(features), signal)
    const outcome = await this.#requests.open(
      { kind: 'run', ms: this.#config.classifyMs, signal, onLate: () => this.#onLate() },
      (id) => this.#thread.send({ kind: 'run', id, key, features }),
    )
    if (outcome.s === 'failed') throw outcome.error
    if (outcome.s !== 'ran') throw new YizhanError('internal', 'the intent thread answered out of turn')
    return outcome.probabilities
  }

  /** Waits until a parked model is back in the thread; one load, however many texts want it. */
  async #woken(model: ServedModel): Promise<void> {
    if (model.state === 'parked') {
      if ((model.restsUntil ?? 0) > this.#clock.monotonic()) {
        throw new YizhanError('unavailable', 'the process of the model has just died')
      }
      model.state = 'waking'
      model.woken = this.#bringBack(model)
    }
    this.#forModel++
    try {
      await model.woken
    } finally {
      this.#forModel--
    }
  }

  /** A thread that is loading may be late; one that is not, hangs. */
  #onLate(): void {
    if (this.#requests.count('load') === 0) this.#thread.replace('it left a text unanswered')
  }

  async load(tenant: TenantId, dir: string, digest: string): Promise<void> {
    if (this.isReady(tenant, digest)) return this.#models.keep(tenant, digest)
    const bundle = await this.#read(tenant, dir, digest)
    await this.#try(tenant, digest, bundle)
    await this.#hand(modelKey(tenant, digest), bundle)
    const model = this.#models.add(tenant, digest, dir, bundle)
    this.#makeRoomFor(model)
    this.#log.info({ tenant, digest, bytes: model.bytes }, 'intent model loaded')
  }

  #read(tenant: TenantId, dir: string, digest: string): Promise<BundleModel> {
    return readBundleModel(tenant, dir, digest, this.#deps.readBundleFile, this.#deps.check)
  }

  /** Once for a bundle on this machine, before anything of it runs in this process. */
  async #try(tenant: TenantId, digest: string, bundle: BundleModel): Promise<void> {
    const { tried } = this.#deps
    if (tried?.has(digest)) return
    const started = this.#clock.monotonic()
    try {
      await tryModel({ clock: this.#clock }, bundle, this.#config.trial, this.#ends.signal)
    } catch (thrown) {
      const error = toYizhanError(thrown)
      this.#metrics.refused(String(error.details.why ?? error.code))
      this.#log.error({ err: error, tenant, digest }, 'an intent model did not pass its trial')
      throw error
    }
    const ms = Math.round(this.#clock.monotonic() - started)
    this.#metrics.tried(ms / 1000)
    this.#log.info({ tenant, digest, ms }, 'an intent model passed its trial')
    await tried?.add(digest)
  }

  /** Gives a bundle's network to the thread, or to a process of its own, and waits until it is open there. */
  async #hand(key: ModelKey, { model }: BundleModel): Promise<void> {
    if (this.#stopping) throw new YizhanError('unavailable', 'the intent service is stopping')
    const { network } = model
    if (network.kind !== 'hashed') return this.#caged.open(key, model)
    // A buffer of its own, to be handed over.
    const onnx = new Uint8Array(model.onnx)
    if (!this.#thread.isUp) throw new YizhanError('unavailable', 'the intent thread is down')
    const outcome = await this.#requests.open(
      {
        kind: 'load',
        ms: this.#config.loadMs,
        onLate: () => this.#thread.replace('it did not end a load'),
      },
      (id) => this.#thread.send({ kind: 'load', id, key, network, onnx }, [onnx.buffer]),
    )
    if (outcome.s === 'failed') throw outcome.error
  }

  /** Parks what was not used for longest. Texts that were handed to the thread before are answered first. */
  #makeRoomFor(model: ServedModel): void {
    for (const other of this.#models.overBudget(model)) {
      other.state = 'parked'
      this.#drop(other)
      this.#log.info({ tenant: other.tenant, digest: other.digest }, 'an intent model is parked to make room')
    }
    this.#metrics.models(this.#models.size, this.#models.loadedBytes)
  }

  retire(tenant: TenantId, digest: string): void {
    const model = this.#models.peek(tenant, digest)
    if (!model || model.retiring) return
    model.retiring = this.#clock.after(RETIRE_MS, () => this.unload(tenant, digest))
  }

  unload(tenant: TenantId, digest: string): void {
    const model = this.#models.remove(tenant, digest)
    if (!model) return
    this.#drop(model)
    this.#metrics.models(this.#models.size, this.#models.loadedBytes)
  }

  #drop({ key, caged }: ServedModel): void {
    if (caged) void this.#caged.close(key)
    else this.#thread.send({ kind: 'unload', key })
  }

  #onProcessLost(key: ModelKey): void {
    const model = this.#models.byKey(key)
    if (model?.state !== 'loaded') return
    this.#rest(model)
    this.#metrics.restarted()
    this.#log.error({ tenant: model.tenant, digest: model.digest }, 'the process of an intent model has died')
  }

  /** Its next text starts another process, but not at once. */
  #rest(model: ServedModel): void {
    model.state = 'parked'
    model.restsUntil = this.#clock.monotonic() + REST_MS
  }

  isReady(tenant: TenantId, digest: string): boolean {
    const state = this.#models.peek(tenant, digest)?.state
    return state !== undefined && state !== 'lost'
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  async #stop(reason: string): Promise<void> {
    this.#log.debug({ reason }, 'the intent service stops')
    const error = new YizhanError('unavailable', 'the intent service is stopping')
    this.#ends.abort(error)
    this.#requests.failAll('load', error)
    // Bounded: every classify has a deadline.
    await this.#requests.empty()
    await Promise.all([this.#thread.stop(), this.#caged.stop()])
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
    for (const model of this.#models.all()) if (!model.caged && model.state === 'loaded') model.state = 'lost'
    this.#metrics.restarted()
    const error = new YizhanError('unavailable', 'the intent thread died')
    this.#requests.failAll('run', error)
    this.#requests.failAll('load', error)
  }

  /** A thread that was started again gets back what its predecessor had. */
  #reload(): void {
    for (const model of this.#models.all()) if (model.state === 'lost') void this.#bringBack(model)
  }

  /** Reads a model that was tried before, checks it anew and loads it; one that cannot be read is lost. */
  async #bringBack(model: ServedModel): Promise<void> {
    const { tenant, dir, digest } = model
    try {
      await this.#hand(model.key, await this.#read(tenant, dir, digest))
      // Taken off this edge meanwhile.
      if (!this.#models.has(model)) return this.#drop(model)
      model.state = 'loaded'
      this.#log.info({ tenant, digest }, 'intent model loaded again')
      this.#makeRoomFor(model)
    } catch (thrown) {
      if (model.caged) this.#rest(model)
      else model.state = 'lost'
      const err = toYizhanError(thrown)
      this.#log.error({ err, tenant, digest }, 'an intent model is lost; the center answers for it')
    }
  }
}

/** Longer than a turn waits for its place, in nearly every case; then the center answers it. */
export const RETIRE_MS = 60_000

/** Between the death of a model's process and the next one. */
const REST_MS = 5_000

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
