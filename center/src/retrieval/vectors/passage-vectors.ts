import {
  type Clock,
  deadlineSignal,
  type Logger,
  type Metrics,
  type TenantId,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import type { Embedder } from '../../inference/port.js'
import { VectorHealth } from './vector-health.js'
import type { Neighbour, VectorStore } from './vector-store.js'

/** Texts of a tenant's passages by their digests. */
export type Texts = ReadonlyMap<string, string>

export interface PassageVectorsConfig {
  /** Before what could not be embedded or stored is tried again; default 30,000. */
  readonly retryMs?: number
  /** For the vector of a question and its neighbours; past it the words alone decide. Default 1,000. */
  readonly questionMs?: number
  /** After a failure questions are searched by their words for so long; default 5,000. */
  readonly restMs?: number
}

export interface PassageVectorsDeps {
  readonly embedder: Embedder
  /** Opened for the embedder's model. */
  readonly store: VectorStore
  readonly clock: Clock
  readonly log: Logger
  readonly metrics?: Metrics
}

/** Texts that are embedded in one call. */
const AT_ONCE = 32

/**
 * Keeps a vector for each passage, in the background: a text that has one is not embedded again, and one that is in no
 * passage any more loses it. What another model made goes first. Where the store has lost what it had, all is made anew.
 */
export class PassageVectors {
  readonly #deps: PassageVectorsDeps
  readonly #config: Required<PassageVectorsConfig>
  readonly #health: VectorHealth
  readonly #texts = new Map<TenantId, () => Texts>()
  readonly #wanted = new Set<TenantId>()
  /** Of whom the store should hold vectors. */
  readonly #filled = new Set<TenantId>()
  readonly #stop = new AbortController()
  #isSweepDue = false
  #working: Promise<void> = Promise.resolve()
  #isWorking = false

  constructor(deps: PassageVectorsDeps, config: PassageVectorsConfig = {}) {
    this.#deps = deps
    this.#config = { retryMs: 30_000, questionMs: 1_000, restMs: 5_000, ...config }
    this.#health = new VectorHealth(deps, this.#config)
  }

  /** The passages of a tenant have changed; `texts` is asked when its turn comes. */
  changed(tenant: TenantId, texts: () => Texts): void {
    this.#texts.set(tenant, texts)
    this.#want(tenant)
  }

  /** Every tenant that has passages has told them: what a store that outlives the center holds of others goes. */
  allTold(): void {
    this.#isSweepDue = true
    this.#wake()
  }

  /** Everything that changed has its vectors, or could not get them. */
  async settled(): Promise<void> {
    await this.#working
  }

  /** The nearest to a question; none where embedder or store cannot say. Rejects with the signal's reason. */
  async nearest(
    tenant: TenantId,
    question: string,
    count: number,
    signal: AbortSignal,
  ): Promise<readonly Neighbour[]> {
    signal.throwIfAborted()
    if (this.#health.isResting) return []
    const timeout = deadlineSignal(this.#config.questionMs)
    const either = AbortSignal.any([signal, timeout])
    try {
      const near = await untilAborted(this.#nearest(tenant, question, count, either), either)
      this.#health.well()
      if (near.length === 0 && this.#filled.delete(tenant)) this.#want(tenant)
      return near
    } catch (thrown) {
      signal.throwIfAborted()
      this.#health.failed(timeout.aborted ? TOO_SLOW : toYizhanError(thrown), tenant)
      return []
    }
  }

  /** Stops between two calls of embedder and store. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#working
  }

  async #nearest(tenant: TenantId, question: string, count: number, signal: AbortSignal) {
    const { vectors } = await this.#deps.embedder.embed([question], signal)
    const [vector] = vectors
    return vector ? await this.#deps.store.nearest(tenant, vector, count) : []
  }

  #want(tenant: TenantId): void {
    this.#wanted.add(tenant)
    this.#wake()
  }

  #wake(): void {
    if (this.#isWorking || this.#stop.signal.aborted) return
    this.#isWorking = true
    this.#working = this.#work().finally(() => {
      this.#isWorking = false
    })
  }

  async #work(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted && (this.#isSweepDue || this.#wanted.size > 0)) {
      const [next] = this.#wanted
      try {
        await untilAborted(next ? this.#fit(next) : this.#sweep(), signal)
      } catch (thrown) {
        if (signal.aborted) return
        this.#health.failed(toYizhanError(thrown), next)
        await this.#deps.clock.sleep(this.#config.retryMs, signal).catch(() => undefined)
      }
    }
  }

  /** Wants those of whom the store holds something and nobody told anything: they have no passages. */
  async #sweep(): Promise<void> {
    for (const tenant of await this.#deps.store.tenants()) {
      if (!this.#texts.has(tenant)) this.#wanted.add(tenant)
    }
    this.#isSweepDue = false
  }

  /** A tenant that changes meanwhile is wanted once more. */
  async #fit(tenant: TenantId): Promise<void> {
    this.#wanted.delete(tenant)
    try {
      await this.#store(tenant, this.#texts.get(tenant)?.() ?? new Map())
    } catch (thrown) {
      this.#wanted.add(tenant)
      throw thrown
    }
  }

  async #store(tenant: TenantId, texts: Texts): Promise<void> {
    const { embedder, store } = this.#deps
    const { signal } = this.#stop
    if (texts.size === 0) {
      this.#filled.delete(tenant)
      await store.clear(tenant)
      return
    }
    await store.dropFormer(tenant)
    const known = await store.ids(tenant)
    const gone = [...known].filter((id) => !texts.has(id))
    if (gone.length > 0) await store.delete(tenant, gone)
    const missing = [...texts].filter(([id]) => !known.has(id))
    for (let at = 0; at < missing.length; at += AT_ONCE) {
      const some = missing.slice(at, at + AT_ONCE)
      const { vectors } = await embedder.embed(
        some.map(([, text]) => text),
        signal,
      )
      signal.throwIfAborted()
      await store.put(
        tenant,
        some.flatMap(([id], nth) => {
          const vector = vectors[nth]
          return vector ? [{ id, vector }] : []
        }),
      )
    }
    this.#filled.add(tenant)
  }
}

const TOO_SLOW = new YizhanError('deadline_exceeded', 'the neighbours of a question did not come in time')

/** Settles as `work` does, or rejects with the signal's reason if that comes first. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    if (signal.aborted) leave()
  })
}
