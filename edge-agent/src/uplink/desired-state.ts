import { Backoff, type Clock, type EdgeId, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import {
  create,
  type DesiredState,
  type DesiredStateResult,
  DesiredStateResultSchema,
  type RpcClient,
  type SignedDesiredState,
} from '@yizhan/proto'
import type { BundleCache } from './bundle-cache.js'
import type { BundleFetcher } from './bundle-fetcher.js'
import type { HeldSigningKey } from './held-identity.js'
import { type OpenedState, openSignedState } from './signed-state.js'
import type { StateCache } from './state-cache.js'

/** Where a desired state takes force: models, thresholds and answers of every tenant together. */
export interface StateTarget {
  /**
   * Puts the state in force, whole or not at all. `dirs`: directory of each bundle by digest (hex); a directory stays
   * until two newer states have been applied. Rejects with why the state cannot be used.
   */
  apply(state: DesiredState, dirs: ReadonlyMap<string, string>): Promise<void>
}

/** A state that the center sent, and the link that it came by. */
export interface StateOffer {
  readonly signed: SignedDesiredState
  readonly edgeId: EdgeId
  readonly keys: readonly HeldSigningKey[]
  /** A channel of its own for the bundles, so that they do not hold up answers; closed after use. */
  openBulk(): RpcClient
  answer(result: DesiredStateResult): void
  /** Aborts with the link. */
  readonly signal: AbortSignal
}

const RETRY = { baseMs: 1_000, capMs: 60_000 }

/** Applies what the center wants, one state at a time; of those that arrive meanwhile the newest is next. */
export class DesiredStates {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #random: () => number
  readonly #target: StateTarget
  readonly #cache: StateCache
  readonly #bundles: BundleCache
  readonly #fetcher: BundleFetcher
  /** In force now and before that; their bundles are kept. */
  #applied: OpenedState | undefined
  #previous: OpenedState | undefined
  #next: StateOffer | undefined
  #working: Promise<void> | undefined
  #superseded = new AbortController()

  constructor(
    deps: { clock: Clock; log: Logger; random: () => number; target: StateTarget },
    parts: { cache: StateCache; bundles: BundleCache; fetcher: BundleFetcher },
  ) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#random = deps.random
    this.#target = deps.target
    this.#cache = parts.cache
    this.#bundles = parts.bundles
    this.#fetcher = parts.fetcher
  }

  /**
   * Revision in force; 0 before the first. Also 0 if the state in force is for another edge id or was signed with a key
   * that counts no more: after a new enrolment revisions start anew.
   */
  appliedRevision(edgeId: EdgeId, keys: readonly HeldSigningKey[]): bigint {
    if (!this.#applied || this.#applied.state.edgeId !== edgeId) return 0n
    const { publicKey } = this.#applied.key
    return keys.some((key) => key.publicKey.equals(publicKey)) ? this.#applied.state.revision : 0n
  }

  /** Applies the newest cached state whose bundles are whole. Without one, nothing is in force until the center speaks. */
  async loadCached(edgeId: EdgeId): Promise<void> {
    for (const opened of await this.#cache.read(edgeId)) {
      try {
        await this.#target.apply(opened.state, await this.#cachedDirs(opened))
        this.#applied = opened
        this.#log.info({ revision: String(opened.state.revision) }, 'cached desired state applied')
        return
      } catch (thrown) {
        const revision = String(opened.state.revision)
        this.#log.error({ err: toYizhanError(thrown), revision }, 'a cached desired state cannot be applied')
      }
    }
  }

  /** Takes a state from the center; it is answered when it was applied or turned down, unless a newer one came first. */
  offer(offer: StateOffer): void {
    this.#next = offer
    this.#superseded.abort()
    this.#working ??= this.#work()
  }

  /** Forgets what waits; resolves when what is being applied is in force. */
  async stop(): Promise<void> {
    this.#next = undefined
    this.#superseded.abort()
    await this.#working
  }

  async #work(): Promise<void> {
    for (let offer = this.#take(); offer; offer = this.#take()) await this.#consider(offer)
    this.#working = undefined
  }

  #take(): StateOffer | undefined {
    const offer = this.#next
    this.#next = undefined
    this.#superseded = new AbortController()
    return offer
  }

  async #consider(offer: StateOffer): Promise<void> {
    const signal = AbortSignal.any([offer.signal, this.#superseded.signal])
    let revision = 0n
    try {
      const opened = openSignedState(offer.signed, offer.keys, offer.edgeId)
      revision = opened.state.revision
      const inForce = this.appliedRevision(offer.edgeId, offer.keys)
      if (revision === inForce && this.#isSame(opened)) return offer.answer(applied(revision))
      if (revision < inForce || revision === 0n) {
        throw new YizhanError('conflict', `revision ${revision} is older than ${inForce}, in force here`)
      }
      const dirs = await this.#fetchAll(opened, offer, signal)
      if (!dirs) return
      await this.#target.apply(opened.state, dirs)
      await this.#remember(opened)
      offer.answer(applied(revision))
      this.#log.info({ revision: String(revision) }, 'desired state applied')
    } catch (thrown) {
      this.#reject(offer, revision, toYizhanError(thrown))
    }
  }

  #isSame({ signed }: OpenedState): boolean {
    return this.#applied !== undefined && Buffer.compare(signed.payload, this.#applied.signed.payload) === 0
  }

  #reject(offer: StateOffer, revision: bigint, error: YizhanError): void {
    this.#log.error({ err: error, revision: String(revision) }, 'desired state rejected')
    offer.answer(rejected(revision, error))
  }

  /**
   * Directories of all bundles, or undefined if the link went or a newer state came. What may pass by itself (a full
   * disk, a center that is busy) is told to the center once and tried again for as long as the link holds.
   */
  async #fetchAll(
    opened: OpenedState,
    offer: StateOffer,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string> | undefined> {
    const backoff = new Backoff(this.#random, RETRY)
    for (;;) {
      try {
        return await this.#fetchOnce(opened, offer, signal)
      } catch (thrown) {
        if (signal.aborted) return undefined
        const error = toYizhanError(thrown)
        if (!error.retryable) throw error
        if (backoff.failures === 0) this.#reject(offer, opened.state.revision, error)
        try {
          await this.#clock.sleep(backoff.next(), signal)
        } catch {
          return undefined
        }
      }
    }
  }

  async #fetchOnce(
    opened: OpenedState,
    offer: StateOffer,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const client = offer.openBulk()
    try {
      const dirs = new Map<string, string>()
      for (const wanted of opened.bundles) {
        dirs.set(wanted.digest, await this.#fetcher.fetch(wanted, client, offer.keys, signal))
      }
      return dirs
    } finally {
      client.close()
    }
  }

  async #cachedDirs({ bundles }: OpenedState): Promise<ReadonlyMap<string, string>> {
    const dirs = new Map<string, string>()
    for (const { digest } of bundles) {
      const dir = await this.#bundles.whole(digest)
      if (!dir) throw new YizhanError('data_corrupt', `bundle ${digest} is not here`)
      dirs.set(digest, dir)
    }
    return dirs
  }

  /** The state is in force already: a disk that does not take it costs the next offline start, not this one. */
  async #remember(opened: OpenedState): Promise<void> {
    const replaces = this.#applied?.state.revision !== opened.state.revision
    if (replaces) this.#previous = this.#applied
    this.#applied = opened
    try {
      await this.#cache.write(opened, replaces)
      const kept = [this.#applied, this.#previous].flatMap((one) => one?.bundles ?? [])
      await this.#bundles.sweep(new Set(kept.map((bundle) => bundle.digest)))
    } catch (thrown) {
      this.#log.error({ err: toYizhanError(thrown) }, 'the desired state in force could not be kept on disk')
    }
  }
}

function applied(revision: bigint): DesiredStateResult {
  return create(DesiredStateResultSchema, { revision, outcome: { case: 'applied', value: {} } })
}

function rejected(revision: bigint, error: YizhanError): DesiredStateResult {
  const failure = { code: error.code, message: error.message, retryable: error.retryable }
  return create(DesiredStateResultSchema, { revision, outcome: { case: 'rejected', value: { failure } } })
}
