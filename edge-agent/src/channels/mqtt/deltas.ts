import type { Turn } from '../../ledger/turn.js'
import type { Delta, Watcher } from '../port.js'
import { json } from './announcer.js'
import { deltaPayload } from './reply-payload.js'
import type { Session } from './session.js'
import { type Subscriptions, topicTest } from './subscriptions.js'

interface DeltaDeps {
  readonly subscriptions: Pick<Subscriptions<Session>, 'match'>
  readonly topicOf: (turn: Turn) => string
  /** A piece was left out for a slow client. */
  readonly dropped: () => void
}

/** Running answers that some client has missed a piece of; past it the oldest is forgotten, its final has the text. */
const MAX_BEHIND = 1_000

/**
 * The pieces of running answers, with QoS 0, to whoever listens. A client that is slow is left out and holds nobody
 * else; once it has room again it gets one piece with everything so far, and goes on with the others.
 */
export class Deltas {
  readonly #deps: DeltaDeps
  readonly #maxBacklogBytes: number
  readonly #watchers = new Set<(watcher: Watcher) => void>()
  /** Turn → who has missed a piece that others have. */
  readonly #behind = new Map<string, Set<Session>>()

  constructor(deps: DeltaDeps, { maxBacklogBytes }: { readonly maxBacklogBytes: number }) {
    this.#deps = deps
    this.#maxBacklogBytes = maxBacklogBytes
  }

  onWatcher(fn: (watcher: Watcher) => void): () => void {
    this.#watchers.add(fn)
    return () => this.#watchers.delete(fn)
  }

  /** False if nobody took it, though somebody listens. */
  show(turn: Turn, delta: Delta): boolean {
    const topic = this.#deps.topicOf(turn)
    const subscribers = this.#deps.subscriptions.match(topic)
    if (subscribers.size === 0) return true
    const payload = json(deltaPayload(turn, delta))
    const missed: Session[] = []
    for (const session of subscribers.keys()) {
      if (!this.#catchUp(session, turn) || !this.#send(session, topic, payload)) missed.push(session)
    }
    if (missed.length === subscribers.size) return false
    for (const session of missed) this.#fallBehind(session, turn)
    return true
  }

  /** What runs already comes as one piece, and the next ones follow on that. */
  subscribed(session: Session, filter: string): void {
    const wants = topicTest(filter)
    this.#welcome(session, (turn) => wants(this.#deps.topicOf(turn)))
  }

  /** The final has the whole text. */
  ended(turnId: string): void {
    this.#behind.delete(turnId)
  }

  left(session: Session): void {
    for (const sessions of this.#behind.values()) sessions.delete(session)
  }

  /** False while a client that has missed a piece still has no room for the whole. */
  #catchUp(session: Session, turn: Turn): boolean {
    const behind = this.#behind.get(turn.id)
    if (!behind?.has(session)) return true
    if (session.backlogBytes > this.#maxBacklogBytes / 2) return false
    behind.delete(session)
    this.#welcome(session, ({ id }) => id === turn.id)
    return true
  }

  #fallBehind(session: Session, { id }: Turn): void {
    const sessions = this.#behind.get(id) ?? new Set()
    this.#behind.set(id, sessions.add(session))
    const oldest = this.#behind.keys().next()
    if (this.#behind.size > MAX_BEHIND && !oldest.done) this.#behind.delete(oldest.value)
  }

  #welcome(session: Session, wants: (turn: Turn) => boolean): void {
    const { topicOf } = this.#deps
    const watcher: Watcher = {
      wants,
      show: (turn, delta) => void this.#send(session, topicOf(turn), json(deltaPayload(turn, delta))),
    }
    for (const fn of this.#watchers) fn(watcher)
  }

  #send(session: Session, topic: string, payload: Buffer): boolean {
    if (session.backlogBytes > this.#maxBacklogBytes) {
      this.#deps.dropped()
      return false
    }
    session.send(topic, payload)
    return true
  }
}
