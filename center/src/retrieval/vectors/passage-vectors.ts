import { type Clock, deadlineSignal, type Logger, type TenantId } from '@yizhan/kernel'
import type { Embedder } from '../../inference/port.js'
import type { Neighbour, VectorStore } from './vector-store.js'

/** Texts of a tenant's passages by their digests. */
export type Texts = ReadonlyMap<string, string>

export interface PassageVectorsConfig {
  /** Before what could not be embedded is tried again; default 30,000. */
  readonly retryMs?: number
  /** For the vector of a question; past it the words alone decide. Default 1,000. */
  readonly questionMs?: number
}

export interface PassageVectorsDeps {
  readonly embedder: Embedder
  readonly store: VectorStore
  readonly clock: Clock
  readonly log: Logger
}

/** Texts that are embedded in one call. */
const AT_ONCE = 32

/**
 * Keeps a vector for each passage, in the background: a text that has one is not embedded again, and one that is in no
 * passage any more loses it. Vectors of another dimension than the embedder's are made anew.
 */
export class PassageVectors {
  readonly #deps: PassageVectorsDeps
  readonly #config: Required<PassageVectorsConfig>
  readonly #wanted = new Map<TenantId, () => Texts>()
  readonly #stop = new AbortController()
  #working: Promise<void> = Promise.resolve()
  #isWorking = false

  constructor(deps: PassageVectorsDeps, config: PassageVectorsConfig = {}) {
    this.#deps = deps
    this.#config = { retryMs: 30_000, questionMs: 1_000, ...config }
  }

  /** The passages of a tenant have changed; `texts` is asked when its turn comes. */
  changed(tenant: TenantId, texts: () => Texts): void {
    this.#wanted.set(tenant, texts)
    if (this.#isWorking || this.#stop.signal.aborted) return
    this.#isWorking = true
    this.#working = this.#work().finally(() => {
      this.#isWorking = false
    })
  }

  /** Everything that changed has its vectors, or could not get them. */
  async settled(): Promise<void> {
    await this.#working
  }

  /** The nearest to a question; none where it could not be embedded. Rejects with the signal's reason. */
  async nearest(
    tenant: TenantId,
    question: string,
    count: number,
    signal: AbortSignal,
  ): Promise<readonly Neighbour[]> {
    const timeout = deadlineSignal(this.#config.questionMs)
    try {
      const { vectors } = await this.#deps.embedder.embed([question], AbortSignal.any([signal, timeout]))
      const [vector] = vectors
      return vector ? await this.#deps.store.nearest(tenant, vector, count) : []
    } catch (err) {
      signal.throwIfAborted()
      this.#deps.log.warn({ err, tenant }, 'a question could not be embedded; it is searched by its words')
      return []
    }
  }

  /** Stops between two calls of the embedder. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#working
  }

  async #work(): Promise<void> {
    const { signal } = this.#stop
    for (let next = this.#next(); next && !signal.aborted; next = this.#next()) {
      const [tenant, texts] = next
      try {
        await this.#fit(tenant, texts())
      } catch (err) {
        if (signal.aborted) return
        this.#deps.log.warn({ err, tenant }, 'passages could not be embedded; they are found by their words')
        if (!this.#wanted.has(tenant)) this.#wanted.set(tenant, texts)
        await this.#deps.clock.sleep(this.#config.retryMs, signal).catch(() => undefined)
      }
    }
  }

  #next(): [TenantId, () => Texts] | undefined {
    const [next] = this.#wanted
    if (next) this.#wanted.delete(next[0])
    return next
  }

  async #fit(tenant: TenantId, texts: Texts): Promise<void> {
    const { embedder, store } = this.#deps
    const { signal } = this.#stop
    const dimensions = await store.dimensions(tenant)
    if (dimensions !== undefined && dimensions !== embedder.dimensions) await store.clear(tenant)
    const known = await store.ids(tenant)
    await store.delete(
      tenant,
      [...known].filter((id) => !texts.has(id)),
    )
    const missing = [...texts].filter(([id]) => !known.has(id))
    for (let at = 0; at < missing.length; at += AT_ONCE) {
      const some = missing.slice(at, at + AT_ONCE)
      const { vectors } = await embedder.embed(
        some.map(([, text]) => text),
        signal,
      )
      await store.put(
        tenant,
        some.flatMap(([id], nth) => {
          const vector = vectors[nth]
          return vector ? [{ id, vector }] : []
        }),
      )
    }
  }
}
