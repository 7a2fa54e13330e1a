import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { ChannelAdapter, DeliveryOutcome } from '../channels/port.js'
import type { Ledger } from '../ledger/port.js'
import { isTerminal, type Reply, type ReplyKind, type ReplyState, type Turn } from '../ledger/turn.js'
import type { Lane } from './lane.js'

export interface CourierDeps {
  readonly ledger: Ledger
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

type Attempt = DeliveryOutcome | { readonly error: YizhanError } | 'stopped'

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

  /** `recovered`: the state in which a restart found the reply. Never rejects. */
  async bring(turnId: string, kind: ReplyKind, lane: Lane, recovered?: ReplyState): Promise<void> {
    try {
      await this.#bring(turnId, kind, lane, recovered)
    } catch (thrown) {
      this.#deps.log.error({ err: toYizhanError(thrown), turnId, kind }, 'a reply could not be recorded')
    }
  }

  async #bring(turnId: string, kind: ReplyKind, lane: Lane, recovered?: ReplyState): Promise<void> {
    const { ledger, clock, adapterFor } = this.#deps
    const mayBeShown = recovered === 'attempting' || recovered === 'sent'
    let failures = 0
    let lostSince: number | undefined
    for (;;) {
      if (this.#signals.ends.aborted) return
      const turn = ledger.get(turnId)
      const reply = turn?.[kind]
      if (!turn || !reply) return
      // A person gave the turn up: nothing more is shown.
      if (turn.state === 'abandoned') return
      const wakes = lane.wakes
      const adapter = adapterFor(turn.message.channelId)
      // Who cannot recognise a repetition is never sent one blindly.
      if (adapter && mayBeShown && !adapter.capabilities.idempotent) return this.#end(turn, reply, 'unknown')
      const outcome = adapter ? await this.#attempt(adapter, turn, reply) : 'unreachable'
      if (outcome === 'stopped') return
      if (outcome === 'confirmed' || outcome === 'sent') return this.#end(turn, reply, outcome)
      if (outcome === 'unreachable') {
        lostSince ??= clock.monotonic()
        const left = this.#config.keepMs - (clock.monotonic() - lostSince)
        const woken = await lane.sleep(clock, wakes, left, this.#signals.ends)
        if (woken === 'expired') return this.#end(turn, reply, 'failed', 'nobody-came')
        continue
      }
      lostSince = undefined
      const { error } = outcome
      this.#deps.log.warn({ turnId, kind, code: error.code, reason: error.message }, 'a delivery failed')
      const inDoubt = error.code === 'deadline_exceeded' && adapter?.capabilities.idempotent !== true
      if (inDoubt) return this.#end(turn, reply, 'unknown')
      if (!error.retryable || failures >= this.#config.retries)
        return this.#end(turn, reply, 'failed', error.code)
      if (!(await this.#pause(failures++))) return
    }
  }

  async #attempt(adapter: ChannelAdapter, turn: Turn, reply: Reply): Promise<Attempt> {
    const { ledger, clock } = this.#deps
    const cut = new AbortController()
    const stop = () => cut.abort(this.#signals.cuts.reason)
    const cancel = clock.after(this.#config.deliverMs, () => {
      cut.abort(new YizhanError('deadline_exceeded', 'the delivery took too long'))
    })
    this.#signals.cuts.addEventListener('abort', stop, { once: true })
    try {
      // Tells a restart that this may have been shown. Who recognises a repetition needs no such record.
      if (!adapter.capabilities.idempotent) await ledger.replyState(turn.id, reply.kind, 'attempting')
      return await adapter.deliver(turn, reply, cut.signal)
    } catch (thrown) {
      return this.#signals.cuts.aborted ? 'stopped' : { error: toYizhanError(thrown) }
    } finally {
      cancel()
      this.#signals.cuts.removeEventListener('abort', stop)
    }
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

  async #end(turn: Turn, reply: Reply, state: ReplyState, cause = 'delivered'): Promise<void> {
    const { ledger } = this.#deps
    const next = await ledger.replyState(turn.id, reply.kind, state)
    this.#deps.settled(reply.kind, state)
    // An unknown final leaves its turn open: a person decides. A turn that ended before it was told of stays as it is.
    if (reply.kind === 'notice' || state === 'unknown' || isTerminal(next.state)) return
    await ledger.transition(turn.id, { to: state === 'failed' ? 'failed' : 'done', cause })
  }
}
