import { type Clock, type Logger, type Metrics, newId, sha256Hex, YizhanError } from '@yizhan/kernel'
import type { Message } from '@yizhan/proto'
import { Emptying } from './emptying.js'
import { dedupeKeyOf, encodeEntry, type LedgerEntry } from './entries.js'
import { type HistoryStep, historyOf } from './history.js'
import { Housekeeping } from './housekeeping.js'
import type { Journal, PruneOptions } from './journal.js'
import { createLedgerMetrics, type LedgerMetrics } from './ledger-metrics.js'
import { Mending } from './mending.js'
import type {
  Ledger,
  MendOrder,
  MendOutcome,
  MendPlan,
  MendResult,
  Rating,
  Received,
  Transition,
  WhoseAccount,
} from './port.js'
import { rebuild } from './rebuild.js'
import {
  type DeliveredParts,
  isTerminal,
  type Reply,
  type ReplyContent,
  type ReplyKind,
  type ReplyState,
  type Turn,
  type TurnState,
} from './turn.js'
import { applyEntry, checkMove, checkSeen, type Page, replyMoves } from './turn-book.js'
import { TurnPages } from './turn-pages.js'
import { TurnQueue } from './turn-queue.js'
import { type Durability, TurnRecords } from './turn-records.js'

const HOUR = 3_600_000

export interface LedgerConfig {
  /** How long settled turns stay in the journal; default 72 h. */
  readonly retentionMs?: number
  /** How long a platform id is remembered; default 9 h (Feishu pushes again after 7.1 h). */
  readonly dedupeMs?: number
  /** Settled turns kept in memory for status pages; default 1,000. */
  readonly recent?: number
  /** How often the journal is pruned; default 60 s. */
  readonly housekeepingMs?: number
}

export interface EdgeLedger extends Ledger {
  /**
   * Milliseconds since the turn was received; time when the agent did not run counts as far as the center has told of it.
   * Jumps of this machine's clock do not matter.
   */
  waitedMs(turnId: string): number
  /** The states that a turn went through, oldest first. Reads the journal: for people, not for the way of a message. */
  history(turnId: string): Promise<HistoryStep[]>
  /** Knows these messages of a turn that an earlier journal had, as duplicates from now on. How many were not known yet. */
  remember(turns: readonly KnownTurn[]): Promise<number>
  /** Number of journal records found lost when it was opened. */
  readonly lost: number
  /** Writes what was not waited for and stops housekeeping; the journal stays open. */
  close(): Promise<void>
}

/** A turn of an earlier journal: its message is not taken again. */
export interface KnownTurn {
  readonly id: string
  readonly tenantId: string
  readonly channelId: string
  readonly platformId: string
}

export interface LedgerDeps {
  readonly journal: Journal
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** One way, and with a key: platform ids name persons, and stay after an erasure. Default: SHA-256. */
  readonly digest?: (text: string) => string
  /** What somebody has yet to read of the journal; see `PruneOptions.keep`. Default: nothing. */
  readonly keep?: () => PruneOptions['keep']
  /** Milliseconds that this edge was off since the journal had an age; default: never. */
  readonly offSince?: (age: number) => number
}

/** If a crash loses one of these, a step without effect outside is repeated. */
const RIDES: ReadonlySet<TurnState> = new Set(['routed', 'answering', 'streaming', 'replying'])

/**
 * The `done` of a delivered final says no more than its `sent` or `confirmed`, which go to disk with it. If a power cut takes
 * `forwarded`, the turn is routed again and asks the center again, which knows it by its id.
 */
function durabilityOf(turn: Turn, to: TurnState): Durability {
  if (RIDES.has(to)) return 'rides'
  const delivered = turn.final?.state === 'sent' || turn.final?.state === 'confirmed'
  return to === 'forwarded' || (to === 'done' && delivered) ? 'written' : 'fsync'
}

/** The ledger as the journal tells it. Turns whose records are damaged end as `failed` and are not executed again. */
export async function openLedger(deps: LedgerDeps, config: LedgerConfig = {}): Promise<EdgeLedger> {
  const settings = {
    retentionMs: config.retentionMs ?? 72 * HOUR,
    dedupeMs: config.dedupeMs ?? 9 * HOUR,
    recent: config.recent ?? 1_000,
    housekeepingMs: config.housekeepingMs ?? 60_000,
  }
  const { journal, log } = deps
  // Some way back from what is settled, so that status pages are not empty after a restart.
  const from = Math.max(1, journal.settled - settings.recent * 6)
  const rebuilt = await rebuild(log, journal, from, settings.recent)
  const ledger = new JournalLedger(deps, settings, rebuilt.pages, rebuilt.lost)
  if (rebuilt.lost > 0) {
    log.error({ lost: rebuilt.lost, inDoubt: rebuilt.inDoubt.length }, 'the journal has lost records')
  }
  for (const { turn } of rebuilt.inDoubt) await ledger.giveUp(turn)
  ledger.start()
  return ledger
}

class JournalLedger implements EdgeLedger {
  readonly lost: number
  readonly #deps: LedgerDeps
  readonly #metrics: LedgerMetrics
  readonly #pages: TurnPages
  readonly #queue = new TurnQueue()
  readonly #records: TurnRecords
  readonly #mending: Mending
  readonly #emptying: Emptying
  readonly #housekeeping: Housekeeping
  readonly #receiving = new Map<string, Promise<Received>>()
  readonly #listeners = new Set<Parameters<Ledger['onChange']>[0]>()

  constructor(
    deps: LedgerDeps,
    config: Required<LedgerConfig>,
    pages: ReadonlyMap<string, Page>,
    lost: number,
  ) {
    this.#deps = deps
    this.lost = lost
    const metrics = createLedgerMetrics(deps.metrics)
    metrics.lost.inc(lost)
    this.#metrics = metrics
    this.#pages = new TurnPages(config.recent, (open) => metrics.open.set(open))
    this.#records = new TurnRecords({ ...deps, metrics, pages: this.#pages, queue: this.#queue })
    const parts = { ...deps, pages: this.#pages, records: this.#records, queue: this.#queue }
    this.#mending = new Mending(parts)
    this.#emptying = new Emptying(parts)
    this.#housekeeping = new Housekeeping(
      {
        ...parts,
        keep: deps.keep ?? (() => undefined),
        abandon: (turn) => this.transition(turn.id, { to: 'abandoned', cause: 'reply-unknown' }),
      },
      config,
    )
    const inOrder = [...pages.values()].sort((a, b) => a.turn.receivedSeq - b.turn.receivedSeq)
    for (const page of inOrder) this.#pages.keep(page)
  }

  get epoch(): bigint {
    return this.#deps.journal.epoch
  }

  start(): void {
    this.#housekeeping.start()
  }

  async receive(message: Message, taken: (turn: Turn) => void = () => undefined): Promise<Received> {
    const key = this.#keyOf(message)
    if (key === undefined) return this.#accept(message, undefined, taken)
    const flying = this.#receiving.get(key)
    if (flying) {
      return flying.then(
        (first) => ({
          outcome: 'duplicate',
          turnId: first.outcome === 'accepted' ? first.turn.id : first.turnId,
        }),
        () => this.receive(message, taken),
      )
    }
    const known = this.#deps.journal.known(key)
    if (known !== undefined) return { outcome: 'duplicate', turnId: known }
    const accepting = this.#accept(message, key, taken).finally(() => this.#receiving.delete(key))
    this.#receiving.set(key, accepting)
    return accepting
  }

  async #accept(message: Message, key: string | undefined, taken: (turn: Turn) => void): Promise<Received> {
    const { clock, journal } = this.#deps
    const full = journal.full()
    if (full) throw full
    const at = clock.wall()
    const entry = { k: 'received', id: newId('t', at), at, message } as const
    const page = applyEntry(undefined, entry, journal.next, journal.age())
    const arriving = this.#records.arrive(
      page,
      entry,
      key === undefined ? undefined : { key, value: entry.id },
    )
    taken(page.turn)
    const turn = await arriving
    this.#tell(turn, { state: 'received' })
    return { outcome: 'accepted', turn }
  }

  durable(turnId: string): Promise<Turn> {
    return this.#records.durable(turnId)
  }

  awaiting<T>(turnId: string, work: Promise<T>): Promise<T> {
    return this.#records.awaiting(turnId, work)
  }

  async remember(turns: readonly KnownTurn[]): Promise<number> {
    const { clock, journal } = this.#deps
    let fresh = 0
    for (const known of turns) {
      const key = this.#keyOf(known)
      if (key === undefined || journal.known(key) !== undefined) continue
      const entry: LedgerEntry = { k: 'known', id: known.id, at: clock.wall() }
      await journal.append([encodeEntry(entry)], { dedupe: { key, value: known.id } })
      fresh += 1
    }
    return fresh
  }

  transition(turnId: string, transition: Transition): Promise<Turn> {
    const { to, cause, actor = 'edge', ticket, seen } = transition
    return this.#queue.run(turnId, async () => {
      const { turn } = this.#pages.need(turnId)
      checkSeen(turn, seen)
      checkMove(turn, to)
      const at = this.#deps.clock.wall()
      const change = { k: 'state', at, to, version: turn.version + 1, cause, actor } as const
      const next = await this.#records.record(
        turnId,
        ticket === undefined ? change : { ...change, ticket },
        durabilityOf(turn, to),
      )
      this.#tell(next, { state: to })
      return next
    })
  }

  addReply(turnId: string, kind: ReplyKind, content: ReplyContent, seen?: number): Promise<Turn> {
    return this.#queue.run(turnId, async () => {
      const { turn } = this.#pages.need(turnId)
      checkSeen(turn, seen)
      if (turn[kind]) {
        throw new YizhanError('conflict', `turn ${turnId} has a ${kind} already`, { details: { turnId } })
      }
      const next = await this.#records.record(
        turnId,
        { k: 'reply', at: this.#deps.clock.wall(), kind, content },
        'fsync',
      )
      this.#tellReply(next, kind)
      return next
    })
  }

  replyState(turnId: string, kind: ReplyKind, state: ReplyState, delivered?: DeliveredParts): Promise<Turn> {
    return this.#queue.run(turnId, async () => {
      const { turn } = this.#pages.need(turnId)
      if (!replyMoves(turn, kind, state, delivered)) return turn
      const isOut = state === 'sent' || state === 'confirmed'
      // The `done` that follows a delivered final takes it along.
      const rides = isOut && kind === 'final' && !isTerminal(turn.state)
      const durability = rides ? 'rides' : isOut || state === 'pending' ? 'written' : 'fsync'
      const at = this.#deps.clock.wall()
      const entry = { k: 'reply-state', at, kind, state, ...(delivered ? { delivered } : {}) } as const
      const next = await this.#records.record(turnId, entry, durability)
      this.#tell(next, replyOf(next, kind))
      return next
    })
  }

  rate(turnId: string, { rating, reason, at, by }: Rating): Promise<Turn> {
    return this.#queue.run(turnId, async () => {
      const { turn, feedbackBy = 0 } = this.#pages.need(turnId)
      if (by <= feedbackBy) return turn
      const next = await this.#records.record(turnId, { k: 'feedback', at, by, rating, reason }, 'fsync')
      // A reason that is given later is no second rating.
      if (next.feedback?.rating !== turn.feedback?.rating) this.#metrics.feedback.inc({ rating })
      this.#tell(next, {})
      return next
    })
  }

  async mend(turnId: string, order: MendOrder, plan: (turn: Turn) => MendPlan): Promise<MendResult> {
    const mended = await this.#mending.mend(turnId, order, plan)
    const { turn, successor } = mended
    if (successor) this.#tell(successor, { state: 'received' })
    for (const next of [turn, successor]) {
      if (!next) continue
      const answered = next.final?.state === 'pending' && next.final.content.answeredBy === 'person'
      if (next === turn || answered) this.#tell(next, { state: next.state })
      if (answered) this.#tellReply(next, 'final')
    }
    return mended
  }

  outcomeOf(commandId: string): MendOutcome | undefined {
    return this.#mending.outcomeOf(commandId)
  }

  clear(turnId: string): void {
    this.#records.clear(turnId)
  }

  blank(turnIds: readonly string[]): Promise<void> {
    return this.#emptying.blank(turnIds)
  }

  erase(whose: WhoseAccount, signal: AbortSignal): Promise<{ turns: number; records: number }> {
    return this.#emptying.erase(whose, signal)
  }

  async history(turnId: string): Promise<HistoryStep[]> {
    return await historyOf(this.#deps.journal, this.#pages.need(turnId), this.#records.riding(turnId))
  }

  get(turnId: string): Turn | undefined {
    return this.#pages.get(turnId)?.turn
  }

  open(): Turn[] {
    return this.#pages.open().map(({ turn }) => turn)
  }

  recent(limit: number): Turn[] {
    return this.#pages.recent(limit)
  }

  onChange(fn: Parameters<Ledger['onChange']>[0]): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  waitedMs(turnId: string): number {
    const { journal, offSince = () => 0 } = this.#deps
    const { age } = this.#pages.need(turnId)
    return journal.age() - age + offSince(age)
  }

  /** Ends a turn whose records are damaged: shown as failed, nothing is done again. */
  async giveUp(turn: Turn): Promise<void> {
    if (!isTerminal(turn.state)) await this.transition(turn.id, { to: 'failed', cause: 'journal-gap' })
    for (const kind of ['notice', 'final'] as const) {
      const state = turn[kind]?.state
      if (state === 'pending' || state === 'attempting') await this.replyState(turn.id, kind, 'unknown')
    }
  }

  async close(): Promise<void> {
    this.#housekeeping.stop()
    await this.#queue.settled()
    await this.#records.writeRiding()
  }

  /** Undefined without a platform id: then nothing tells two deliveries apart. */
  #keyOf(message: Pick<Message, 'tenantId' | 'channelId' | 'platformId'>): string | undefined {
    const key = dedupeKeyOf(message)
    return key === undefined ? undefined : (this.#deps.digest ?? sha256Hex)(key)
  }

  /** A reply was recorded. */
  #tellReply(turn: Turn, kind: ReplyKind): void {
    const { reply } = replyOf(turn, kind)
    if (reply && kind === 'final') this.#metrics.answered.inc({ by: reply.content.answeredBy })
    if (reply) this.#tell(turn, { reply })
  }

  #tell(turn: Turn, change: { state?: TurnState; reply?: Reply }): void {
    if (change.state) this.#metrics.turns.inc({ state: change.state })
    for (const listener of this.#listeners) {
      try {
        listener(turn, change)
      } catch (thrown) {
        this.#deps.log.error({ err: thrown, turnId: turn.id }, 'a ledger listener failed')
      }
    }
  }
}

function replyOf(turn: Turn, kind: ReplyKind): { reply?: Reply } {
  const reply = turn[kind]
  return reply ? { reply } : {}
}
