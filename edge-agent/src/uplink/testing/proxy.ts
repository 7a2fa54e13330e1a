import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** For tests: a TCP proxy in front of a center, whose connections can be cut or made to hang. */
export class TestProxy {
  readonly address: string
  readonly #server: Server
  readonly #sockets: Set<Socket>
  readonly #pairs: Map<Socket, Socket>
  readonly #gate: { open: boolean }

  constructor(server: Server, sockets: Set<Socket>, pairs: Map<Socket, Socket>, gate: { open: boolean }) {
    this.#server = server
    this.#sockets = sockets
    this.#pairs = pairs
    this.#gate = gate
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  get connections(): number {
    return this.#sockets.size / 2
  }

  /** Resets every connection; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Half-open: the connections of now stay, and nothing gets through them any more. */
  hang(): void {
    for (const [from, to] of this.#pairs) from.unpipe(to)
  }

  /** Whether new connections get through; if not they are reset. */
  admit(open: boolean): void {
    this.#gate.open = open
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}

export async function startTestProxy(t: TestContext, target: string): Promise<TestProxy> {
  const sockets = new Set<Socket>()
  const pairs = new Map<Socket, Socket>()
  const gate = { open: true }
  const [host, port] = target.split(':')
  const track = (from: Socket, to: Socket) => {
    sockets.add(from)
    pairs.set(from, to)
    from.pipe(to)
    from.on('error', () => undefined)
    from.once('close', () => {
      sockets.delete(from)
      pairs.delete(from)
      to.destroy()
    })
  }
  const server = createServer((near) => {
    if (!gate.open) {
      near.resetAndDestroy()
      return
    }
    const far = connect({ host: host ?? '', port: Number(port), noDelay: true })
    near.setNoDelay(true)
    track(near, far)
    track(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = new TestProxy(server, sockets, pairs, gate)
  t.after(() => proxy.close())
  return proxy
}
