import type { DeliveryOutcome } from '../port.js'
import type { Session } from './session.js'
import { type Subscriptions, topicTest } from './subscriptions.js'

interface Outstanding {
  readonly conversation: string
  readonly topic: string
  readonly payload: Buffer
  /** Who has it and has not acknowledged it. */
  readonly at: Set<Session>
  settle(outcome: DeliveryOutcome): void
}

interface DeliveryDeps {
  readonly subscriptions: Subscriptions<Session>
  /** Called with a conversation whose replies can be delivered again. */
  readonly onReachable: (conversation: string) => void
}

/**
 * Brings replies to whoever subscribes to their topic. The first acknowledgement confirms (with QoS 0: the bytes were
 * written); who subscribes while one is under way gets it too, so that a connection that died unnoticed holds nothing up.
 * Keeps no payload past the delivery: a conversation without subscribers is only remembered by name, at most
 * `maxWaiting` of them (past that the oldest is forgotten, and its replies wait for a restart or expire).
 */
export class Deliveries {
  readonly #subscriptions: Subscriptions<Session>
  readonly #onReachable: (conversation: string) => void
  readonly #maxWaiting: number
  readonly #outstanding = new Set<Outstanding>()
  /** Conversation → topic. */
  readonly #waiting = new Map<string, string>()

  constructor({ subscriptions, onReachable }: DeliveryDeps, { maxWaiting }: { maxWaiting: number }) {
    this.#subscriptions = subscriptions
    this.#onReachable = onReachable
    this.#maxWaiting = maxWaiting
  }

  /** Rejects with the signal's reason if that comes first; the reply may then have been shown. */
  deliver(
    conversation: string,
    topic: string,
    payload: Buffer,
    signal: AbortSignal,
  ): Promise<DeliveryOutcome> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const end = () => {
        this.#outstanding.delete(delivery)
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = () => {
        end()
        reject(signal.reason)
      }
      const delivery: Outstanding = {
        conversation,
        topic,
        payload,
        at: new Set(),
        settle(outcome) {
          end()
          resolve(outcome)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#outstanding.add(delivery)
      this.#toAll(delivery)
    })
  }

  /** `filter` counts from now on for `session`: what waits for it is brought, or announced. */
  subscribed(session: Session, filter: string): void {
    const wants = topicTest(filter)
    for (const delivery of [...this.#outstanding]) {
      if (wants(delivery.topic) && !delivery.at.has(session)) this.#toAll(delivery, session)
    }
    this.#wake((topic) => wants(topic))
  }

  /** `session` takes replies again. */
  hasRoom(session: Session): void {
    this.#wake((topic) => this.#subscriptions.match(topic).has(session))
  }

  get waiting(): number {
    return this.#waiting.size
  }

  #wake(wanted: (topic: string) => boolean): void {
    const woken = [...this.#waiting].filter(([, topic]) => wanted(topic))
    for (const [conversation] of woken) this.#waiting.delete(conversation)
    for (const [conversation] of woken) this.#onReachable(conversation)
  }

  #toAll(delivery: Outstanding, only?: Session): void {
    const { topic, payload, at } = delivery
    for (const [session, qos] of this.#subscriptions.match(topic)) {
      if (at.has(session) || (only && session !== only)) continue
      const ended = (end: 'acked' | 'lost') => {
        if (!this.#outstanding.has(delivery)) return
        if (end === 'acked') return delivery.settle('confirmed')
        at.delete(session)
        // Its subscriptions go before what it had in flight, so that this finds the others only.
        if (at.size === 0) this.#toAll(delivery)
      }
      if (qos === 0) {
        at.add(session)
        session.send(topic, payload, ended)
      } else if (session.publish(topic, payload, ended)) {
        at.add(session)
      }
    }
    if (at.size === 0) {
      this.#await(delivery.conversation, topic)
      delivery.settle('unreachable')
    }
  }

  #await(conversation: string, topic: string): void {
    this.#waiting.delete(conversation)
    this.#waiting.set(conversation, topic)
    const oldest = this.#waiting.keys().next()
    if (this.#waiting.size > this.#maxWaiting && !oldest.done) this.#waiting.delete(oldest.value)
  }
}
