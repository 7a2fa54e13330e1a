import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** What came in, in order; `next` waits for the one that was not asked for yet. */
export class Inbox<T> {
  readonly all: T[] = []
  #asked = 0
  #wake: () => void = () => undefined

  put(item: T): void {
    this.all.push(item)
    this.#wake()
  }

  async next(): Promise<T> {
    const at = this.#asked
    this.#asked += 1
    while (this.all.length <= at) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.all[at] as T
  }
}

export async function udpReceiver(t: TestContext) {
  const inbox = new Inbox<string>()
  const socket = createSocket('udp4', (message) => inbox.put(message.toString('utf8')))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  return { inbox, port: socket.address().port }
}

/** Messages with counted octets (RFC 6587); `port` 0 is any free one. */
export async function streamReceiver(
  t: TestContext,
  options: { readonly tls?: TlsOptions; readonly port?: number } = {},
) {
  const inbox = new Inbox<string>()
  const onConnection = (socket: Socket) => {
    let rest = ''
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.on('data', (chunk: string) => {
      rest += chunk
      for (;;) {
        const [, digits = '', space] = /^(\d+)( )/.exec(rest) ?? []
        const end = digits.length + 1 + Number(digits)
        if (space === undefined || rest.length < end) return
        inbox.put(rest.slice(digits.length + 1, end))
        rest = rest.slice(end)
      }
    })
  }
  const server = options.tls ? createTlsServer(options.tls, onConnection) : createTcpServer(onConnection)
  server.on('tlsClientError', () => undefined)
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  closeAfter(t, server)
  return { inbox, port: (server.address() as AddressInfo).port }
}

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** `answer` gives the status of each request; undefined: it never answers. */
export async function httpReceiver(t: TestContext, answer: () => number | undefined = () => 204) {
  const inbox = new Inbox<Received>()
  const server = createHttpServer(async (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    for await (const chunk of request) body += chunk
    const status = answer()
    if (status !== undefined)
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end()
    inbox.put({ headers: request.headers, body })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { inbox, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/anchors` }
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function closeAfter(t: TestContext, server: Server): void {
  t.after(() => server.close())
}
