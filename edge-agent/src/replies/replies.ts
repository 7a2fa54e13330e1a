import { setMaxListeners } from 'node:events'
import {
  type Clock,
  type Logger,
  type Metrics,
  type Running,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import type { ChannelAdapter, Delta } from '../channels/port.js'
import { type EdgeLedger, isSettledReply, owesFinal } from '../ledger/index.js'
import { isTerminal, type ReplyContent, type ReplyKind, type ReplyState, type Turn } from '../ledger/turn.js'
import { Courier } from './courier.js'
import { Lane } from './lane.js'
import type { OutgoingPolicy } from './policy.js'
import { Streams } from './streams.js'

export interface RepliesDeps {
  readonly ledger: EdgeLedger
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly policy?: OutgoingPolicy
  /** What is said above a final whose running text was superseded where it cannot be replaced; default nothing. */
  readonly superseded?: (turn: Turn) => string
  /** Between 0 and 1, for the jitter of retries; default Math.random. */
  readonly random?: () => number
}

export interface RepliesConfig {
  /** How long a reply that nobody could be given is kept; a restart starts the time anew. Default 72 h. */
  readonly keepMs?: number
  /** Retries after a failed delivery; default 3. */
  readonly retries?: number
  /** Full jitter between 0 and `retryBaseMs` × 2ⁿ, at most `retryMaxMs`. Defaults 500 and 10,000. */
  readonly retryBaseMs?: number
  readonly retryMaxMs?: number
  /** Longest delivery; past it a channel that recognises repetitions gets another one. Default 60,000. */
  readonly deliverMs?: number
  /** How long `stop` lets deliveries under way finish; default 3,000. */
  readonly stopMs?: number
}

export interface Replies extends Running {
  /** Records the notice and sends it; resolves once it is durable. A second one of the turn is ignored. */
  notice(turn: Turn, content: ReplyContent): Promise<Turn>
  /**
   * Records the one final reply and sends it; resolves once it is durable, the turn is `done` once it is delivered. A
   * second one is ignored, and so is one for a turn that has ended, unless the asker has not been told of that end.
   */
  final(turn: Turn, content: ReplyContent): Promise<Turn>
  /** Sends a final that was recorded by another hand. */
  show(turn: Turn): void
  /** Shows a piece of a running answer, if its channel can and the final is not there yet. */
  delta(turn: Turn, delta: Delta): void
  /** The channel runs now: what waits for it goes out. Returns the detach. */
  attach(adapter: ChannelAdapter): () => void
}

const HOUR = 3_600_000
const DEFAULTS = {
  keepMs: 72 * HOUR,
  retries: 3,
  retryBaseMs: 500,
  retryMaxMs: 10_000,
  deliverMs: 60_000,
  stopMs: 3_000,
} as const satisfies Required<RepliesConfig>

/**
 * Replies in strict order per conversation. What a restart finds undelivered is taken up again: under the same id
 * where the channel recognises repetitions, else what may have been shown becomes `unknown`. `stop` resolves once
 * deliveries under way have ended or their deadline has; everything else stays recorded for the next start.
 */
export async function startReplies(deps: RepliesDeps, config: RepliesConfig = {}): Promise<Replies> {
  const part = new Part(deps, { ...DEFAULTS, ...config })
  part.recover()
  return part
}

class Part implements Replies {
  readonly done: Promise<void>
  readonly #deps: RepliesDeps
  readonly #config: Required<RepliesConfig>
  readonly #streams: Streams
  readonly #courier: Courier
  readonly #lanes = new Map<string, { readonly channelId: string; readonly lane: Lane }>()
  readonly #adapters = new Map<string, ChannelAdapter>()
  readonly #ends = new AbortController()
  readonly #cuts = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  readonly #offLedger: () => void
  #ended: () => void = () => undefined
  #stopping: Promise<void> | undefined

  constructor(deps: RepliesDeps, config: Required<RepliesConfig>) {
    this.#deps = deps
    this.#config = config
    this.#streams = new Streams(deps.policy)
    const settled = deps.metrics.counter('yizhan_replies_total', 'Replies that came to an end', [
      'kind',
      'state',
    ])
    this.#courier = new Courier(
      {
        ledger: deps.ledger,
        clock: deps.clock,
        log: deps.log,
        random: deps.random ?? Math.random,
        adapterFor: (channelId) => this.#adapters.get(channelId),
        settled: (kind, state) => settled.inc({ kind, state }),
      },
      config,
      { ends: this.#ends.signal, cuts: this.#cuts.signal },
    )
    this.done = new Promise((resolve) => {
      this.#ended = resolve
    })
    // Every delivery and every wait listens; more than ten of them are no leak.
    setMaxListeners(0, this.#ends.signal, this.#cuts.signal)
    this.#offLedger = deps.ledger.onChange((turn, { state }) => {
      if (state && isTerminal(state)) this.#streams.end(turn.id)
    })
  }

  recover(): void {
    const unsettled: ReadonlySet<ReplyState> = new Set(['pending', 'attempting'])
    for (const turn of this.#deps.ledger.open()) {
      for (const kind of ['notice', 'final'] as const) {
        const state = turn[kind]?.state
        if (state && unsettled.has(state)) this.#send(turn, kind, state)
      }
      this.#closeDelivered(turn)
    }
  }

  async notice(turn: Turn, content: ReplyContent): Promise<Turn> {
    return await this.#say(turn, 'notice', content, async () => undefined)
  }

  async final(turn: Turn, content: ReplyContent): Promise<Turn> {
    const { ledger } = this.#deps
    const now = ledger.get(turn.id) ?? turn
    if (now.final || (isTerminal(now.state) && !owesFinal(now))) return this.#ignored(now, 'final')
    const line = this.#streams.isSuperseded(turn.id) ? this.#deps.superseded?.(now) : undefined
    this.#streams.end(turn.id)
    const whole = line === undefined ? content : { ...content, text: `${line}\n\n${content.text}` }
    return await this.#say(turn, 'final', whole, async () => {
      if (now.state === 'replying' || isTerminal(now.state)) return
      await ledger.transition(turn.id, { to: 'replying', cause: content.finish, seen: turn.version })
    })
  }

  show(turn: Turn): void {
    this.#streams.end(turn.id)
    if (!this.#ends.signal.aborted) this.#send(turn, 'final')
  }

  delta(turn: Turn, delta: Delta): void {
    const now = this.#deps.ledger.get(turn.id)
    const adapter = this.#adapters.get(turn.message.channelId)
    if (!adapter?.capabilities.stream || !now || now.final || isTerminal(now.state)) return
    this.#streams.show(adapter, turn, delta)
  }

  attach(adapter: ChannelAdapter): () => void {
    this.#adapters.set(adapter.id, adapter)
    const off = adapter.onReachable((conversation) => this.#lanes.get(conversation)?.lane.wake())
    const offWatchers = adapter.onWatcher?.((watcher) => this.#streams.showTo(adapter, watcher))
    for (const { channelId, lane } of this.#lanes.values()) if (channelId === adapter.id) lane.wake()
    return () => {
      off()
      offWatchers?.()
      if (this.#adapters.get(adapter.id) === adapter) this.#adapters.delete(adapter.id)
    }
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason)
    return this.#stopping
  }

  async #say(turn: Turn, kind: ReplyKind, content: ReplyContent, before: () => Promise<void>): Promise<Turn> {
    const { ledger, policy } = this.#deps
    const shown = policy ? { ...content, text: policy.text(turn, content.text) } : content
    try {
      await before()
      const next = await ledger.addReply(turn.id, kind, shown, turn.version)
      if (!this.#ends.signal.aborted) this.#send(next, kind)
      return next
    } catch (thrown) {
      const error = toYizhanError(thrown)
      if (error.code !== 'conflict') throw error
      return this.#ignored(ledger.get(turn.id) ?? turn, kind)
    }
  }

  #ignored(turn: Turn, kind: ReplyKind): Turn {
    this.#deps.log.warn({ turnId: turn.id, kind, state: turn.state }, 'a reply too many was ignored')
    return turn
  }

  #send(turn: Turn, kind: ReplyKind, recovered?: ReplyState): void {
    const { conversationId, channelId } = turn.message
    const known = this.#lanes.get(conversationId)
    const lane = known?.lane ?? new Lane(() => this.#lanes.delete(conversationId))
    if (!known) this.#lanes.set(conversationId, { channelId, lane })
    const cameAt = this.#deps.clock.monotonic()
    lane.add(() => {
      const work = this.#courier.bring(turn.id, kind, { lane, cameAt, recovered })
      this.#underWay.add(work)
      return work.finally(() => this.#underWay.delete(work))
    })
  }

  /** A crash came between the end of the final reply and the end of its turn. */
  #closeDelivered(turn: Turn): void {
    const state = turn.final?.state
    if (isTerminal(turn.state) || !isSettledReply(turn.final) || state === undefined) return
    const to = state === 'failed' ? 'failed' : 'done'
    this.#deps.ledger.transition(turn.id, { to, cause: 'recovered' }).catch((thrown: unknown) => {
      this.#deps.log.error({ err: toYizhanError(thrown), turnId: turn.id }, 'a turn could not be ended')
    })
  }

  async #stop(reason: string): Promise<void> {
    const { clock } = this.#deps
    const stopped = new YizhanError('cancelled', `stopped: ${reason}`)
    this.#ends.abort(stopped)
    const cancel = clock.after(this.#config.stopMs, () => this.#cuts.abort(stopped))
    await Promise.allSettled(this.#underWay)
    cancel()
    this.#offLedger()
    this.#ended()
  }
}
