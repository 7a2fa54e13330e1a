import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'

/** Where a proxy leads: a TCP port, or a socket of this machine. */
type Target = { readonly host: string; readonly port: number } | { readonly path: string }

/** A TCP relay between edge and center that a test can cut, silence and slow down. */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #target: Target
  #open = true
  #budget = Number.POSITIVE_INFINITY
  #onSpent: (() => void) | undefined
  /** Bytes that went from the target to clients. */
  downBytes = 0

  private constructor(server: Server, target: Target) {
    this.#server = server
    this.#target = target
  }

  static async start(target: Target): Promise<TcpProxy> {
    const server = createServer({ noDelay: true, pauseOnConnect: true })
    const proxy = new TcpProxy(server, target)
    server.on('connection', (client) => proxy.#relay(client))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get address(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    return `127.0.0.1:${address.port}`
  }

  /** Where new connections go from now on. */
  retarget(host: string, port: number): void {
    this.#target = { host, port }
  }

  /** Ends every connection with a reset and refuses new ones. */
  cut(): void {
    this.#open = false
    for (const pair of this.#pairs) for (const socket of pair) reset(socket)
  }

  /** Lets new connections through. */
  restore(): void {
    this.#open = true
    this.#budget = Number.POSITIVE_INFINITY
  }

  /** Cuts by itself as soon as `bytes` more have gone to clients; resolves then. */
  cutAfter(bytes: number): Promise<void> {
    this.#budget = this.downBytes + bytes
    return new Promise((resolve) => {
      this.#onSpent = resolve
    })
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #relay(client: Socket): void {
    if (!this.#open) {
      client.resetAndDestroy()
      return
    }
    const upstream = createConnection({ ...this.#target, noDelay: true })
    const pair = [client, upstream] as const
    this.#pairs.add(pair)
    const end = () => {
      this.#pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    client.pipe(upstream)
    upstream.on('data', (data: Buffer) => {
      this.downBytes += data.length
      if (this.downBytes >= this.#budget) {
        this.cut()
        this.#onSpent?.()
        return
      }
      if (!client.write(data)) upstream.pause()
    })
    client.on('drain', () => upstream.resume())
  }
}

/** A socket of this machine has no reset: its end is all that its peer can see. */
function reset(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy()
  else socket.resetAndDestroy()
}
