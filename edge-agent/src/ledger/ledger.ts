import { type Clock, type Logger, type Metrics, newId, sha256Hex, YizhanError } from '@yizhan/kernel'
import type { Message } from '@yizhan/proto'
import { emptyMessage, emptyTurn } from './emptied.js'
import { dedupeKeyOf, encodeEntry, type LedgerEntry } from './entries.js'
import { entriesToEmpty } from './erasing.js'
import { type HistoryStep, historyOf } from './history.js'
import type { Journal, Replacement } from './journal.js'
import { createLedgerMetrics, type LedgerMetrics } from './ledger-metrics.js'
import type { Ledger, Rating, Received, Transition, WhoseAccount } from './port.js'
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
import { applyEntry, checkMove, isSettled, type Page, replyMoves } from './turn-book.js'

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
  /** Number of journal records found lost when it was opened. */
  readonly lost: number
  /** Writes what was not waited for and stops housekeeping; the journal stays open. */
  close(): Promise<void>
}

export interface LedgerDeps {
  readonly journal: Journal
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** One way, and with a key: platform ids name persons, and stay after an erasure. Default: SHA-256. */
  readonly digest?: (text: string) => string
  /** Milliseconds that this edge was off since the journal had an age; default: never. */
  readonly offSince?: (age: number) => number
}

/**
 * How a change gets to disk: `fsync` is waited for, `written` is not synced for its own sake, `rides` goes along with
 * the next change of its turn that is written.
 */
type Durability = 'fsync' | 'written' | 'rides'

/** If a crash loses one of these, a step without effect outside is repeated. */
const RIDES: ReadonlySet<TurnState> = new Set(['routed', 'answering', 'streaming', 'replying'])

/** The `done` of a delivered final says no more than its `sent` or `confirmed`, which go to disk with it. */
function durabilityOf(turn: Turn, to: TurnState): Durability {
  if (RIDES.has(to)) return 'rides'
  const delivered = turn.final?.state === 'sent' || turn.final?.state === 'confirmed'
  return to === 'done' && delivered ? 'written' : 'fsync'
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
  ledger.startHousekeeping()
  return ledger
}

class JournalLedger implements EdgeLedger {
  readonly lost: number
  readonly #deps: LedgerDeps
  readonly #config: Required<LedgerConfig>
  readonly #metrics: LedgerMetrics
  /** In the order in which they were received. */
  readonly #open = new Map<string, Page>()
  readonly #settled = new Map<string, Page>()
  readonly #receiving = new Map<string, Promise<Received>>()
  readonly #tails = new Map<string, Promise<void>>()
  readonly #riding = new Map<string, LedgerEntry[]>()
  readonly #listeners = new Set<Parameters<Ledger['onChange']>[0]>()
  #cancelTimer: (() => void) | undefined

  constructor(
    deps: LedgerDeps,
    config: Required<LedgerConfig>,
    pages: ReadonlyMap<string, Page>,
    lost: number,
  ) {
    this.#deps = deps
    this.#config = config
    this.lost = lost
    this.#metrics = createLedgerMetrics(deps.metrics)
    this.#metrics.lost.inc(lost)
    const inOrder = [...pages.values()].sort((a, b) => a.turn.receivedSeq - b.turn.receivedSeq)
    for (const page of inOrder) this.#keep(page)
  }

  get epoch(): bigint {
    return this.#deps.journal.epoch
  }

  async receive(message: Message): Promise<Received> {
    const platformKey = dedupeKeyOf(message)
    if (platformKey === undefined) return this.#accept(message, undefined)
    const key = (this.#deps.digest ?? sha256Hex)(platformKey)
    const flying = this.#receiving.get(key)
    if (flying) {
      return flying.then(
        (first) => ({
          outcome: 'duplicate',
          turnId: first.outcome === 'accepted' ? first.turn.id : first.turnId,
        }),
        () => this.receive(message),
      )
    }
    const known = this.#deps.journal.known(key)
    if (known !== undefined) return { outcome: 'duplicate', turnId: known }
    const accepting = this.#accept(message, key).finally(() => this.#receiving.delete(key))
    this.#receiving.set(key, accepting)
    return accepting
  }

  async #accept(message: Message, key: string | undefined): Promise<Received> {
    const at = this.#deps.clock.wall()
    const entry: LedgerEntry = { k: 'received', id: newId('t', at), at, message }
    const options = key === undefined ? {} : { dedupe: { key, value: entry.id } }
    const age = this.#deps.journal.age()
    const seq = await this.#metrics.timed(() =>
      this.#deps.journal.append([encodeEntry(entry)], { ...options, intake: true }),
    )
    const page = applyEntry(undefined, entry, seq, age)
    this.#keep(page)
    this.#tell(page.turn, { state: 'received' })
    return { outcome: 'accepted', turn: page.turn }
  }

  transition(turnId: string, transition: Transition): Promise<Turn> {
    const { to, cause, actor = 'edge', ticket } = transition
    return this.#inTurn(turnId, async () => {
      const { turn, n } = this.#page(turnId)
      checkMove(turn, to)
      const at = this.#deps.clock.wall()
      const version = turn.version + 1
      const base = { k: 'state', id: turnId, r: turn.receivedSeq, n, at, to, version, cause, actor } as const
      const entry = ticket === undefined ? base : { ...base, ticket }
      const next = await this.#record(entry, durabilityOf(turn, to))
      this.#tell(next, { state: to })
      return next
    })
  }

  addReply(turnId: string, kind: ReplyKind, content: ReplyContent): Promise<Turn> {
    return this.#inTurn(turnId, async () => {
      const { turn, n } = this.#page(turnId)
      if (turn[kind]) {
        throw new YizhanError('conflict', `turn ${turnId} has a ${kind} already`, { details: { turnId } })
      }
      const next = await this.#record(
        { k: 'reply', id: turnId, r: turn.receivedSeq, n, kind, content },
        'fsync',
      )
      if (kind === 'final') this.#metrics.answered.inc({ by: content.answeredBy })
      this.#tellReply(next, kind)
      return next
    })
  }

  replyState(turnId: string, kind: ReplyKind, state: ReplyState, delivered?: DeliveredParts): Promise<Turn> {
    return this.#inTurn(turnId, async () => {
      const { turn, n } = this.#page(turnId)
      if (!replyMoves(turn, kind, state, delivered)) return turn
      const isOut = state === 'sent' || state === 'confirmed'
      // The `done` that follows a delivered final takes it along.
      const rides = isOut && kind === 'final' && !isTerminal(turn.state)
      const base = { k: 'reply-state', id: turnId, r: turn.receivedSeq, n, kind, state } as const
      const entry = delivered ? { ...base, delivered } : base
      const next = await this.#record(
        entry,
        rides ? 'rides' : isOut || state === 'pending' ? 'written' : 'fsync',
      )
      this.#tellReply(next, kind)
      return next
    })
  }

  rate(turnId: string, { rating, reason, at, by }: Rating): Promise<Turn> {
    return this.#inTurn(turnId, async () => {
      const { turn, n, feedbackBy = 0 } = this.#page(turnId)
      if (by <= feedbackBy) return turn
      const entry = { k: 'feedback', id: turnId, r: turn.receivedSeq, n, at, by, rating, reason } as const
      const next = await this.#record(entry, 'fsync')
      // A reason that is given later is no second rating.
      if (next.feedback?.rating !== turn.feedback?.rating) this.#metrics.feedback.inc({ rating })
      this.#tell(next, {})
      return next
    })
  }

  async blank(turnIds: readonly string[]): Promise<void> {
    const replacements: Replacement[] = []
    for (const turnId of turnIds) {
      await this.#inTurn(turnId, async () => {
        const page = this.#open.get(turnId) ?? this.#settled.get(turnId)
        // One that is emptied already may not be so on disk, if that was full.
        if (!page || page.turn.emptied === 'all') return
        const { id, receivedAt: at, receivedSeq: seq } = page.turn
        const message = emptyMessage(page.turn.message, 'text')
        const bytes = encodeEntry({ k: 'received', id, at, message, emptied: 'text' })
        replacements.push({ seq, age: page.age, bytes })
        this.#keep({ ...page, turn: emptyTurn(page.turn, 'text') })
      })
    }
    await this.#deps.journal.replace(replacements)
  }

  async erase(whose: WhoseAccount, signal: AbortSignal): Promise<{ turns: number; records: number }> {
    const { journal, log } = this.#deps
    await this.#writeRiding()
    const isOpen = (turnId: string) => {
      const state = this.get(turnId)?.state
      return state !== undefined && !isTerminal(state)
    }
    const found = await entriesToEmpty({ journal, log }, whose, isOpen, signal)
    for (const turnId of found.turns) {
      await this.#inTurn(turnId, async () => {
        const page = this.#open.get(turnId) ?? this.#settled.get(turnId)
        if (page) this.#keep({ ...page, turn: emptyTurn(page.turn, 'all') })
      })
    }
    for (const [turnId, message] of found.quoting) {
      const page = this.#open.get(turnId) ?? this.#settled.get(turnId)
      if (page) this.#keep({ ...page, turn: { ...page.turn, message } })
    }
    await journal.replace(found.replacements, { whole: true })
    return { turns: found.turns.size, records: found.replacements.length }
  }

  async history(turnId: string): Promise<HistoryStep[]> {
    const page = this.#page(turnId)
    return await historyOf(this.#deps.journal, page, this.#riding.get(turnId) ?? [])
  }

  get(turnId: string): Turn | undefined {
    return (this.#open.get(turnId) ?? this.#settled.get(turnId))?.turn
  }

  open(): Turn[] {
    return [...this.#open.values()].map(({ turn }) => turn)
  }

  recent(limit: number): Turn[] {
    return [...this.#open.values(), ...this.#settled.values()]
      .map(({ turn }) => turn)
      .sort((a, b) => b.receivedSeq - a.receivedSeq)
      .slice(0, limit)
  }

  onChange(fn: Parameters<Ledger['onChange']>[0]): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  waitedMs(turnId: string): number {
    const { journal, offSince = () => 0 } = this.#deps
    const { age } = this.#page(turnId)
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

  startHousekeeping(): void {
    this.#cancelTimer = this.#deps.clock.after(this.#config.housekeepingMs, () => {
      this.#housekeep()
        .catch((thrown: unknown) => this.#deps.log.warn({ err: thrown }, 'the journal could not be pruned'))
        .finally(() => {
          if (this.#cancelTimer) this.startHousekeeping()
        })
    })
  }

  async close(): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    await Promise.all(this.#tails.values())
    await this.#writeRiding()
  }

  async #housekeep(): Promise<void> {
    const { journal } = this.#deps
    const { retentionMs, dedupeMs } = this.#config
    for (const { turn, age } of [...this.#open.values()]) {
      // A reply of unknown fate has been shown for the whole retention; it must not hold the journal back for ever.
      const unknown = turn.final?.state === 'unknown' || turn.notice?.state === 'unknown'
      if (!unknown || journal.age() - age <= retentionMs) continue
      if (turn.state === 'replying') {
        await this.transition(turn.id, { to: 'abandoned', cause: 'reply-unknown' })
      }
      const page = this.#open.get(turn.id)
      if (page && isTerminal(page.turn.state) && this.#open.delete(turn.id)) this.#remember(page)
    }
    const [oldest] = this.#open.values()
    const before = oldest?.turn.receivedSeq ?? journal.next
    await this.#writeRiding()
    await journal.prune({ before, olderThanMs: retentionMs, dedupeMs })
  }

  async #writeRiding(): Promise<void> {
    await Promise.all(
      [...this.#riding.keys()].map((turnId) =>
        this.#inTurn(turnId, async () => {
          const entries = this.#riding.get(turnId)
          if (!entries) return
          await this.#deps.journal.append(entries.map(encodeEntry), { lazy: true })
          this.#riding.delete(turnId)
        }),
      ),
    )
  }

  /** Runs the changes of one turn one after the other. */
  #inTurn<T>(turnId: string, change: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(turnId) ?? Promise.resolve()).then(change)
    const tail = result.then(
      () => undefined,
      () => undefined,
    )
    this.#tails.set(turnId, tail)
    void tail.then(() => {
      if (this.#tails.get(turnId) === tail) this.#tails.delete(turnId)
    })
    return result
  }

  async #record(entry: LedgerEntry, durability: Durability): Promise<Turn> {
    const { id } = entry
    const page = this.#page(id)
    const riding = this.#riding.get(id) ?? []
    let seq = page.lastSeq
    if (durability === 'rides') {
      this.#riding.set(id, [...riding, entry])
    } else {
      const records = [...riding, entry].map(encodeEntry)
      const lazy = durability === 'written'
      seq = (await this.#metrics.timed(() => this.#deps.journal.append(records, { lazy }))) + riding.length
      this.#riding.delete(id)
    }
    const next = applyEntry(page, entry, seq, page.age)
    this.#keep(next)
    return next.turn
  }

  #page(turnId: string): Page {
    const page = this.#open.get(turnId) ?? this.#settled.get(turnId)
    if (page) return page
    throw new YizhanError('not_found', `there is no turn ${turnId}`, { details: { turnId } })
  }

  #keep(page: Page): void {
    const { id } = page.turn
    if (!isSettled(page.turn)) {
      this.#settled.delete(id)
      this.#open.set(id, page)
    } else {
      this.#open.delete(id)
      this.#remember(page)
    }
    this.#metrics.open.set(this.#open.size)
  }

  #remember(page: Page): void {
    this.#settled.set(page.turn.id, page)
    for (const oldest of this.#settled.keys()) {
      if (this.#settled.size <= this.#config.recent) break
      this.#settled.delete(oldest)
    }
  }

  #tellReply(turn: Turn, kind: ReplyKind): void {
    const reply = turn[kind]
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
