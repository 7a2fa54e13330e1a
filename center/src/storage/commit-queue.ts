import { YizhanError } from '@yizhan/kernel'

/** Waiting work; `bytes` is what it will write. */
export interface Commit {
  readonly bytes: number
  reject(error: unknown): void
}

const MAX_WAITING = 4_096
const MAX_WAITING_BYTES = 64 * 1024 * 1024
const GROUP_COUNT = 256
const GROUP_BYTES = 4 * 1024 * 1024

/**
 * Group commit: while one group is being synced the next one gathers, in the order of the calls. At most 4,096
 * commits or 64 MiB wait; what comes beyond that is refused with `overloaded`.
 */
export class CommitQueue<C extends Commit> {
  readonly #commitGroup: (group: readonly C[]) => Promise<void>
  #waiting: C[] = []
  #waitingBytes = 0
  #running: Promise<void> | undefined
  #closed = false

  /** `commitGroup` settles every member itself; it gets the next group only when it has resolved. */
  constructor(commitGroup: (group: readonly C[]) => Promise<void>) {
    this.#commitGroup = commitGroup
  }

  push(commit: C): void {
    const refusal = this.#refusal()
    if (refusal) {
      commit.reject(refusal)
      return
    }
    this.#waiting.push(commit)
    this.#waitingBytes += commit.bytes
    this.#running ??= this.#run()
  }

  /** Refuses new commits; resolves when those that wait are through. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  #refusal(): YizhanError | undefined {
    if (this.#closed) return new YizhanError('unavailable', 'the store is closed')
    const full = this.#waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES
    return full ? new YizhanError('overloaded', 'too many writes wait for the disk') : undefined
  }

  async #run(): Promise<void> {
    // Lets the callers of this turn of the loop get into the first group.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#commitGroup(group)
      } catch (thrown) {
        for (const commit of group) commit.reject(thrown)
      }
    }
    this.#running = undefined
  }

  #takeGroup(): readonly C[] {
    let bytes = 0
    let count = 0
    for (const commit of this.#waiting) {
      if (count > 0 && (count >= GROUP_COUNT || bytes + commit.bytes > GROUP_BYTES)) break
      bytes += commit.bytes
      count += 1
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }
}
