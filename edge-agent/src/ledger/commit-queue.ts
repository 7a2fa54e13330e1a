import { type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { Op } from './engine.js'
import type { Replacement } from './journal.js'

/** What one commit writes. */
export interface Commit {
  readonly ops: Op[]
  /** Sets what the commit changed in memory; called after it is written, before its callers are told. */
  done(how: { readonly synced: boolean }): void
}

export interface Entry {
  readonly records: readonly Uint8Array[]
  readonly dedupe?: { readonly key: string; readonly value: string }
  readonly lazy?: boolean
  readonly intake?: boolean
  readonly deletes?: readonly string[]
  readonly replaces?: readonly Replacement[]
}

interface Waiting {
  readonly entry: Entry
  readonly resolve: (seq: number) => void
  readonly reject: (error: YizhanError) => void
}

export interface CommitTarget {
  /** Gives the entries their positions; `firsts` has one for each entry. */
  build(entries: readonly Entry[]): Commit & { readonly firsts: readonly number[] }
  write(ops: Op[], sync: boolean): Promise<void>
  /** Opens the store afresh after a failed write. Rejects with `disk_full` if there is still no room. */
  reopen(): Promise<void>
  /** Gives up the ballast; false if there was none. */
  makeRoom(): Promise<boolean>
}

/**
 * Group commit: a write starts at once, what arrives meanwhile goes into the next one. After a write that failed for
 * want of space the store is opened afresh before the next, because LevelDB goes on behind a torn record and would
 * lose what follows it; and what the failed write may have left behind is taken back by the next one.
 */
export class CommitQueue {
  readonly #target: CommitTarget
  readonly #onFatal: (error: YizhanError) => void
  readonly #deps: { readonly log: Logger }
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #torn = false
  #undo = new Set<string>()
  #dead: YizhanError | undefined

  constructor(
    deps: { readonly log: Logger; readonly onFatal: (error: YizhanError) => void },
    target: CommitTarget,
  ) {
    this.#deps = deps
    this.#target = target
    this.#onFatal = deps.onFatal
  }

  /** Whether a failed write may have left this key behind: then it counts as absent. */
  disowned(key: string): boolean {
    return this.#undo.has(key)
  }

  add(entry: Entry): Promise<number> {
    if (this.#dead) return Promise.reject(this.#dead)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject })
      if (!this.#running) this.#running = this.#run()
    })
  }

  /** Refuses what comes after and waits for what was added. */
  async end(error: YizhanError): Promise<void> {
    while (this.#running) await this.#running
    this.#dead ??= error
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      await this.#commit(batch, true)
    }
    // In the same step in which nothing was found waiting: whoever comes next starts a new run.
    this.#running = undefined
  }

  async #commit(batch: readonly Waiting[], mayMakeRoom: boolean): Promise<void> {
    if (this.#dead) return rejectAll(batch, this.#dead)
    let ops: Op[] = []
    try {
      if (this.#torn) {
        await this.#target.reopen()
        this.#torn = false
      }
      const commit = this.#target.build(batch.map((waiting) => waiting.entry))
      ops = commit.ops
      const undo: Op[] = [...this.#undo].map((key) => ({ type: 'del', key }))
      const synced = batch.some(({ entry }) => !entry.lazy)
      await this.#target.write(undo.length > 0 ? [...undo, ...ops] : ops, synced)
      this.#undo.clear()
      commit.done({ synced })
      batch.forEach((waiting, i) => {
        waiting.resolve(commit.firsts[i] ?? 0)
      })
    } catch (thrown) {
      await this.#failed(toYizhanError(thrown, 'storage_failed'), batch, ops, mayMakeRoom)
    }
  }

  async #failed(
    error: YizhanError,
    batch: readonly Waiting[],
    ops: readonly Op[],
    mayMakeRoom: boolean,
  ): Promise<void> {
    if (error.code !== 'disk_full') return this.#die(error, batch)
    this.#torn = true
    for (const op of ops) if (op.type === 'put' && !op.again) this.#undo.add(op.key)
    const accepted = batch.filter(({ entry }) => !entry.intake)
    rejectAll(
      batch.filter(({ entry }) => entry.intake),
      error,
    )
    if (mayMakeRoom && (await this.#target.makeRoom())) {
      this.#deps.log.error(
        { err: error },
        'the disk is full: the ballast was given up for work already accepted',
      )
      return this.#commit(accepted, false)
    }
    this.#deps.log.error({ err: error, records: accepted.length }, 'the disk is full: nothing was written')
    rejectAll(accepted, error)
  }

  #die(error: YizhanError, batch: readonly Waiting[]): void {
    const fatal =
      error.code === 'storage_failed'
        ? error
        : new YizhanError('storage_failed', `the journal failed: ${error.message}`, { cause: error })
    this.#dead = fatal
    rejectAll(batch, fatal)
    rejectAll(this.#waiting, fatal)
    this.#waiting = []
    this.#deps.log.fatal({ err: fatal }, 'the journal failed; the process must exit')
    this.#onFatal(fatal)
  }
}

function rejectAll(batch: readonly Waiting[], error: YizhanError): void {
  for (const waiting of batch) waiting.reject(error)
}
