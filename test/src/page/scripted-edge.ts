import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import {
  type ChatRoutesDeps,
  type DeltaPayload,
  type Info,
  type InPayload,
  type OutPayload,
  type ReplyPayload,
  startHttp,
  type TicketsPayload,
} from '@yizhan/edge-agent'
import { createMetrics, silentLogger } from '@yizhan/kernel'
import { Aedes } from 'aedes'

type PageSocket = Parameters<ChatRoutesDeps['channel']['handleWebSocket']>[0]

/** A message of a page; `prefix` is its chat's, `yizhan/acme/web-…/c-…`. */
export interface Said extends InPayload {
  readonly id: string
  readonly prefix: string
}

interface Scope {
  after(fn: () => unknown): unknown
}

export const INFO: Info = {
  edge: 'hq',
  site: '上海总部',
  version: '0.1.0',
  link: { state: 'ready', since: '2027-01-15T08:02:00.000Z', waiting: 0 },
  mode: { state: 'online', since: '2027-01-15T08:02:00.000Z' },
  tenants: [
    {
      id: 'acme',
      name: { zh: '安科集团', en: 'Acme Group' },
      languages: ['zh', 'en'],
      welcome: {
        text: { zh: '您好，我是小驿。有什么可以帮您？', en: 'Hello, I am Yi. What can I do for you?' },
        suggest: [
          { zh: '怎么连 VPN？', en: 'How do I connect to the VPN?' },
          { zh: '忘记密码了', en: 'I forgot my password' },
          { zh: '出差住宿标准是多少？', en: 'What is the hotel allowance?' },
        ],
      },
    },
  ],
  defaultTenant: 'acme',
  chat: { showRoute: true, maxTextChars: 4_000, attachments: false, demo: false },
}

const WEB_DIR = fileURLToPath(new URL('../../../edge-agent/web', import.meta.url))
const WAIT_MS = 15_000
let replies = 0

interface ScriptedEdgeOptions {
  readonly info?: Info
  readonly demoSocket?: string
  readonly password?: string
}

/** The real page server in front of a broker that says what a test tells it to. */
export class ScriptedEdge {
  url = ''
  readonly said: Said[] = []
  /** Every publication, repeated ones too. */
  published = 0
  /** Client ids of the connections that are open. */
  readonly clients = new Set<string>()
  #broker!: Aedes
  #info: Info
  #cut = false
  #held: (() => void)[] | undefined
  readonly #sockets = new Set<PageSocket>()
  readonly #waiting = new Set<() => void>()
  /** Out-topics with the clients that listen. */
  readonly #listened = new Map<string, Set<string>>()
  #waitingOut: { readonly topic: string; readonly payload: OutPayload }[] = []

  private constructor(info: Info) {
    this.#info = info
  }

  /** With `password` nobody gets in without it. */
  static async start(t: Scope, { info = INFO, demoSocket, password }: ScriptedEdgeOptions = {}) {
    const edge = new ScriptedEdge(info)
    edge.#broker = await Aedes.createBroker()
    if (password !== undefined) {
      edge.#broker.authenticate = (_client, _username, given, done) => {
        if (given?.toString() === password) return done(null, true)
        done(Object.assign(new Error('wrong'), { returnCode: 4 as const }), false)
      }
    }
    edge.#listen()
    const http = await startHttp(
      {
        tenants: { list: () => [] },
        channel: edge.#channel(),
        metrics: createMetrics(),
        log: silentLogger(),
      },
      { host: '127.0.0.1', port: 0, authMode: 'open', webDir: WEB_DIR, demoSocket },
    )
    edge.url = http.url
    t.after(() => {
      edge.cutPages()
      edge.#broker.close()
      return http.stop('test over')
    })
    edge.#publish('yizhan/info', info, true)
    return edge
  }

  setInfo(fields: Partial<Info>): void {
    this.#info = { ...this.#info, ...fields }
    this.#publish('yizhan/info', this.#info, true)
  }

  /** The next message of the pages from now on; ask before doing what sends it. */
  next(): Promise<Said> {
    const known = this.said.length
    return this.until(() => this.said[known])
  }

  /** The first event of this type with this subject. */
  event(type: string, subject?: string): Promise<Said> {
    return this.until(() =>
      this.said.find(
        ({ event }) => event?.type === type && (subject === undefined || event.subject === subject),
      ),
    )
  }

  /** Resolves as soon as `look` finds something; fails after as long as the browser would wait. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check)
        reject(new Error(`the page did not do it: ${look}`))
      }, WAIT_MS)
      const check = () => {
        const found = look()
        if (found === undefined) return
        clearTimeout(timer)
        this.#waiting.delete(check)
        resolve(found)
      }
      this.#waiting.add(check)
      check()
    })
  }

  /** A reply to `to`, as the edge would send it; returns it. */
  reply(to: Said, fields: Partial<ReplyPayload> = {}): ReplyPayload {
    const { type = 'final', turnId = `t_${to.id}` } = fields
    const reply: ReplyPayload = {
      type,
      id: `${turnId}.${type}`,
      turnId,
      inReplyTo: to.id,
      text: `Answer ${++replies}.`,
      answeredBy: 'edge',
      intent: null,
      score: null,
      citations: [],
      finish: 'stop',
      at: new Date().toISOString(),
      ...fields,
    }
    this.out(to, reply)
    return reply
  }

  /** Waits for a page that listens, as the real one does. */
  out({ prefix }: Said, payload: OutPayload): void {
    const topic = `${prefix}/out`
    if (this.#listened.has(topic)) this.#publish(topic, payload)
    else this.#waitingOut.push({ topic, payload })
  }

  delta(
    { prefix, id }: Said,
    fields: Partial<DeltaPayload> & { readonly text: string; readonly seq: number },
  ): void {
    this.#publish(`${prefix}/delta`, { turnId: `t_${id}`, inReplyTo: id, attempt: 1, ...fields })
  }

  /** Comes on subscribing too, as with the real one. */
  tickets({ prefix }: Said, tickets: TicketsPayload['tickets']): void {
    this.#publish(`${prefix}/tickets`, { tickets }, true)
  }

  /** Ends every connection and lets no new one in. */
  cutPages(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.terminate()
  }

  letIn(): void {
    this.#cut = false
  }

  /** From now on nothing is acknowledged until `release`. */
  hold(): void {
    this.#held = []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const go of held) go()
  }

  #publish(topic: string, body: object, retain = false): void {
    const payload = Buffer.from(JSON.stringify(body))
    this.#broker.publish({ cmd: 'publish', topic, payload, qos: 1, retain, dup: false }, () => undefined)
  }

  #listen(): void {
    const broker = this.#broker
    broker.on('client', ({ id }) => {
      this.clients.add(id)
      this.#look()
    })
    broker.on('subscribe', (subscriptions, { id }) => {
      for (const { topic } of subscriptions) {
        this.#listened.set(topic, (this.#listened.get(topic) ?? new Set()).add(id))
      }
      const due = this.#waitingOut.filter(({ topic }) => this.#listened.has(topic))
      this.#waitingOut = this.#waitingOut.filter((out) => !due.includes(out))
      for (const { topic, payload } of due) this.#publish(topic, payload)
    })
    broker.on('clientDisconnect', ({ id }) => {
      this.clients.delete(id)
      for (const [topic, ids] of this.#listened) {
        if (ids.delete(id) && ids.size === 0) this.#listened.delete(topic)
      }
      this.#look()
    })
    broker.authorizePublish = (_client, packet, done) => {
      this.#take(packet.topic, packet.payload.toString())
      if (this.#held) this.#held.push(() => done(null))
      else done(null)
    }
  }

  #take(topic: string, payload: string): void {
    this.published++
    const message = JSON.parse(payload) as InPayload & { id: string }
    if (!this.said.some(({ id }) => id === message.id)) {
      this.said.push({ ...message, prefix: topic.slice(0, -'/in'.length) })
    }
    this.#look()
  }

  #look(): void {
    for (const look of [...this.#waiting]) look()
  }

  #channel(): ChatRoutesDeps['channel'] {
    return {
      maxPacketBytes: 262_144,
      health: () => ({ state: 'connected', lastInboundAt: 0, clients: this.clients.size }),
      upgradeProblem: () => (this.#cut ? 'cut by the test' : undefined),
      handleWebSocket: (socket: PageSocket, request: IncomingMessage) => {
        this.#sockets.add(socket)
        socket.on('close', () => this.#sockets.delete(socket))
        this.#broker.handle(streamOf(socket), request)
      },
    } as unknown as ChatRoutesDeps['channel']
  }
}

function streamOf(socket: PageSocket): Duplex {
  const stream = new Duplex({
    read: () => undefined,
    write: (data: Buffer, _encoding, done) => socket.send(data, (error) => done(error ?? null)),
    destroy: (error, done) => {
      socket.terminate()
      done(error)
    },
  })
  socket.on('message', (data: Buffer) => stream.push(data))
  socket.on('close', () => stream.destroy())
  socket.on('error', () => stream.destroy())
  return stream
}
