import { type Clock, type Logger, YizhanError } from '@yizhan/kernel'
import type { Journal, PruneOptions } from './journal.js'
import { isTerminal, type Turn } from './turn.js'
import type { TurnPages } from './turn-pages.js'
import type { TurnRecords } from './turn-records.js'

export interface HousekeepingDeps {
  readonly journal: Pick<Journal, 'age' | 'next' | 'prune'>
  readonly clock: Clock
  readonly log: Logger
  readonly pages: TurnPages
  readonly records: TurnRecords
  /** Gives up a turn whose reply is of unknown fate. */
  readonly abandon: (turn: Turn) => Promise<unknown>
  /** What somebody has yet to read of the journal; see `PruneOptions.keep`. */
  readonly keep: () => PruneOptions['keep']
}

export interface HousekeepingConfig {
  readonly retentionMs: number
  readonly dedupeMs: number
  readonly housekeepingMs: number
}

/** Forgets what is settled and old, every now and then. */
export class Housekeeping {
  readonly #deps: HousekeepingDeps
  readonly #config: HousekeepingConfig
  readonly #ends = new AbortController()

  constructor(deps: HousekeepingDeps, config: HousekeepingConfig) {
    this.#deps = deps
    this.#config = config
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#ends.abort(new YizhanError('unavailable', 'the ledger is closed'))
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#deps
    const { signal } = this.#ends
    while (!signal.aborted) {
      await clock.sleep(this.#config.housekeepingMs, signal).catch(() => undefined)
      if (signal.aborted) return
      await this.#tidy().catch((thrown: unknown) =>
        log.warn({ err: thrown }, 'the journal could not be pruned'),
      )
    }
  }

  async #tidy(): Promise<void> {
    const { journal, pages, records, abandon } = this.#deps
    const { retentionMs, dedupeMs } = this.#config
    for (const { turn, age } of pages.open()) {
      // A reply of unknown fate has been shown for the whole retention; it must not hold the journal back for ever.
      const unknown = turn.final?.state === 'unknown' || turn.notice?.state === 'unknown'
      if (!unknown || journal.age() - age <= retentionMs) continue
      if (turn.state === 'replying') await abandon(turn)
      const now = pages.get(turn.id)
      if (now && isTerminal(now.turn.state)) pages.giveUpOn(turn.id)
    }
    const before = pages.oldestOpen()?.turn.receivedSeq ?? journal.next
    await records.writeRiding()
    const keep = this.#deps.keep()
    await journal.prune({ before, olderThanMs: retentionMs, dedupeMs, ...(keep ? { keep } : {}) })
  }
}
