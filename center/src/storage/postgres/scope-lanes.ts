import { YizhanError } from '@yizhan/kernel'
import type { Commit } from '../commit-queue.js'
import type { Scope } from '../engine.js'

const MAX_WAITING = 4_096
const MAX_WAITING_BYTES = 64 * 1024 * 1024
const GROUP_COUNT = 256
const GROUP_BYTES = 4 * 1024 * 1024

/**
 * Group commit for each scope by itself: while a group of a scope is being committed its next one gathers, in the order
 * of the calls, and other scopes go on beside it. Over all scopes at most 4,096 commits or 64 MiB wait; what comes
 * beyond that is refused with `overloaded`.
 */
export class ScopeLanes<C extends Commit> {
  readonly #commitGroup: (scope: Scope, group: readonly C[]) => Promise<void>
  readonly #lanes = new Map<Scope, { waiting: C[]; running: Promise<void> }>()
  #waiting = 0
  #waitingBytes = 0
  #closed = false

  /** `commitGroup` settles every member itself; it gets the next group of that scope only when it has resolved. */
  constructor(commitGroup: (scope: Scope, group: readonly C[]) => Promise<void>) {
    this.#commitGroup = commitGroup
  }

  push(scope: Scope, commit: C): void {
    const refusal = this.#refusal()
    if (refusal) {
      commit.reject(refusal)
      return
    }
    this.#waiting += 1
    this.#waitingBytes += commit.bytes
    const lane = this.#lanes.get(scope)
    if (lane) {
      lane.waiting.push(commit)
      return
    }
    const waiting = [commit]
    this.#lanes.set(scope, { waiting, running: this.#run(scope, waiting) })
  }

  /** Refuses new commits; resolves when those that wait are through. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#lanes.values()].map(({ running }) => running))
  }

  #refusal(): YizhanError | undefined {
    if (this.#closed) return new YizhanError('unavailable', 'the store is closed')
    const full = this.#waiting >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES
    return full ? new YizhanError('overloaded', 'too many calls wait for the database') : undefined
  }

  async #run(scope: Scope, waiting: C[]): Promise<void> {
    // Lets the callers of this turn of the loop get into the first group.
    await Promise.resolve()
    while (waiting.length > 0) {
      const group = this.#takeGroup(waiting)
      try {
        await this.#commitGroup(scope, group)
      } catch (thrown) {
        for (const commit of group) commit.reject(thrown)
      }
    }
    this.#lanes.delete(scope)
  }

  #takeGroup(waiting: C[]): readonly C[] {
    let bytes = 0
    let count = 0
    for (const commit of waiting) {
      if (count > 0 && (count >= GROUP_COUNT || bytes + commit.bytes > GROUP_BYTES)) break
      bytes += commit.bytes
      count += 1
    }
    this.#waiting -= count
    this.#waitingBytes -= bytes
    return waiting.splice(0, count)
  }
}
