import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { Inbound } from '../port.js'
import { rulePublish } from './access.js'
import type { InPublish } from './broker.js'
import type { RefusedPayload } from './contract.js'
import type { MqttCounters } from './counters.js'
import { decodeInMessage } from './in-message.js'
import type { Session } from './session.js'
import { chatTopic } from './topics.js'

export interface ReceiverDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly count: MqttCounters
  readonly inbound: Inbound
  /** Id of this edge; empty before it is enrolled. */
  readonly edge: () => string
  /** Tells the sender and whoever listens on `outTopic`, now. */
  readonly refuse: (sender: Session, outTopic: string, refusal: RefusedPayload) => void
}

export interface ReceiverConfig {
  readonly maxPayloadBytes: number
  readonly maxTextChars: number
}

const NAMES = 'user and chat must each be 1 to 64 of A-Z a-z 0-9 _ . @ -'

/** What clients publish, on its way in: ruled on, decoded, made durable or refused. */
export class Receiver {
  readonly #deps: ReceiverDeps
  readonly #config: ReceiverConfig
  readonly #underWay = new Set<Promise<void>>()
  #lastInboundAt = 0
  #closed = false

  constructor(deps: ReceiverDeps, config: ReceiverConfig) {
    this.#deps = deps
    this.#config = config
  }

  /** Wall clock of the last publish; 0 before the first. */
  get lastInboundAt(): number {
    return this.#lastInboundAt
  }

  /**
   * Resolves once the client may be acknowledged: the message is durable, or was refused by name. Rejects if the
   * connection has to be closed instead. Calls `inbound` before it returns, so that order of calls is order of messages.
   */
  receive(sender: Session, packet: InPublish, served: ReadonlySet<string>): Promise<void> {
    // The connection is closed in a moment; what has no acknowledgement by then is published again.
    if (this.#closed) return new Promise(() => undefined)
    const work = this.#receive(sender, packet, served)
    this.#underWay.add(work)
    const forget = () => this.#underWay.delete(work)
    work.then(forget, forget)
    return work
  }

  /** Takes nothing more in, and resolves once what is being taken in is. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#underWay)
  }

  async #receive(sender: Session, { topic, payload }: InPublish, served: ReadonlySet<string>): Promise<void> {
    const wallMs = this.#deps.clock.wall()
    this.#lastInboundAt = wallMs
    const ruling = rulePublish(sender.identity, topic, served)
    if (ruling.ruling === 'close') throw new YizhanError('permission_denied', ruling.reason)
    if (ruling.ruling === 'refuse') return this.#refuse(sender, ruling.outTopic, 'invalid_argument', NAMES)
    const outTopic = chatTopic(ruling.address, 'out')
    const context = { ...this.#config, edge: this.#deps.edge(), address: ruling.address, wallMs }
    const decoded = decodeInMessage(payload, context)
    if (decoded.outcome === 'refused') {
      this.#deps.count.messages.inc({ outcome: 'refused' })
      return this.#refuse(sender, outTopic, decoded.code, decoded.message, decoded.inReplyTo)
    }
    const accepted = await this.#deps.inbound(decoded.message).catch((thrown: unknown) => {
      const error = toYizhanError(thrown)
      this.#deps.log.error({ err: error }, 'a message could not be made durable; it is not acknowledged')
      throw error
    })
    this.#deps.count.messages.inc({ outcome: accepted.outcome })
    if (accepted.outcome === 'refused') {
      this.#refuse(sender, outTopic, accepted.code, accepted.message, decoded.inReplyTo)
    }
  }

  #refuse(sender: Session, outTopic: string, code: string, message: string, inReplyTo?: string): void {
    this.#deps.count.refused.inc({ code })
    const at = new Date(this.#deps.clock.wall()).toISOString()
    const reply = inReplyTo === undefined ? {} : { inReplyTo }
    this.#deps.refuse(sender, outTopic, { type: 'refused', code, message, ...reply, at })
  }
}
