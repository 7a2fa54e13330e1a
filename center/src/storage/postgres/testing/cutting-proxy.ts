import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * What happens to the next COMMIT: `lose answer`: it is done, and the client does not hear of it. `lose it`: both ends
 * break before it arrives. `hang`: only the client's end breaks; the server waits on.
 */
export type Cut = 'lose answer' | 'lose it' | 'hang'

/** Between a client and a server; breaks connections in their commit, once for each `cut`. */
export class CuttingProxy {
  readonly #target: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #next: Cut | undefined
  #cuts = 0
  #refusing = false

  constructor(target: number) {
    this.#target = target
    this.#server = createServer((client) => this.#carry(client))
  }

  get cuts(): number {
    return this.#cuts
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  cutNext(how: Cut): void {
    this.#next = how
  }

  /** New connections end at once. */
  refuse(): void {
    this.#refusing = true
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #carry(client: Socket): void {
    this.#sockets.add(client)
    client.on('error', () => undefined)
    if (this.#refusing) {
      client.destroy()
      return
    }
    const server = connect(this.#target, '127.0.0.1')
    this.#sockets.add(server)
    server.on('error', () => client.destroy())
    let losing = false
    let hanging = false
    client.on('data', (data) => {
      if (hanging) return
      const how = data.includes('COMMIT') ? this.#take() : undefined
      if (how === 'lose it') {
        client.destroy()
        server.destroy()
      } else if (how === 'hang') {
        hanging = true
        client.destroy()
      } else {
        losing ||= how === 'lose answer'
        server.write(data)
      }
    })
    server.on('data', (data) => {
      if (losing && data.includes('COMMIT')) client.destroy()
      else if (!client.destroyed) client.write(data)
    })
    client.on('close', () => {
      if (!hanging) server.end()
    })
    server.on('close', () => client.destroy())
  }

  #take(): Cut | undefined {
    const how = this.#next
    this.#next = undefined
    if (how) this.#cuts += 1
    return how
  }
}
