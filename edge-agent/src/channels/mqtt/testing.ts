import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { asTenantId, createMetrics, ManualClock, newId, silentLogger } from '@yizhan/kernel'
import { create, type Message, MessageSchema } from '@yizhan/proto'
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt'
import type { Reply, ReplyContent, Turn } from '../../ledger/turn.js'
import type { AcceptOutcome, WaitingTicket } from '../port.js'
import { type MqttChannel, type MqttChannelConfig, startMqttChannel } from './channel.js'
import type { Info, OutPayload } from './contract.js'

export const INFO: Info = {
  edge: 'edge-1',
  site: 'beijing',
  version: '0.1.0',
  link: { state: 'ready', since: '2027-01-15T08:00:00.000Z', waiting: 0 },
  mode: { state: 'online', since: '2027-01-15T08:00:00.000Z' },
  tenants: ['acme', 'globex'].map((id) => ({
    id,
    name: { zh: id, en: id },
    languages: ['zh', 'en'],
    welcome: { text: { zh: '您好', en: 'Hello' }, suggest: [{ zh: '怎么连 VPN', en: 'VPN?' }] },
  })),
  chat: { showRoute: false, maxTextChars: 4_000, attachments: false, demo: false },
  defaultTenant: 'acme',
}

export interface TestChannel {
  readonly channel: MqttChannel
  readonly clock: ManualClock
  readonly url: string
  /** What came in, in order. */
  readonly messages: Message[]
  /** What the next messages are answered with; default accepted. */
  onMessage: (message: Message) => Promise<AcceptOutcome>
  setInfo(info: Info): void
  setTickets(tickets: readonly WaitingTicket[]): void
  /** How often the tickets were asked for. */
  readonly ticketLooks: () => number
  connect(options?: IClientOptions): Promise<TestClient>
}

export async function startTestChannel(
  t: TestContext,
  config: Partial<MqttChannelConfig> = {},
): Promise<TestChannel> {
  const clock = new ManualClock()
  const messages: Message[] = []
  const listeners = new Set<() => void>()
  const ticketListeners = new Set<() => void>()
  let info = INFO
  let tickets: readonly WaitingTicket[] = []
  let ticketLooks = 0
  const channel = await startMqttChannel(
    {
      clock,
      log: silentLogger(),
      metrics: createMetrics(),
      inbound: (message) => {
        messages.push(message)
        return test.onMessage(message)
      },
      edge: () => 'edge-1',
      info: () => info,
      onInfoChange: (fn) => {
        listeners.add(fn)
        return () => listeners.delete(fn)
      },
      tickets: {
        waiting: () => {
          ticketLooks += 1
          return tickets
        },
        onChange: (fn) => {
          ticketListeners.add(fn)
          return () => ticketListeners.delete(fn)
        },
      },
    },
    {
      host: '127.0.0.1',
      port: 0,
      auth: { mode: 'open', users: [] },
      allowedOrigins: [],
      showRoute: false,
      maxTextChars: 4_000,
      ...config,
    },
  )
  const url = `mqtt://127.0.0.1:${channel.port}`
  const test: TestChannel = {
    channel,
    clock,
    url,
    messages,
    onMessage: async () => ({ outcome: 'accepted', turnId: newId('t', clock.wall()) }),
    setInfo(next) {
      info = next
      for (const fn of listeners) fn()
    },
    ticketLooks: () => ticketLooks,
    setTickets(next) {
      tickets = next
      for (const fn of ticketListeners) fn()
    },
    connect: (options) => connectClient(t, url, options),
  }
  t.after(() => channel.stop('test'))
  return test
}

export interface Received {
  readonly topic: string
  readonly body: Record<string, unknown>
  readonly qos: number
  readonly retain: boolean
}

export interface TestClient {
  readonly mqtt: MqttClient
  readonly connack: IConnackPacket
  readonly received: Received[]
  /** The next message that no call before has given. */
  next(): Promise<Received>
  nextOut(): Promise<OutPayload>
  say(topic: string, body: unknown, qos?: 0 | 1 | 2): Promise<unknown>
}

export async function connectClient(
  t: TestContext,
  url: string,
  options: IClientOptions = {},
): Promise<TestClient> {
  const client = mqtt.connect(url, { reconnectPeriod: 0, ...options })
  t.after(() => client.endAsync(true))
  const received: Received[] = []
  const waiting: ((message: Received) => void)[] = []
  let taken = 0
  client.on('message', (topic, payload, packet) => {
    const body: Record<string, unknown> = JSON.parse(payload.toString())
    const message = { topic, body, qos: packet.qos, retain: packet.retain }
    received.push(message)
    const waiter = waiting.shift()
    if (waiter) taken++
    waiter?.(message)
  })
  client.on('error', () => undefined)
  const connack = await new Promise<IConnackPacket>((resolve, reject) => {
    client.once('connect', resolve)
    client.once('error', reject)
    client.once('close', () => reject(new Error('closed before it was connected')))
  })
  const next = (): Promise<Received> => {
    const ready = received[taken]
    if (!ready) return new Promise((resolve) => waiting.push(resolve))
    taken++
    return Promise.resolve(ready)
  }
  return {
    mqtt: client,
    connack,
    received,
    next,
    nextOut: async () => (await next()).body as unknown as OutPayload,
    say: (topic, body, qos = 1) => {
      const payload = Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body)
      return client.publishAsync(topic, payload, { qos })
    },
  }
}

/** A TCP connection that says what it likes; `closed` resolves when the other end has had enough. */
export async function rawSocket(
  t: TestContext,
  port: number,
): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return { socket, closed }
}

let turns = 0

export function turnOf(conversation: string, id: string | undefined, fields: Partial<Turn> = {}): Turn {
  const [tenant = '', , user = '', chat = ''] = conversation.split('/')
  turns += 1
  const tenantId = asTenantId(tenant)
  if (!tenantId) throw new Error(`${tenant} is no tenant`)
  return {
    id: `t_${turns}`,
    tenant: tenantId,
    message: create(MessageSchema, {
      tenantId: tenant,
      channelId: 'mqtt',
      conversationId: conversation,
      platformId: `${user}/${chat}/${id ?? '~made'}`,
    }),
    state: 'replying',
    version: 3,
    receivedSeq: turns,
    receivedAt: 1_800_000_000_000,
    ...fields,
  }
}

export function replyOf(turn: Turn, text: string, fields: Partial<ReplyContent> = {}): Reply {
  return {
    id: `${turn.id}.final`,
    kind: 'final',
    state: 'pending',
    content: { text, answeredBy: 'edge', citations: [], finish: 'stop', ...fields },
  }
}

export const never: AbortSignal = new AbortController().signal
