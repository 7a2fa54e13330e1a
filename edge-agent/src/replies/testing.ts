import type { TestContext } from 'node:test'
import { createMetrics, ManualClock, silentLogger } from '@yizhan/kernel'
import type { ChannelAdapter, DeliveryOutcome, Delta } from '../channels/port.js'
import { openTestLedger, type TestLedger, temporaryDir, textMessage } from '../ledger/testing.js'
import type { ReplyContent, Turn } from '../ledger/turn.js'
import { type Replies, type RepliesConfig, type RepliesDeps, startReplies } from './replies.js'

interface Posted {
  readonly id: string
  readonly text: string
  readonly signal: AbortSignal
  settle(outcome: DeliveryOutcome): void
  fail(error: Error): void
}

/** A channel whose deliveries end when a test says so. */
export class HeldChannel implements ChannelAdapter {
  readonly id = 'web'
  readonly platform = 'web'
  readonly done: Promise<void> = new Promise(() => undefined)
  readonly capabilities
  readonly posted: Posted[] = []
  readonly deltas: Delta[] = []
  slow = false
  readonly #next: ((posted: Posted) => void)[] = []
  readonly #reachable = new Set<(conversation: string) => void>()
  #taken = 0

  constructor(idempotent = true, edit = true) {
    this.capabilities = { idempotent, probe: false, edit, stream: true, maxBytes: 10_000 }
  }

  deliver(_turn: Turn, reply: { id: string; content: ReplyContent }, signal: AbortSignal) {
    return new Promise<DeliveryOutcome>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      this.posted.push({ id: reply.id, text: reply.content.text, signal, settle: resolve, fail: reject })
      this.#next.shift()?.(this.posted[this.#taken++] as Posted)
    })
  }

  /** The next delivery that no call before has given. */
  next(): Promise<Posted> {
    const ready = this.posted[this.#taken]
    if (ready) {
      this.#taken++
      return Promise.resolve(ready)
    }
    return new Promise((resolve) => this.#next.push(resolve))
  }

  delta(_turn: Turn, delta: Delta): boolean {
    if (!this.slow) this.deltas.push(delta)
    return !this.slow
  }

  onReachable(fn: (conversation: string) => void): () => void {
    this.#reachable.add(fn)
    return () => this.#reachable.delete(fn)
  }

  comesBack(conversation = 'acme/web/room-1'): void {
    for (const fn of this.#reachable) fn(conversation)
  }

  health() {
    return { state: 'connected' as const, lastInboundAt: 0, clients: 1 }
  }

  async stop(): Promise<void> {}
}

export interface TestReplies extends TestLedger {
  readonly replies: Replies
  readonly clock: ManualClock
  /** A turn that is being answered. */
  ask(text: string, conversation?: string, channel?: string): Promise<Turn>
  /** Resolves once the ledger says so. */
  until(turnId: string, holds: (turn: Turn) => boolean): Promise<Turn>
}

export async function startTestReplies(
  t: TestContext,
  options: {
    readonly dir?: string
    readonly channel?: HeldChannel
    readonly config?: RepliesConfig
    readonly policy?: RepliesDeps['policy']
    readonly superseded?: RepliesDeps['superseded']
  } = {},
): Promise<TestReplies> {
  const clock = new ManualClock()
  const opened = await openTestLedger(t, options.dir ?? (await temporaryDir(t)), { clock })
  const { ledger } = opened
  const replies = await startReplies(
    {
      ledger,
      clock,
      log: silentLogger(),
      metrics: createMetrics(),
      random: () => 1,
      ...(options.policy ? { policy: options.policy } : {}),
      ...(options.superseded ? { superseded: options.superseded } : {}),
    },
    options.config,
  )
  if (options.channel) replies.attach(options.channel)
  return {
    ...opened,
    clock,
    replies,
    async ask(text, conversationId = 'acme/web/room-1', channelId = 'web') {
      const received = await ledger.receive(textMessage(text, { conversationId, channelId }))
      if (received.outcome !== 'accepted') throw new Error('received twice')
      return await ledger.transition(received.turn.id, { to: 'routed', cause: 'text' })
    },
    until(turnId, holds) {
      return new Promise((resolve) => {
        const look = () => {
          const turn = ledger.get(turnId)
          if (!turn || !holds(turn)) return
          off()
          resolve(turn)
        }
        const off = ledger.onChange(look)
        look()
      })
    },
  }
}

export function answer(text: string, fields: Partial<ReplyContent> = {}): ReplyContent {
  return { text, answeredBy: 'edge', citations: [], finish: 'stop', ...fields }
}
