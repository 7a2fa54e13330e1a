import {
  type Clock,
  type ErrorCode,
  type Logger,
  type Metrics,
  type TenantId,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import type { WaitingTicket } from '../../channels/port.js'
import { boundFor, type LaneHold, laneKey, messageBytes } from '../../intake/index.js'
import type { EdgeLedger, Turn } from '../../ledger/index.js'
import type { LiveTenant } from '../../tenants/index.js'
import type { InferenceRequest, InferenceResult, Uplink } from '../../uplink/port.js'
import type { CancelCause, Endings } from '../endings.js'
import type { Replies } from '../port.js'
import { ticketFor } from '../ticket.js'
import { answerSink } from './answer-sink.js'
import { Expiry } from './expiry.js'
import { forwardMetrics } from './forward-metrics.js'
import { ForwardedTurn, type ForwardPlan } from './forwarded-turn.js'
import type { ForwarderConfig } from './forwarder-config.js'
import { LateOrder } from './late-order.js'
import { LiveTurns } from './live-turns.js'
import { SubmitLine } from './submit-line.js'
import { ticketNotice } from './ticket-notice.js'

export interface ForwarderDeps {
  readonly ledger: Pick<EdgeLedger, 'get' | 'waitedMs' | 'transition'>
  readonly replies: Replies
  readonly uplink: Pick<Uplink, 'link' | 'onLink' | 'infer' | 'maxInFlight'>
  readonly endings: Endings
  readonly tenants: { get(tenant: TenantId): LiveTenant | undefined }
  /** What goes with a question of the conversation before it. */
  readonly memory: (turn: Turn) => Pick<InferenceRequest, 'history' | 'memoryFrom'>
  /** The plan of a turn from an earlier run. */
  readonly plan: (turn: Turn, signal: AbortSignal) => Promise<ForwardPlan>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  /** Between 0 and 1, for the jitter of retries. */
  readonly random: () => number
}

const MAX_BACKOFF_MS = 60_000
/** The center has not tried: it will, later. What it did try and could not do, it tried as often as is of use. */
const NOT_NOW: ReadonlySet<ErrorCode> = new Set(['unavailable', 'overloaded', 'quota_exceeded'])

/**
 * Turns on their way to the center and back. A turn keeps its conversation while it is answered; standing still for
 * `ticketAfterMs` (at once if there is no link) gives its asker a ticket and the conversation its next turn. Late finals
 * quote their question and come in the order of the questions.
 */
export class Forwarder {
  readonly #deps: ForwarderDeps
  readonly #config: ForwarderConfig & { readonly retryBaseMs: number }
  readonly #live = new LiveTurns()
  readonly #line: SubmitLine
  readonly #late = new LateOrder()
  readonly #expiry: Expiry
  readonly #ends = new AbortController()
  readonly #metrics: ReturnType<typeof forwardMetrics>
  #linkUp: boolean
  #isSilent = false
  #off: () => void = () => undefined

  constructor(deps: ForwarderDeps, config: ForwarderConfig) {
    this.#deps = deps
    this.#config = { retryBaseMs: 2_000, ...config }
    this.#metrics = forwardMetrics(deps.metrics)
    this.#linkUp = deps.uplink.link.s === 'ready'
    this.#expiry = new Expiry({ ...deps, live: this.#live }, config.waitingTtlMs)
    this.#line = new SubmitLine(
      (one) => this.#prepare(one),
      (one) => this.#infer(one),
    )
  }

  start(): void {
    this.#off = this.#deps.uplink.onLink((link) => this.#onLink(link.s === 'ready'))
    const expire = (one: ForwardedTurn) => this.#background(one, () => this.#expire(one))
    this.#expiry.start(() => this.#linkUp, expire)
  }

  get linkUp(): boolean {
    return this.#linkUp
  }

  /** The link is up, and what was last handed over got no answer, or was put off. */
  get isCenterSilent(): boolean {
    return this.#linkUp && this.#isSilent
  }

  /** Turns with a ticket whose answer is still to come. */
  get tickets(): number {
    return this.#live.tickets
  }

  /** Whether this turn may wait too. */
  hasRoom({ tenant, message }: Pick<Turn, 'tenant' | 'message'>): boolean {
    const { maxWaiting, maxWaitingPerTenant, maxWaitingBytes } = this.#config
    const live = this.#live
    return (
      live.size < boundFor(message, maxWaiting) &&
      live.ofTenant(tenant) < boundFor(message, maxWaitingPerTenant) &&
      live.bytes + messageBytes(message) <= boundFor(message, maxWaitingBytes)
    )
  }

  /** Takes a turn that has its lane; resolves when it may let go of it. */
  async forward(turn: Turn, plan: ForwardPlan, lane: LaneHold): Promise<void> {
    this.#ends.signal.throwIfAborted()
    // Started again while its asker had a ticket: nobody waits behind it.
    if (turn.ticket !== undefined) return this.adopt(turn, plan)
    lane.park()
    const one = this.#add(turn, plan, lane)
    this.#queue(one)
    await one.released
  }

  /** Takes a turn with a ticket from an earlier run; without a plan that is made again. */
  adopt(turn: Turn, plan?: ForwardPlan): void {
    const one = this.#add(turn, plan, undefined)
    one.late = this.#late.join(laneKey(turn), turn.receivedSeq)
    // A crash may have come between the state and the notice that tells of it.
    if (!turn.notice) this.#background(one, () => one.step(() => this.#notice(one)))
    this.#queue(one)
  }

  /** Cancels a turn; false if it is not here, or its end is decided already. Resolves when that is recorded. */
  cancel(turnId: string, cause: CancelCause): Promise<boolean> {
    return this.#endAs(turnId, cause, (one, text) =>
      this.#deps.endings.cancelled(one.turn, cause, text, quotedOf(one)),
    )
  }

  /** Ends a turn as failed; false as for `cancel`. */
  fail(turnId: string, error: YizhanError): Promise<boolean> {
    return this.#endAs(turnId, error.code, (one, text) =>
      this.#deps.endings.failed(one.turn, error, text, quotedOf(one)),
    )
  }

  /** Lets go of a turn whose fate somebody else has recorded; resolves when nothing is done with it here any more. */
  async drop(turnId: string): Promise<void> {
    const one = this.#live.get(turnId)
    if (!one) return
    one.late?.leave()
    await this.#end(one, 'overtaken', async () => undefined)
  }

  /** Turns with a ticket, in order, with their place among all that wait. */
  waiting(fits: (turn: Turn) => boolean): WaitingTicket[] {
    return this.#live.withTicket(fits)
  }

  /** Called when a ticket has come, has ended, or may have another place. */
  onTickets(fn: () => void): () => void {
    return this.#live.onTickets(fn)
  }

  /** Everything stays open for the next start. */
  stop(): void {
    this.#off()
    this.#expiry.stop()
    this.#ends.abort(new YizhanError('unavailable', 'the agent stops'))
    for (const one of this.#live) {
      one.enter({ s: 'left' })
      one.cancelStallTimer?.()
      one.release()
    }
  }

  #add(turn: Turn, plan: ForwardPlan | undefined, lane: LaneHold | undefined): ForwardedTurn {
    const one = new ForwardedTurn(turn, plan, lane)
    this.#live.add(one)
    return one
  }

  #queue(one: ForwardedTurn): void {
    one.enter({ s: 'queued' })
    this.#line.add(one)
    this.#pump()
    this.#watch(one)
  }

  #pump(): void {
    if (this.#linkUp) this.#line.start(this.#config.maxSubmitted ?? 2 * this.#deps.uplink.maxInFlight)
    this.#metrics.waiting.set(this.#line.length)
  }

  #onLink(up: boolean): void {
    if (up === this.#linkUp) return
    this.#linkUp = up
    this.#isSilent = false
    for (const one of this.#live) this.#watch(one)
    this.#pump()
  }

  /** Starts or calls off the time to the ticket. */
  #watch(one: ForwardedTurn): void {
    // Who is sent away again and again does not move by being let in each time.
    const moves = this.#moves(one) && one.failures === 0
    if (moves || one.ticket !== undefined || !one.isLive) {
      one.cancelStallTimer?.()
      one.cancelStallTimer = undefined
      return
    }
    if (one.cancelStallTimer) return
    const give = () => this.#background(one, () => one.step(() => this.#giveTicket(one)))
    // Without a link there is nothing to hope for; in the middle of an answer there is, also after a restart.
    const begun = one.attempt > 0 || one.turn.state === 'forwarded' || one.turn.state === 'streaming'
    const hopeless = !this.#linkUp && one.phase.s === 'queued' && !begun
    if (hopeless) give()
    else one.cancelStallTimer = this.#deps.clock.after(this.#config.ticketAfterMs, give)
  }

  #moves(one: ForwardedTurn): boolean {
    if (!this.#linkUp) return false
    // A center that hangs keeps its link for three heartbeats; only what it has accepted moves.
    return one.phase.s === 'submitted' && one.accepted
  }

  async #giveTicket(one: ForwardedTurn): Promise<void> {
    one.cancelStallTimer = undefined
    if (!one.isLive || one.ticket !== undefined || this.#moves(one)) return
    const ticket = ticketFor(one.turn)
    this.#isSilent = this.#linkUp
    this.#live.giveTicket(one, ticket)
    one.late = this.#late.join(laneKey(one.turn), one.turn.receivedSeq)
    const { endings, ledger } = this.#deps
    await endings.persist(this.#ends.signal, () =>
      ledger.transition(one.turn.id, {
        to: 'waiting',
        cause: this.#linkUp ? 'no-progress' : 'no-link',
        ticket,
        seen: one.turn.version,
      }),
    )
    await this.#notice(one)
    this.#metrics.tickets.inc()
    one.release()
  }

  async #notice(one: ForwardedTurn): Promise<void> {
    const { endings, replies, tenants } = this.#deps
    const { turn } = one
    const languages = tenants.get(turn.tenant)?.file.languages ?? []
    const content = ticketNotice(one, this.#live.placeOf(one), languages, endings)
    await endings.persist(this.#ends.signal, () => replies.notice(turn, content))
  }

  async #prepare(one: ForwardedTurn): Promise<void> {
    const { endings, plan } = this.#deps
    const { signal } = this.#ends
    one.enter({ s: 'submitting' })
    this.#watch(one)
    // It may have waited while this edge was off, which is known since the link is up.
    if (this.#expiry.isOver(one, this.#linkUp)) return this.#background(one, () => this.#expire(one))
    try {
      one.plan ??= await plan(one.turn, signal)
      await one.step(async () => {
        if (one.isLive) await endings.persist(signal, () => endings.advance(one.turn, 'forwarded', 'link'))
      })
    } catch (thrown) {
      this.#background(one, async () => {
        await this.fail(one.turn.id, toYizhanError(thrown))
      })
    }
  }

  #infer(one: ForwardedTurn): void {
    const { uplink, memory, endings, replies } = this.#deps
    const { plan, turn } = one
    if (one.phase.s !== 'submitting' || !plan) return
    one.accepted = false
    const handle = uplink.infer(
      one.request(plan, memory(turn)),
      answerSink(one, {
        moves: () => {
          this.#heard()
          this.#watch(one)
        },
        begins: () =>
          this.#background(one, () =>
            one.step(async () => {
              if (one.isLive) await endings.advance(one.turn, 'streaming', 'first-token')
            }),
          ),
        shows: (delta) => replies.delta(one.turn, delta),
        ends: (result) => this.#background(one, () => this.#finish(one, result)),
        fails: (error) => this.#failed(one, error),
      }),
    )
    one.enter({ s: 'submitted', handle })
    this.#metrics.forwarded.inc()
    this.#watch(one)
  }

  async #finish(one: ForwardedTurn, result: InferenceResult): Promise<void> {
    if (one.phase.s !== 'submitted') return
    this.#heard()
    const { handle } = one.phase
    const { endings, replies } = this.#deps
    await this.#end(one, undefined, async () => {
      await one.late?.turnToSpeak()
      const whenEmpty = endings.say(one.turn, 'end.no-answer', {})
      await replies.final(one.turn, one.content(result, whenEmpty))
      handle.endAck()
    })
  }

  #failed(one: ForwardedTurn, error: YizhanError): void {
    if (one.phase.s !== 'submitted') return
    this.#deps.log.warn(
      { turnId: one.turn.id, code: error.code, failures: one.failures },
      'the center failed a request',
    )
    const { retryAfterMs } = error.details
    const isForLater = NOT_NOW.has(error.code) || typeof retryAfterMs === 'number'
    if (!error.retryable || !isForLater) {
      this.#background(one, async () => {
        await this.fail(one.turn.id, error)
      })
      return
    }
    const backoff = Math.min(MAX_BACKOFF_MS, this.#config.retryBaseMs * 2 ** one.failures)
    const base = backoff * (0.5 + this.#deps.random() / 2)
    const ms = Math.max(base, typeof retryAfterMs === 'number' ? retryAfterMs : 0)
    one.failures += 1
    one.enter({ s: 'backing-off', cancelTimer: this.#deps.clock.after(ms, () => this.#queue(one)) })
    this.#line.left(one)
    this.#watch(one)
    this.#pump()
  }

  async #endAs(
    turnId: string,
    reason: string,
    record: (one: ForwardedTurn, soFar: string) => Promise<void>,
  ): Promise<boolean> {
    const one = this.#live.get(turnId)
    if (!one?.isLive) return false
    const { text } = one
    await this.#end(one, reason, () => record(one, text))
    return true
  }

  /** Ends a turn once: what else would end it, or give it a ticket, finds it taken. */
  async #end(
    one: ForwardedTurn,
    cancelReason: string | undefined,
    record: () => Promise<void>,
  ): Promise<void> {
    const before = one.phase
    one.enter({ s: 'ending' })
    this.#live.endOf(one)
    one.cancelStallTimer?.()
    if (before.s === 'submitted' && cancelReason !== undefined) before.handle.cancel(cancelReason)
    this.#line.left(one)
    this.#pump()
    try {
      await one.step(() => this.#deps.endings.persist(this.#ends.signal, record))
    } finally {
      this.#forget(one)
    }
  }

  #forget(one: ForwardedTurn): void {
    this.#live.delete(one)
    one.late?.leave()
    one.release()
  }

  #heard(): void {
    if (!this.#isSilent) return
    this.#isSilent = false
    this.#live.moved()
  }

  #expire(one: ForwardedTurn): Promise<void> {
    return this.#end(one, 'expired', () => this.#deps.endings.expired(one.turn, one.question))
  }

  /** For work that nobody waits for. The turn stays in the ledger if it fails; a restart takes it up again. */
  #background(one: ForwardedTurn, work: () => Promise<void>): void {
    work().catch((thrown: unknown) => {
      if (this.#ends.signal.aborted) return
      this.#deps.log.error(
        { err: toYizhanError(thrown), turnId: one.turn.id },
        'a forwarded turn could not go on',
      )
    })
  }
}

function quotedOf(one: ForwardedTurn): string | undefined {
  return one.ticket === undefined ? undefined : one.question
}
