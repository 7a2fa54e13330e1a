import { YizhanError } from '@yizhan/kernel'
import type { Turn } from '../ledger/turn.js'
import type {
  ChannelAdapter,
  ChannelCapabilities,
  DeliveryOutcome,
  Delta,
  Outgoing,
  ProbeOutcome,
} from './port.js'

interface Shown {
  readonly id: string
  readonly text: string
  readonly proactive: boolean
}

/**
 * A chat platform as IM platforms are: it shows every message that it takes, also one that comes twice, counts what a
 * message may hold, and ends the direct way of a reply after a while. What it does wrong is switched by a test.
 */
export class FakePlatform {
  readonly shown: Shown[] = []
  readonly maxBytes: number
  /** Whether it takes messages at all. */
  isThere = true
  /** Messages are shown, and the answer to the request gets lost. */
  losesAnswers = false
  /** The direct way is closed, whatever an edge believes. */
  isDirectClosed = false
  readonly #listeners = new Set<() => void>()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Takes a message; resolves as the platform answers. */
  async post(message: Shown, signal: AbortSignal): Promise<DeliveryOutcome> {
    signal.throwIfAborted()
    if (!this.isThere) return 'unreachable'
    if (Buffer.byteLength(message.text) > this.maxBytes) throw new YizhanError('too_large', 'too long')
    if (this.isDirectClosed && !message.proactive) return 'expired'
    const isLost = this.losesAnswers
    this.shown.push(message)
    for (const fn of this.#listeners) fn()
    if (!isLost) return 'sent'
    return await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  async find(id: string, signal: AbortSignal): Promise<ProbeOutcome> {
    signal.throwIfAborted()
    return this.shown.some((one) => one.id === id) ? 'shown' : 'absent'
  }

  onShown(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }
}

/** An adapter for it: nothing is idempotent, nothing streams. */
export class FakeAdapter implements ChannelAdapter {
  readonly id = 'fake'
  readonly platform = 'fake'
  readonly capabilities: ChannelCapabilities
  readonly done: Promise<void>
  readonly probe?: (turn: Turn, replyId: string, signal: AbortSignal) => Promise<ProbeOutcome>
  readonly #platform: FakePlatform
  readonly #reachable = new Set<(conversation: string) => void>()
  #state: 'connected' | 'closed' = 'connected'
  #ended: () => void = () => undefined

  constructor(platform: FakePlatform, capabilities: Partial<ChannelCapabilities> = {}) {
    this.#platform = platform
    this.capabilities = {
      idempotent: false,
      probe: false,
      edit: false,
      stream: false,
      maxBytes: platform.maxBytes,
      ...capabilities,
    }
    if (this.capabilities.probe) this.probe = (_turn, replyId, signal) => platform.find(replyId, signal)
    this.done = new Promise((resolve) => {
      this.#ended = resolve
    })
  }

  async deliver(_turn: Turn, reply: Outgoing, signal: AbortSignal): Promise<DeliveryOutcome> {
    if (this.#state === 'closed') return 'unreachable'
    const { id, content, proactive = false } = reply
    return await this.#platform.post({ id, text: content.text, proactive }, signal)
  }

  delta(_turn: Turn, _delta: Delta): boolean {
    return true
  }

  onReachable(fn: (conversation: string) => void): () => void {
    this.#reachable.add(fn)
    return () => this.#reachable.delete(fn)
  }

  comesBack(conversation: string): void {
    this.#platform.isThere = true
    for (const fn of this.#reachable) fn(conversation)
  }

  health() {
    return { state: this.#state, lastInboundAt: 0, clients: 1 }
  }

  async stop(): Promise<void> {
    this.#state = 'closed'
    this.#ended()
  }
}
