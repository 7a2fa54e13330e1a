import type { Info, RefusedPayload } from './contract.js'
import type { Session } from './session.js'
import type { Subscriptions } from './subscriptions.js'
import { INFO_TOPIC } from './topics.js'

/** Says what is not a reply to whoever listens right now; nobody has to, and nothing is said again. */
export class Announcer {
  readonly #subscriptions: Subscriptions<Session>
  readonly #info: () => Info

  constructor({ subscriptions, info }: { subscriptions: Subscriptions<Session>; info: () => Info }) {
    this.#subscriptions = subscriptions
    this.#info = info
  }

  toAll(topic: string, body: object): void {
    const payload = json(body)
    for (const [session, qos] of this.#subscriptions.match(topic)) push(session, topic, payload, qos)
  }

  /** Also to `sender` if it does not listen: after a new connection its client repeats what was not acknowledged first. */
  refuse(sender: Session, topic: string, refusal: RefusedPayload): void {
    if (!this.#subscriptions.match(topic).has(sender)) sender.send(topic, json(refusal))
    this.toAll(topic, refusal)
  }

  infoToAll(): void {
    for (const [session, qos] of this.#subscriptions.match(INFO_TOPIC)) this.infoTo(session, qos)
  }

  /** Whoever has logged in sees its own tenant only. */
  infoTo(session: Session, qos: number): void {
    const info = this.#info()
    const { identity } = session
    const own =
      identity.mode === 'open'
        ? info
        : {
            ...info,
            tenants: info.tenants.filter((tenant) => tenant.id === identity.tenant),
            defaultTenant: identity.tenant,
          }
    push(session, INFO_TOPIC, json(own), qos)
  }
}

const NOTHING = () => undefined

/** Sends as subscribed, at most once at a time; with QoS 0 if too much awaits its acknowledgement. */
export function push(session: Session, topic: string, payload: Buffer, qos: number): void {
  if (qos === 0 || !session.publish(topic, payload, NOTHING)) session.send(topic, payload)
}

export function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}
