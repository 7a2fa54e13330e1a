import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'

const STARTUP = 196_608
const IDLE = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

interface Connection {
  /** What the names of its prepared statements begin with in the one session. */
  readonly prefix: string
  readonly socket: Socket
  user: string
  waiting: Buffer
}

/**
 * PGlite behind a socket: the client of production talks to it as to a server. There is one session; connections take
 * turns in it between transactions, each as the role that it named and with prepared statements of its own.
 */
export class PgliteServer {
  readonly #db: PGlite
  readonly #connections = new Set<Connection>()
  #server: Server | undefined
  #turn: Connection | undefined
  #waiting: (() => void)[] = []
  #port = 0
  #made = 0

  constructor(db: PGlite) {
    this.#db = db
  }

  get port(): number {
    return this.#port
  }

  /** On the same port again after `stop`. */
  async start(): Promise<void> {
    const server = createServer((socket) => this.#carry(socket))
    this.#server = server
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (typeof address === 'object' && address) this.#port = address.port
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    for (const { socket } of this.#connections) socket.destroy()
    server.close()
    await once(server, 'close')
  }

  async #carry(socket: Socket): Promise<void> {
    const connection: Connection = { prefix: `c${this.#made++}_`, socket, user: '', waiting: Buffer.alloc(0) }
    this.#connections.add(connection)
    socket.setNoDelay(true)
    try {
      for await (const data of socket) {
        connection.waiting = Buffer.concat([connection.waiting, data])
        for (let next = take(connection); next; next = take(connection)) await this.#answer(connection, next)
      }
    } catch {
      // The client or the test has broken it.
    }
    this.#connections.delete(connection)
    if (this.#turn !== connection) return
    await this.#db.exec('ROLLBACK')
    this.#pass()
  }

  async #answer(connection: Connection, message: Buffer): Promise<void> {
    if (message[0] === 0x58) {
      connection.socket.end()
      return
    }
    if (this.#turn !== connection) await this.#take(connection)
    const isFirst = connection.user === ''
    if (isFirst) connection.user = userOf(message)
    const answer = await this.#db.execProtocolRaw(isFirst ? message : withOwnName(connection, message))
    connection.socket.write(answer)
    if (Buffer.from(answer).subarray(-IDLE.length).equals(IDLE)) this.#pass()
  }

  async #take(connection: Connection): Promise<void> {
    while (this.#turn) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#turn = connection
    const user = connection.user === '' ? 'postgres' : `"${connection.user}"`
    await this.#db.exec(`SET SESSION AUTHORIZATION ${user}`)
  }

  #pass(): void {
    this.#turn = undefined
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** The next whole message. */
function take(connection: Connection): Buffer | undefined {
  const { waiting, user } = connection
  const start = user === '' ? 0 : 1
  if (waiting.length < start + 4) return undefined
  const length = start + waiting.readInt32BE(start)
  if (waiting.length < length) return undefined
  connection.waiting = waiting.subarray(length)
  return waiting.subarray(0, length)
}

/** Parse, Bind, and Describe or Close of a statement name one; a message begins with its type and length. */
function withOwnName({ prefix }: Connection, message: Buffer): Buffer {
  const type = String.fromCharCode(message[0] ?? 0)
  const ofStatement = (type === 'D' || type === 'C') && message[5] === 0x53
  const at = type === 'P' ? 5 : type === 'B' ? message.indexOf(0, 5) + 1 : ofStatement ? 6 : undefined
  if (at === undefined || message[at] === 0) return message
  const named = Buffer.concat([message.subarray(0, at), Buffer.from(prefix), message.subarray(at)])
  named.writeInt32BE(named.length - 1, 1)
  return named
}

function userOf(message: Buffer): string {
  if (message.readInt32BE(4) !== STARTUP) throw new Error('no startup message')
  const words = message.subarray(8).toString().split('\0')
  return words[words.indexOf('user') + 1] ?? ''
}
