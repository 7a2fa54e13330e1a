import type { Socket } from 'node:net'
import { ChannelCredentials, type experimental } from '@grpc/grpc-js'
import { YizhanError } from '@yizhan/kernel'

type Connector = experimental.SecureConnector
type ConnectorArgs = Parameters<ChannelCredentials['_createSecureConnector']>

/** What a closed channel may take to say goodbye. */
const GOODBYE_MS = 5_000

/**
 * Credentials whose channel leaves no connection behind when it is closed. grpc-js 1.14 goes on with a try that had failed
 * before the close, or was in its handshake, and keeps the connection for ever; and a peer that is silent never lets it end.
 */
export class ClosingCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials

  constructor(inner: ChannelCredentials) {
    super()
    this.#inner = inner
  }

  _isSecure(): boolean {
    return this.#inner._isSecure()
  }

  _equals(other: ChannelCredentials): boolean {
    return other === this
  }

  _createSecureConnector(...args: ConnectorArgs): Connector {
    return new ClosingConnector(this.#inner._createSecureConnector(...args))
  }
}

class ClosingConnector implements Connector {
  readonly #inner: Connector
  readonly #handshakes = new Set<Socket>()
  readonly #open = new Set<Socket>()
  #destroyed = false

  constructor(inner: Connector) {
    this.#inner = inner
  }

  waitForReady(): Promise<void> {
    // Before TCP: a channel that is closed dials nobody.
    return this.#destroyed ? Promise.reject(closed()) : this.#inner.waitForReady()
  }

  getCallCredentials() {
    return this.#inner.getCallCredentials()
  }

  async connect(socket: Socket) {
    if (this.#destroyed) throw closed()
    this.#handshakes.add(socket)
    socket.once('close', () => {
      this.#handshakes.delete(socket)
      this.#open.delete(socket)
    })
    const connected = await this.#inner.connect(socket)
    this.#handshakes.delete(socket)
    this.#open.add(socket)
    return connected
  }

  destroy(): void {
    this.#destroyed = true
    this.#inner.destroy()
    for (const socket of this.#handshakes) socket.destroy()
    setTimeout(() => {
      for (const socket of this.#open) socket.destroy()
    }, GOODBYE_MS).unref()
  }
}

function closed(): YizhanError {
  return new YizhanError('unavailable', 'the channel is closed')
}
