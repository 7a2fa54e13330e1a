import { Readable } from 'node:stream'

interface AnyClient {
  readonly id: string
}
interface AnyPacket {
  readonly messageId?: number
}
type AckListener = (client: AnyClient, messageId: number) => void

/**
 * Storage for aedes that stores nothing: every session is clean, nothing is retained, and what a client has not
 * acknowledged waits in the edge's ledger. Only the ids of QoS 2 publishes that await their PUBREL are held, for as
 * long as the connection (aedes bounds them). It is also where acknowledgements are seen: for a clean session the
 * broker's own `ack` event says nothing about which packet it was.
 */
export class NothingKept {
  readonly #onAck: AckListener
  readonly #incoming = new WeakMap<AnyClient, Set<number>>()

  constructor(onAck: AckListener) {
    this.#onAck = onAck
  }

  async setup(): Promise<void> {}
  async destroy(): Promise<void> {}

  async storeRetained(): Promise<void> {}
  createRetainedStream(): Readable {
    return Readable.from([])
  }
  createRetainedStreamCombi(): Readable {
    return Readable.from([])
  }

  async addSubscriptions(): Promise<void> {}
  async removeSubscriptions(): Promise<void> {}
  async cleanSubscriptions(): Promise<void> {}
  async subscriptionsByClient(): Promise<never[]> {
    return []
  }
  async subscriptionsByTopic(): Promise<never[]> {
    return []
  }
  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return { subsCount: 0, clientsCount: 0 }
  }

  async outgoingEnqueue(): Promise<void> {}
  async outgoingEnqueueCombi(): Promise<void> {}
  async outgoingUpdate(): Promise<void> {}
  outgoingStream(): Readable {
    return Readable.from([])
  }
  /** Called on PUBACK and PUBCOMP. */
  async outgoingClearMessageId(client: AnyClient, packet: AnyPacket): Promise<void> {
    if (packet.messageId !== undefined) this.#onAck(client, packet.messageId)
  }

  async incomingStorePacket(client: AnyClient, packet: AnyPacket): Promise<void> {
    const ids = this.#incoming.get(client) ?? new Set<number>()
    this.#incoming.set(client, ids)
    if (packet.messageId !== undefined) ids.add(packet.messageId)
  }
  /** Rejects if the id is not held: that is how aedes asks. */
  async incomingGetPacket(client: AnyClient, packet: AnyPacket): Promise<AnyPacket> {
    if (!this.holds(client, packet.messageId)) throw new Error('no such packet')
    return packet
  }
  async incomingDelPacket(client: AnyClient, packet: AnyPacket): Promise<void> {
    if (!this.holds(client, packet.messageId)) throw new Error('no such packet')
    if (packet.messageId !== undefined) this.#incoming.get(client)?.delete(packet.messageId)
  }
  async cleanIncoming(client: AnyClient): Promise<void> {
    this.#incoming.delete(client)
  }
  /** Whether a QoS 2 publish under this id was taken in and awaits its PUBREL. */
  holds(client: AnyClient, messageId: number | undefined): boolean {
    return messageId !== undefined && this.#incoming.get(client)?.has(messageId) === true
  }

  async putWill(): Promise<void> {}
  async getWill(): Promise<undefined> {
    return undefined
  }
  async delWill(): Promise<undefined> {
    return undefined
  }
  streamWill(): Readable {
    return Readable.from([])
  }
  getClientList(): Readable {
    return Readable.from([])
  }
}

/** Routing for aedes that routes nothing: what clients publish goes to the edge, what they get comes from it alone. */
export class NoRouting {
  on(_topic: string, _notify: unknown, done?: () => void): this {
    done?.()
    return this
  }
  removeListener(_topic: string, _notify: unknown, done?: () => void): this {
    done?.()
    return this
  }
  emit(_packet: unknown, done?: () => void): this {
    done?.()
    return this
  }
  close(done: () => void): this {
    done()
    return this
  }
}
