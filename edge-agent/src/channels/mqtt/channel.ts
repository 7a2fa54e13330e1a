import type { IncomingMessage } from 'node:http'
import { type Clock, type Logger, type Metrics, YizhanError } from '@yizhan/kernel'
import { createWebSocketStream, type WebSocket } from 'ws'
import type { Turn } from '../../ledger/turn.js'
import type {
  ChannelAdapter,
  ChannelCapabilities,
  DeliveryOutcome,
  Delta,
  Inbound,
  Outgoing,
  TicketSource,
  Watcher,
} from '../port.js'
import { maySubscribe } from './access.js'
import { Announcer, json } from './announcer.js'
import { type AuthMode, refuseOpenBind } from './bind.js'
import { Broker, type InPublish } from './broker.js'
import { ClientIds } from './client-ids.js'
import type { Info } from './contract.js'
import { type MqttCounters, mqttCounters } from './counters.js'
import { Deliveries } from './deliveries.js'
import { Deltas } from './deltas.js'
import { MQTT_LIMITS, type MqttLimits } from './limits.js'
import { listen } from './listener.js'
import { type MqttUser, Passwords } from './passwords.js'
import { Receiver } from './receiver.js'
import { replyPayload } from './reply-payload.js'
import type { Session } from './session.js'
import { Subscriptions } from './subscriptions.js'
import { TicketBoard } from './ticket-board.js'
import { type ChatAddress, chatOf, chatTopic, INFO_TOPIC } from './topics.js'
import { upgradeProblem } from './upgrade.js'

export interface MqttChannelDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Metrics
  readonly inbound: Inbound
  /** Id of this edge; empty before it is enrolled. */
  readonly edge: () => string
  readonly info: () => Info
  /** Calls back when `info` gives something else. Returns the unsubscribe. */
  readonly onInfoChange: (fn: () => void) => () => void
  readonly tickets: TicketSource
}

export interface MqttChannelConfig {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly auth: { readonly mode: AuthMode; readonly users: readonly MqttUser[] }
  /** Origins besides the page's own that may open a WebSocket. */
  readonly allowedOrigins: readonly string[]
  readonly showRoute: boolean
  readonly maxTextChars: number
  /** What is left out is as in MQTT_LIMITS. */
  readonly limits?: Partial<MqttLimits>
}

export interface MqttChannel extends ChannelAdapter {
  /** The TCP port it listens on. */
  readonly port: number
  readonly maxPacketBytes: number
  /** Why a WebSocket may not be opened for this request, or undefined if it may. */
  upgradeProblem(request: IncomingMessage): string | undefined
  /** Serves MQTT on an opened WebSocket; the channel is the same as over TCP. */
  handleWebSocket(socket: WebSocket, request: IncomingMessage): void
}

/**
 * The MQTT channel on a broker of its own. Throws `config_invalid` on an open bind to a network address or a bad user
 * list, `port_taken` if the port is. `stop` takes no new connection, waits for messages that are being made durable to
 * be acknowledged, and closes the rest; replies that were not confirmed stay in the ledger.
 */
export async function startMqttChannel(
  deps: MqttChannelDeps,
  config: MqttChannelConfig,
): Promise<MqttChannel> {
  refuseOpenBind(config.auth.mode, config.host, 'mqtt.host')
  const part = new Part(deps, config)
  await part.start()
  return part
}

const CLOSE_UNSUPPORTED_DATA = 1003
/** Of a reply's packet; the rest is for its sources, card and choices. */
const TEXT_SHARE = 0.75

class Part implements MqttChannel {
  readonly id = 'mqtt'
  readonly platform = 'mqtt'
  readonly capabilities: ChannelCapabilities
  readonly done: Promise<void>
  readonly maxPacketBytes: number
  port = 0
  readonly #deps: MqttChannelDeps
  readonly #config: MqttChannelConfig
  readonly #limits: MqttLimits
  readonly #passwords: Passwords
  readonly #broker: Broker
  readonly #subscriptions = new Subscriptions<Session>()
  readonly #deliveries: Deliveries
  readonly #reachable = new Set<(conversation: string) => void>()
  readonly #deltas: Deltas
  readonly #announcer: Announcer
  readonly #ticketBoard: TicketBoard
  readonly #receiver: Receiver
  readonly #count: MqttCounters
  #served: ReadonlySet<string> = new Set()
  #state: 'connecting' | 'connected' | 'closed' = 'connecting'
  #stopping: Promise<void> | undefined
  #closeListener: () => Promise<void> = async () => undefined
  #ended: () => void = () => undefined

  constructor(deps: MqttChannelDeps, config: MqttChannelConfig) {
    this.#deps = deps
    this.#config = config
    this.#limits = { ...MQTT_LIMITS, ...config.limits }
    this.maxPacketBytes = this.#limits.maxPacketBytes
    this.capabilities = {
      idempotent: true,
      probe: false,
      edit: true,
      stream: true,
      maxBytes: this.#limits.maxReplyBytes * TEXT_SHARE,
      sizeOf: (text) => Buffer.byteLength(JSON.stringify(text)),
    }
    this.done = new Promise((resolve) => {
      this.#ended = resolve
    })
    this.#passwords = new Passwords(config.auth.users)
    this.#count = mqttCounters(deps.metrics)
    this.#announcer = new Announcer({ subscriptions: this.#subscriptions, info: deps.info })
    this.#deltas = new Deltas(
      {
        subscriptions: this.#subscriptions,
        topicOf: (turn) => chatTopic(addressOf(turn), 'delta'),
        dropped: () => this.#count.deltasDropped.inc(),
      },
      this.#limits,
    )
    this.#ticketBoard = new TicketBoard(
      { ...deps, subscriptions: this.#subscriptions },
      { everyMs: this.#limits.ticketsEveryMs },
    )
    this.#receiver = new Receiver(
      {
        ...deps,
        count: this.#count,
        refuse: (sender, outTopic, refusal) => this.#announcer.refuse(sender, outTopic, refusal),
      },
      {
        maxPayloadBytes: this.#limits.maxPayloadBytes,
        maxTextChars: config.maxTextChars,
      },
    )
    const clientIds = new ClientIds(
      { clock: deps.clock },
      { keepMs: this.#limits.clientIdKeepMs, max: this.#limits.maxClientIds },
    )
    this.#deliveries = new Deliveries(
      {
        subscriptions: this.#subscriptions,
        onReachable: (conversation) => {
          for (const fn of this.#reachable) fn(conversation)
        },
      },
      { maxWaiting: this.#limits.maxWaiting },
    )
    this.#broker = new Broker(
      { clock: deps.clock, log: deps.log, clientIds, hooks: this.#hooks() },
      this.#limits,
    )
  }

  async start(): Promise<void> {
    this.#served = servedBy(this.#deps.info())
    await this.#broker.start()
    const { server, port } = await listen((socket) => this.#broker.handle(socket), this.#config).catch(
      async (thrown) => {
        await this.#broker.stop()
        throw thrown
      },
    )
    server.on('error', (error) => this.#deps.log.error({ err: error }, 'mqtt listener failed'))
    const offInfo = this.#deps.onInfoChange(() => {
      this.#served = servedBy(this.#deps.info())
      this.#announcer.infoToAll()
    })
    this.#ticketBoard.start()
    this.#closeListener = () => {
      offInfo()
      this.#ticketBoard.stop()
      return new Promise((resolve) => {
        server.close(() => resolve())
      })
    }
    this.port = port
    this.#state = 'connected'
  }

  upgradeProblem(request: IncomingMessage): string | undefined {
    const { auth, allowedOrigins } = this.#config
    return upgradeProblem(request, { mode: auth.mode, allowedOrigins })
  }

  handleWebSocket(socket: WebSocket, request: IncomingMessage): void {
    request.socket.setNoDelay(true)
    // MQTT travels in binary frames only [MQTT-6.0.0-1].
    socket.on('message', (_data, isBinary) => {
      if (!isBinary) socket.close(CLOSE_UNSUPPORTED_DATA, 'binary frames only')
    })
    this.#broker.handle(createWebSocketStream(socket), request)
  }

  async deliver(turn: Turn, reply: Outgoing, signal: AbortSignal): Promise<DeliveryOutcome> {
    const address = addressOf(turn)
    if (reply.kind === 'final') this.#deltas.ended(turn.id)
    const { showRoute } = this.#config
    const payload = json(replyPayload(turn, reply, { showRoute, wallMs: this.#deps.clock.wall() }))
    if (payload.length > this.#limits.maxReplyBytes) {
      throw new YizhanError('too_large', `the reply has more than ${this.#limits.maxReplyBytes} bytes`)
    }
    const topic = chatTopic(address, 'out')
    return await this.#deliveries.deliver(turn.message.conversationId, topic, payload, signal)
  }

  delta(turn: Turn, delta: Delta): boolean {
    return this.#deltas.show(turn, delta)
  }

  onReachable(fn: (conversation: string) => void): () => void {
    this.#reachable.add(fn)
    return () => this.#reachable.delete(fn)
  }

  onWatcher(fn: (watcher: Watcher) => void): () => void {
    return this.#deltas.onWatcher(fn)
  }

  health() {
    return { state: this.#state, lastInboundAt: this.#receiver.lastInboundAt, clients: this.#broker.clients }
  }

  stop(_reason: string): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#state = 'closed'
    const closed = this.#closeListener()
    await this.#receiver.close()
    // The acknowledgements of what was just made durable are written in the same turn of the loop.
    await new Promise((resolve) => setImmediate(resolve))
    await this.#broker.stop()
    await closed
    this.#ended()
  }

  #hooks() {
    return {
      login: async (username: string | undefined, password: Buffer | undefined) => {
        if (this.#config.auth.mode === 'open') return { mode: 'open' } as const
        const verdict = await this.#passwords.verify(username, password)
        if (verdict.verdict !== 'known') return verdict.verdict
        return { mode: 'password', tenant: verdict.tenant, user: verdict.user } as const
      },
      publish: (session: Session, packet: InPublish) => this.#receiver.receive(session, packet, this.#served),
      maySubscribe: (session: Session, filter: string) =>
        maySubscribe(session.identity, filter, this.#served),
      subscribed: (session: Session, filter: string, qos: number) => {
        this.#subscriptions.add(session, filter, qos)
        if (filter === INFO_TOPIC) this.#announcer.infoTo(session, qos)
        this.#deliveries.subscribed(session, filter)
        this.#deltas.subscribed(session, filter)
        this.#ticketBoard.subscribed(session, filter, qos)
      },
      unsubscribed: (session: Session, filter: string) => {
        this.#subscriptions.remove(session, filter)
        this.#ticketBoard.unsubscribed(session, filter)
      },
      hasRoom: (session: Session) => this.#deliveries.hasRoom(session),
      left: (session: Session) => {
        this.#subscriptions.removeAll(session)
        this.#deltas.left(session)
        this.#ticketBoard.left(session)
      },
      misbehaved: (reason: string) => {
        this.#count.misbehaved.inc()
        this.#deps.log.warn({ reason }, 'mqtt client was refused')
      },
    }
  }
}

function servedBy(info: Info): ReadonlySet<string> {
  return new Set(info.tenants.map((tenant) => tenant.id))
}

function addressOf(turn: Turn): ChatAddress {
  const address = chatOf(turn.message.conversationId)
  if (!address) throw new YizhanError('internal', 'the turn is of no MQTT conversation')
  return address
}
