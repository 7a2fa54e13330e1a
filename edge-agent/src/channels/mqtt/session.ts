import type { Clock } from '@yizhan/kernel'
import type { Client } from 'aedes'
import type { Identity } from './access.js'
import { inOneWrite } from './one-write.js'

export type PublishEnd = 'acked' | 'lost'

interface InFlight {
  readonly ended: (end: PublishEnd) => void
  readonly cancelTimer: () => void
}

interface SessionDeps {
  readonly client: Client
  readonly identity: Identity
  readonly clock: Clock
  /** Called when the window of unacknowledged replies was full and is half empty again. */
  readonly onRoom: (session: Session) => void
}

const MAX_MESSAGE_ID = 65_535
/** aedes calls the callback that its types say is optional. */
const NOTHING = () => undefined

/** One logged-in connection: what it was sent and has not acknowledged, and the order of what it sends. */
export class Session {
  readonly client: Client
  readonly identity: Identity
  /** Filters that it was granted. */
  readonly filters = new Set<string>()
  readonly #clock: Clock
  readonly #onRoom: (session: Session) => void
  readonly #limits: { readonly maxInFlight: number; readonly ackMs: number }
  readonly #inFlight = new Map<number, InFlight>()
  #lastId = 0
  #wasFull = false
  #closed = false
  #received: Promise<void> = Promise.resolve()
  #forwardingId: number | undefined

  constructor(deps: SessionDeps, limits: { readonly maxInFlight: number; readonly ackMs: number }) {
    this.client = deps.client
    this.identity = deps.identity
    this.#clock = deps.clock
    this.#onRoom = deps.onRoom
    this.#limits = limits
  }

  /** Bytes that wait for the client to take them. */
  get backlogBytes(): number {
    return this.client.conn.writableLength
  }

  /**
   * The id under which the packet being published now goes out. aedes would pick one without saying which; it asks
   * `authorizeForward` for the packet inside `client.publish`, and takes an id that it finds there.
   */
  get forwardingId(): number | undefined {
    return this.#forwardingId
  }

  /** Sends with QoS 0; `ended` says whether it was written or the connection was gone. */
  send(topic: string, payload: Buffer, ended?: (end: PublishEnd) => void): void {
    this.client.publish({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }, () =>
      ended?.(this.#closed || this.client.conn.destroyed ? 'lost' : 'acked'),
    )
  }

  /** Sends with QoS 1; `ended` is called once. False, and nothing sent: the window is full or the client is gone. */
  publish(topic: string, payload: Buffer, ended: (end: PublishEnd) => void): boolean {
    if (this.#closed) return false
    if (this.#inFlight.size >= this.#limits.maxInFlight) {
      this.#wasFull = true
      return false
    }
    const id = this.#freeId()
    // A client that takes packets and never acknowledges is broken or gone without a word; both are cured by a new connection.
    const cancelTimer = this.#clock.after(this.#limits.ackMs, () => this.client.conn.destroy())
    this.#inFlight.set(id, { ended, cancelTimer })
    this.#forwardingId = id
    this.client.publish({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false }, NOTHING)
    this.#forwardingId = undefined
    // aedes writes it in a moment, before this ends.
    inOneWrite(this.client.conn)
    return true
  }

  /** A PUBACK came. */
  acked(messageId: number): void {
    const entry = this.#inFlight.get(messageId)
    if (!entry) return
    this.#inFlight.delete(messageId)
    entry.cancelTimer()
    entry.ended('acked')
    if (this.#wasFull && this.#inFlight.size <= this.#limits.maxInFlight / 2) {
      this.#wasFull = false
      this.#onRoom(this)
    }
  }

  /**
   * Resolves after `work` and everything received before it: PUBACKs go out in the order of their PUBLISHes
   * [MQTT-4.6.0-2]. Once one has failed, so do all later ones: the connection is closed without acknowledging them.
   */
  inOrder(work: Promise<void>): Promise<void> {
    this.#received = Promise.all([this.#received, work]).then(() => undefined)
    return this.#received
  }

  /** The connection is gone: what it has not acknowledged is lost. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const entries = [...this.#inFlight.values()]
    this.#inFlight.clear()
    for (const { cancelTimer, ended } of entries) {
      cancelTimer()
      ended('lost')
    }
  }

  #freeId(): number {
    do {
      this.#lastId = this.#lastId >= MAX_MESSAGE_ID ? 1 : this.#lastId + 1
    } while (this.#inFlight.has(this.#lastId))
    return this.#lastId
  }
}
