import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { ChannelAdapter, DeliveryOutcome, ProbeOutcome } from '../channels/port.js'
import type { EdgeLedger } from '../ledger/index.js'
import { isTerminal, type Reply, type ReplyKind, type ReplyState, type Turn } from '../ledger/turn.js'
import type { Lane } from './lane.js'
import { type NextOutgoing, nextOutgoing } from './outgoing.js'

export interface CourierDeps {
  readonly ledger: Pick<EdgeLedger, 'get' | 'replyState' | 'transition' | 'waitedMs'>
  readonly clock: Clock
  readonly log: Logger
  /** Between 0 and 1. */
  readonly random: () => number
  readonly adapterFor: (channelId: string) => ChannelAdapter | undefined
  readonly settled: (kind: ReplyKind, state: ReplyState) => void
}

export interface CourierConfig {
  readonly keepMs: number
  readonly retries: number
  readonly retryBaseMs: number
  readonly retryMaxMs: number
  readonly deliverMs: number
}

/** `ends` aborts what waits; `cuts` aborts a delivery under way. */
export interface CourierSignals {
  readonly ends: AbortSignal
  readonly cuts: AbortSignal
}

type Step = DeliveryOutcome | ProbeOutcome | { readonly error: YizhanError } | 'stopped'

/** What is known of the part in hand. */
interface Journey {
  readonly turnId: string
  readonly kind: ReplyKind
  readonly lane: Lane
  /** It may have been shown: who does not recognise a repetition is asked, and never sent one blindly. */
  inDoubt: boolean
  /** The platform has said that the direct way is closed. */
  isExpired: boolean
  /** Some part is no more than sent. */
  onlySent: boolean
  failures: number
  /** It is kept for so long from here on: it came, or something of it was shown or answered for. */
  keptFrom: number
}

/** Brings one reply to its end: confirmed, sent, failed or unknown; left as it is if the agent stops before. */
export class Courier {
  readonly #deps: CourierDeps
  readonly #config: CourierConfig
  readonly #signals: CourierSignals

  constructor(deps: CourierDeps, config: CourierConfig, signals: CourierSignals) {
    this.#deps = deps
    this.#config = config
    this.#signals = signals
  }

  /** `cameAt`: when it was there, on the monotonic clock. `recovered`: the state in which a restart found it. Never rejects. */
  async bring(
    turnId: string,
    kind: ReplyKind,
    { lane, cameAt, recovered }: { lane: Lane; cameAt: number; recovered: ReplyState | undefined },
  ): Promise<void> {
    const inDoubt = recovered === 'attempting'
    const fresh = { isExpired: false, onlySent: false, failures: 0, keptFrom: cameAt }
    const journey: Journey = { turnId, kind, lane, inDoubt, ...fresh }
    try {
      while (await this.#step(journey));
    } catch (thrown) {
      this.#deps.log.error({ err: toYizhanError(thrown), turnId, kind }, 'a reply could not be recorded')
    }
  }

  /** One delivery, probe or wait; false once there is nothing more to do. */
  async #step(journey: Journey): Promise<boolean> {
    const { ledger, adapterFor } = this.#deps
    const turn = ledger.get(journey.turnId)
    const reply = turn?.[journey.kind]
    if (this.#signals.ends.aborted || !turn || !reply) return false
    // A person gave the turn up: nothing more is shown.
    if (turn.state === 'abandoned') return false
    const { wakes } = journey.lane
    const adapter = adapterFor(turn.message.channelId)
    if (!adapter) return await this.#wait(journey, turn, reply, wakes, undefined)
    const { capabilities } = adapter
    const mayRepeat = capabilities.idempotent
    if (journey.inDoubt && !mayRepeat && !adapter.probe) return await this.#end(turn, reply, 'unknown')
    const isLate = journey.isExpired || this.#leftMs(adapter, turn) <= 0
    const asks = journey.inDoubt && !mayRepeat
    if (isLate && !asks && capabilities.proactive !== true) {
      return await this.#end(turn, reply, 'failed', 'deadline')
    }
    const next = nextOutgoing(reply, capabilities, { isLate })
    const step = asks
      ? await this.#probe(adapter, turn, next)
      : await this.#deliver(adapter, turn, reply, next)
    switch (step) {
      case 'stopped':
        return false
      case 'confirmed':
      case 'sent':
      case 'shown':
        return await this.#delivered(journey, turn, reply, next, step)
      case 'absent':
        journey.inDoubt = false
        return true
      case 'unsure':
        return await this.#end(turn, reply, 'unknown')
      case 'expired':
        await this.#notShown(adapter, turn, reply)
        journey.isExpired = true
        return true
      case 'unreachable':
        await this.#notShown(adapter, turn, reply)
        return await this.#wait(journey, turn, reply, wakes, adapter)
      default:
        return await this.#failed(journey, adapter, turn, reply, step.error)
    }
  }

  async #delivered(
    journey: Journey,
    turn: Turn,
    reply: Reply,
    { behind }: NextOutgoing,
    how: 'confirmed' | 'sent' | 'shown',
  ): Promise<boolean> {
    if (how === 'sent') journey.onlySent = true
    if (!behind) return await this.#end(turn, reply, journey.onlySent ? 'sent' : 'confirmed')
    journey.inDoubt = false
    journey.failures = 0
    journey.keptFrom = this.#deps.clock.monotonic()
    await this.#deps.ledger.replyState(turn.id, reply.kind, 'pending', behind)
    return true
  }

  /** Waits until somebody may be there, or the time of a direct reply is over. */
  async #wait(
    journey: Journey,
    turn: Turn,
    reply: Reply,
    wakes: number,
    adapter: ChannelAdapter | undefined,
  ): Promise<boolean> {
    const { clock } = this.#deps
    const keepsMs = this.#config.keepMs - (clock.monotonic() - journey.keptFrom)
    // It waited that long behind others that nobody came for.
    if (keepsMs <= 0) return await this.#end(turn, reply, 'failed', 'nobody-came')
    const directMs = adapter ? this.#leftMs(adapter, turn) : Number.POSITIVE_INFINITY
    const waitMs = directMs > 0 ? Math.min(keepsMs, directMs) : keepsMs
    const woken = await journey.lane.sleep(clock, wakes, waitMs, this.#signals.ends)
    if (woken === 'expired' && waitMs === keepsMs) {
      return await this.#end(turn, reply, 'failed', 'nobody-came')
    }
    return woken !== 'stopped'
  }

  async #failed(
    journey: Journey,
    adapter: ChannelAdapter,
    turn: Turn,
    reply: Reply,
    error: YizhanError,
  ): Promise<boolean> {
    const { turnId, kind } = journey
    this.#deps.log.warn({ turnId, kind, code: error.code, reason: error.message }, 'a delivery failed')
    journey.keptFrom = this.#deps.clock.monotonic()
    const isBlind = !adapter.capabilities.idempotent
    if (error.code === 'deadline_exceeded' && isBlind) journey.inDoubt = true
    if (journey.inDoubt && isBlind && !adapter.probe) return await this.#end(turn, reply, 'unknown')
    if (!error.retryable || journey.failures >= this.#config.retries) {
      if (journey.inDoubt && isBlind) return await this.#end(turn, reply, 'unknown')
      return await this.#end(turn, reply, 'failed', error.code)
    }
    if (!journey.inDoubt) await this.#notShown(adapter, turn, reply)
    return await this.#pause(journey.failures++)
  }

  /** A crash from now on leaves nothing in doubt. */
  async #notShown({ capabilities }: ChannelAdapter, turn: Turn, reply: Reply): Promise<void> {
    if (!capabilities.idempotent) await this.#deps.ledger.replyState(turn.id, reply.kind, 'pending')
  }

  async #deliver(adapter: ChannelAdapter, turn: Turn, reply: Reply, next: NextOutgoing): Promise<Step> {
    return await this.#timed(async (signal) => {
      // Tells a restart that this may have been shown. Who recognises a repetition needs no such record.
      if (!adapter.capabilities.idempotent) {
        await this.#deps.ledger.replyState(turn.id, reply.kind, 'attempting')
      }
      return await adapter.deliver(turn, next.reply, signal)
    })
  }

  async #probe(adapter: ChannelAdapter, turn: Turn, next: NextOutgoing): Promise<Step> {
    return await this.#timed(
      async (signal) => (await adapter.probe?.(turn, next.reply.id, signal)) ?? 'unsure',
    )
  }

  async #timed(work: (signal: AbortSignal) => Promise<Step>): Promise<Step> {
    const { cuts } = this.#signals
    const cut = new AbortController()
    const stop = () => cut.abort(cuts.reason)
    const cancel = this.#deps.clock.after(this.#config.deliverMs, () => {
      cut.abort(new YizhanError('deadline_exceeded', 'the delivery took too long'))
    })
    cuts.addEventListener('abort', stop, { once: true })
    try {
      return await work(cut.signal)
    } catch (thrown) {
      return cuts.aborted ? 'stopped' : { error: toYizhanError(thrown) }
    } finally {
      cancel()
      cuts.removeEventListener('abort', stop)
    }
  }

  /** How long a direct reply is still possible. */
  #leftMs({ capabilities }: ChannelAdapter, turn: Turn): number {
    const { deadlineMs } = capabilities
    if (deadlineMs === undefined) return Number.POSITIVE_INFINITY
    return deadlineMs - this.#deps.ledger.waitedMs(turn.id)
  }

  /** Full jitter; false if the agent stops meanwhile. */
  async #pause(failures: number): Promise<boolean> {
    const { retryBaseMs, retryMaxMs } = this.#config
    const ms = this.#deps.random() * Math.min(retryMaxMs, retryBaseMs * 2 ** failures)
    try {
      await this.#deps.clock.sleep(ms, this.#signals.ends)
      return true
    } catch {
      return false
    }
  }

  async #end(turn: Turn, reply: Reply, state: ReplyState, cause = 'delivered'): Promise<false> {
    const { ledger } = this.#deps
    const next = await ledger.replyState(turn.id, reply.kind, state)
    this.#deps.settled(reply.kind, state)
    // An unknown final leaves its turn open: a person decides. A turn that ended before it was told of stays as it is.
    if (reply.kind === 'notice' || state === 'unknown' || isTerminal(next.state)) return false
    await ledger.transition(turn.id, { to: state === 'failed' ? 'failed' : 'done', cause })
    return false
  }
}
