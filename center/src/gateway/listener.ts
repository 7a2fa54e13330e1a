import { createServer, type Server as NetServer, type Socket } from 'node:net'
import type { Server } from '@grpc/grpc-js'
import { type Clock, type Logger, YizhanError } from '@yizhan/kernel'
import type { ListenerCredentials } from './server-tls.js'
import { TrafficBudget } from './traffic-budget.js'

export interface ListenerOptions {
  readonly name: string
  readonly host: string
  readonly port: number
  /** What changes the port, for the hint when it is taken. */
  readonly setting: string
  readonly maxConnections: number
  /** Connections that have sent no message yet. */
  readonly maxNew: number
  /** See GatewayConfig. */
  readonly overheadBurstBytes: number
  readonly overheadBytesPerSecond: number
}

interface Connection {
  readonly socket: Socket
  readonly since: number
  readonly budget: TrafficBudget
  messages: number
  messageBytes: number
}

const SWEEP_MS = 1_000
/** One that takes longer to its first message gives way to another: a hoard of them keeps nobody out. */
const NEW_MS = 5_000

/**
 * A TCP listener that hands its connections to a gRPC server. The sockets stay ours: that bounds their number,
 * ends a peer at once, and shows floods below the level of messages, for which grpc-js has no limit. Of connections that are
 * on their way to a first message so many are taken that they get there: when a fleet comes back faster than handshakes
 * can be made, the rest is reset at once and tries again later; else all would wait until all have given up.
 */
export class Listener {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #server: Server
  readonly #net: NetServer
  readonly #options: ListenerOptions
  readonly #onFlood: () => void
  readonly #onShed: () => void
  readonly #connections = new Map<string, Connection>()
  /** Without a message so far, oldest first. */
  readonly #new = new Set<Connection>()
  #cancelSweep: () => void = () => undefined

  constructor(
    deps: {
      readonly clock: Clock
      readonly log: Logger
      readonly onFlood: () => void
      readonly onShed: () => void
    },
    server: Server,
    credentials: ListenerCredentials,
    options: ListenerOptions,
  ) {
    this.#clock = deps.clock
    this.#log = deps.log
    this.#onFlood = deps.onFlood
    this.#onShed = deps.onShed
    this.#server = server
    this.#options = options
    const injector = server.createConnectionInjector(credentials)
    this.#net = createServer({ noDelay: true }, (socket) => {
      if (this.#accept(socket)) injector.injectConnection(socket)
    })
    this.#net.maxConnections = options.maxConnections
  }

  /** The bound port; only while listening. */
  get port(): number {
    const address = this.#net.address()
    return address !== null && typeof address === 'object' ? address.port : 0
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Rejects with `port_taken` or `config_invalid`; `onError` hears of failures after that. */
  listen(onError: (error: Error) => void): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) => reject(this.#listenError(error))
      this.#net.once('error', failed)
      this.#net.listen({ host, port }, () => {
        this.#net.off('error', failed)
        this.#net.on('error', onError)
        this.#sweepLater()
        resolve()
      })
    })
  }

  /** Counts a whole message of a peer, so that it is not taken for a flood. */
  received(peer: string, bytes: number): void {
    const connection = this.#connections.get(peer)
    if (!connection) return
    this.#new.delete(connection)
    connection.messages += 1
    connection.messageBytes += bytes
  }

  /** Ends a peer's connection at once, whatever is under way on it. */
  cut(peer: string): void {
    this.#connections.get(peer)?.socket.destroy()
  }

  /** Takes no more connections; those that are open go on. */
  refuseNew(): void {
    this.#net.close()
  }

  /** Takes nothing new, waits up to `graceMs` for calls to end, then closes what is left. */
  async stop(graceMs: number): Promise<void> {
    this.#cancelSweep()
    this.#net.close()
    const graceful = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()))
    let cancel: () => void = () => undefined
    await Promise.race([
      graceful,
      new Promise<void>((resolve) => {
        cancel = this.#clock.after(graceMs, resolve)
      }),
    ])
    cancel()
    this.#server.forceShutdown()
    for (const { socket } of this.#connections.values()) socket.destroy()
    await graceful
  }

  #accept(socket: Socket): boolean {
    // The TLS layer above has listeners of its own; without this one a reset before it is up would be uncaught.
    socket.on('error', () => undefined)
    const since = this.#clock.monotonic()
    if (!this.#hasRoom(since)) {
      this.#onShed()
      socket.resetAndDestroy()
      return false
    }
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    const { overheadBurstBytes, overheadBytesPerSecond } = this.#options
    const budget = new TrafficBudget(overheadBurstBytes, overheadBytesPerSecond, since)
    const connection: Connection = { socket, since, budget, messages: 0, messageBytes: 0 }
    this.#connections.set(peer, connection)
    this.#new.add(connection)
    socket.once('close', () => {
      this.#connections.delete(peer)
      this.#new.delete(connection)
    })
    return true
  }

  #hasRoom(now: number): boolean {
    if (this.#new.size < this.#options.maxNew) return true
    const [oldest] = this.#new
    if (!oldest || now - oldest.since < NEW_MS) return false
    this.#new.delete(oldest)
    oldest.socket.destroy()
    return true
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#clock.after(SWEEP_MS, () => {
      this.#sweep()
      this.#sweepLater()
    })
  }

  #sweep(): void {
    const now = this.#clock.monotonic()
    for (const [peer, { socket, budget, messages, messageBytes }] of this.#connections) {
      const { bytesRead, bytesWritten } = socket
      if (budget.allows({ bytesRead, bytesWritten, messages, messageBytes }, now)) continue
      this.#log.warn(
        { listener: this.#options.name, peer, bytesRead, messageBytes },
        'flood: connection closed',
      )
      this.#onFlood()
      socket.destroy()
    }
  }

  #listenError(error: NodeJS.ErrnoException): YizhanError {
    const { name, host, port, setting } = this.#options
    if (error.code === 'EADDRINUSE') {
      return new YizhanError('port_taken', `the ${name} port ${port} is taken`, {
        cause: error,
        hint: `set ${setting} to another port; 0 takes any free one`,
      })
    }
    return new YizhanError(
      'config_invalid',
      `the ${name} listener cannot open ${host}:${port}: ${error.code}`,
      {
        cause: error,
        hint: `check gateway.host and ${setting}`,
      },
    )
  }
}
