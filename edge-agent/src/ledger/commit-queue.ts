import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'

export interface Entry {
  readonly records: readonly Uint8Array[]
  readonly dedupe?: { readonly key: string; readonly value: string }
  readonly lazy?: boolean
  readonly intake?: boolean
  /** Ends the segment that is written, for one that is to be rewritten. */
  readonly seals?: boolean
}

interface Waiting {
  readonly entry: Entry
  readonly resolve: (seq: number) => void
  readonly reject: (error: YizhanError) => void
}

export interface CommitTarget {
  /** Writes the entries as one and gives their positions, one for each. Rejects with `disk_full` if nothing was taken. */
  commit(entries: readonly Entry[], sync: boolean): Promise<readonly number[]>
  /** The disk is full. With `give` the ballast is given up; false if there was none or it is not to go. */
  full(give: boolean): Promise<boolean>
}

/** What one commit takes at most, unless one entry alone is larger. */
const MAX_BYTES = 1 << 20

/** What was written without a sync gets one after so many milliseconds, unless another commit was synced meanwhile. */
const LAZY_MS = 1_000

/** Group commit: a write starts at once, what arrives meanwhile goes into the next one. */
export class CommitQueue {
  readonly #target: CommitTarget
  readonly #onFatal: (error: YizhanError) => void
  readonly #log: Logger
  readonly #clock: Pick<Clock, 'after'>
  #cancelLazySync: (() => void) | undefined
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #dead: YizhanError | undefined

  constructor(
    deps: {
      readonly log: Logger
      readonly clock: Pick<Clock, 'after'>
      readonly onFatal: (error: YizhanError) => void
    },
    target: CommitTarget,
  ) {
    this.#target = target
    this.#log = deps.log
    this.#clock = deps.clock
    this.#onFatal = deps.onFatal
  }

  add(entry: Entry): Promise<number> {
    if (this.#dead) return Promise.reject(this.#dead)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Refuses what comes after and waits for what was added. */
  async end(error: YizhanError): Promise<void> {
    while (this.#running) await this.#running
    this.#noLazySync()
    this.#dead ??= error
  }

  /** Nothing is written any more; says so once. Returns what everybody is told. */
  die(error: YizhanError): YizhanError {
    if (this.#dead) return this.#dead
    const fatal =
      error.code === 'storage_failed'
        ? error
        : new YizhanError('storage_failed', `the journal failed: ${error.message}`, { cause: error })
    this.#dead = fatal
    this.#noLazySync()
    rejectAll(this.#waiting.splice(0), fatal)
    this.#log.fatal({ err: fatal }, 'the journal failed; the process must exit')
    this.#onFatal(fatal)
    return fatal
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#take(), true)
    // In the same step in which nothing was found waiting: whoever comes next starts a new run.
    this.#running = undefined
  }

  #take(): Waiting[] {
    let bytes = 0
    const end = this.#waiting.findIndex(({ entry }, i) => {
      for (const record of entry.records) bytes += record.length
      return i > 0 && bytes > MAX_BYTES
    })
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end)
  }

  async #commit(batch: readonly Waiting[], mayMakeRoom: boolean): Promise<void> {
    if (batch.length === 0) return
    if (this.#dead) return rejectAll(batch, this.#dead)
    try {
      const sync = batch.some(({ entry }) => !entry.lazy)
      const firsts = await this.#target.commit(
        batch.map(({ entry }) => entry),
        sync,
      )
      if (sync) this.#noLazySync()
      else this.#cancelLazySync ??= this.#clock.after(LAZY_MS, () => this.#syncWritten())
      batch.forEach((waiting, i) => {
        waiting.resolve(firsts[i] ?? 0)
      })
    } catch (thrown) {
      await this.#failed(toYizhanError(thrown, 'storage_failed'), batch, mayMakeRoom)
    }
  }

  #syncWritten(): void {
    this.#cancelLazySync = undefined
    // Who fails to sync has said so already.
    this.add({ records: [] }).catch(() => undefined)
  }

  #noLazySync(): void {
    this.#cancelLazySync?.()
    this.#cancelLazySync = undefined
  }

  async #failed(error: YizhanError, batch: readonly Waiting[], mayMakeRoom: boolean): Promise<void> {
    if (error.code !== 'disk_full') return rejectAll(batch, this.die(error))
    const accepted = batch.filter(({ entry }) => !entry.intake)
    rejectAll(
      batch.filter(({ entry }) => entry.intake),
      error,
    )
    const hasRoom = await this.#target.full(mayMakeRoom && accepted.length > 0)
    if (accepted.length === 0) return
    if (hasRoom) {
      this.#log.error({ err: error }, 'the disk is full: the ballast was given up for work already accepted')
      return this.#commit(accepted, false)
    }
    this.#log.error({ err: error, records: accepted.length }, 'the disk is full: nothing was written')
    rejectAll(accepted, error)
  }
}

function rejectAll(batch: readonly Waiting[], error: YizhanError): void {
  for (const waiting of batch) waiting.reject(error)
}
