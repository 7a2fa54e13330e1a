import type { EdgeId, Logger } from '@yizhan/kernel'
import { create, type SignedDesiredState, SignedDesiredStateSchema } from '@yizhan/proto'
import type { DesiredStates, EdgeRegistry } from '../fleet/port.js'

export interface FeedDeps {
  readonly log: Logger
  readonly registry: EdgeRegistry
  readonly desiredStates: DesiredStates
}

/**
 * Keeps one link's edge at its desired state: sends the current one whenever the edge does not have it. Changes that
 * come while one is being read are read once more after it, so the last one always goes out.
 */
export class DesiredStateFeed {
  readonly #deps: FeedDeps
  readonly #edge: EdgeId
  readonly #send: (state: SignedDesiredState) => void
  /** The revision that the edge has, or was sent last. */
  #held: number
  #highestSent = 0
  #s: 'idle' | 'reading' | 'reading-again' | 'failed' | 'stopped' = 'idle'

  constructor(
    deps: FeedDeps,
    edge: EdgeId,
    appliedRevision: number,
    send: (state: SignedDesiredState) => void,
  ) {
    this.#deps = deps
    this.#edge = edge
    this.#held = appliedRevision
    this.#send = send
  }

  /** Looks whether the edge needs another state. */
  refresh(): void {
    if (this.#s === 'stopped' || this.#s === 'reading-again') return
    if (this.#s === 'reading') {
      this.#s = 'reading-again'
      return
    }
    this.#s = 'reading'
    void this.#read()
  }

  /** Tries again what failed; called with every heartbeat. */
  retry(): void {
    if (this.#s === 'failed') this.refresh()
  }

  stop(): void {
    this.#s = 'stopped'
  }

  /** Whether this link has sent such a revision: an edge cannot speak for one that it never got. */
  sent(revision: number): boolean {
    return revision > 0 && revision <= this.#highestSent
  }

  /** The latest revision that this link has sent; 0 before the first. */
  get latest(): number {
    return this.#highestSent
  }

  async #read(): Promise<void> {
    try {
      const state = await this.#deps.desiredStates.current(this.#edge)
      if (this.#s === 'stopped') return
      const again = this.#s === 'reading-again'
      this.#s = 'idle'
      if (state.revision !== this.#held) this.#sendState(state)
      else await this.#noteHeld(state.revision)
      if (again) this.refresh()
    } catch (thrown) {
      this.#deps.log.error({ err: thrown, edge: this.#edge }, 'desired state is not available')
      if (this.#s !== 'stopped') this.#s = 'failed'
    }
  }

  #sendState(state: SignedDesiredState & { readonly revision: number }): void {
    this.#held = state.revision
    this.#highestSent = Math.max(this.#highestSent, state.revision)
    const { payload, signature, keyId } = state
    this.#send(create(SignedDesiredStateSchema, { payload, signature, keyId }))
  }

  /** The answer to an earlier link's state was lost with that link: the Hello tells it again. */
  async #noteHeld(revision: number): Promise<void> {
    if (this.#highestSent > 0 || revision === 0) return
    if (this.#deps.registry.get(this.#edge)?.appliedRevision === revision) return
    await this.#deps.registry.noteApplied(this.#edge, revision)
  }
}
