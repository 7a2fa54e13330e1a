import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import { Aedes, type AuthenticateError, type Client } from 'aedes'
import mqttPacket from 'mqtt-packet'
import { type Identity, identityKey } from './access.js'
import type { ClientIds } from './client-ids.js'
import type { MqttLimits } from './limits.js'
import { NoRouting, NothingKept } from './nothing-kept.js'
import { inOneWrite } from './one-write.js'
import { PacketMeter } from './packet-meter.js'
import { Session } from './session.js'

export interface InPublish {
  readonly topic: string
  readonly payload: Buffer
}

export interface BrokerHooks {
  /** Who a connection is; `unknown` is refused, `busy` told to come back. */
  login(username: string | undefined, password: Buffer | undefined): Promise<Identity | 'unknown' | 'busy'>
  /** Called in the order of arrival. Once it resolves, the client is acknowledged; a rejection closes the connection. */
  publish(session: Session, packet: InPublish): Promise<void>
  maySubscribe(session: Session, filter: string): boolean
  subscribed(session: Session, filter: string, qos: number): void
  unsubscribed(session: Session, filter: string): void
  hasRoom(session: Session): void
  left(session: Session): void
  /** A connection was closed for what it did. */
  misbehaved(reason: string): void
}

interface BrokerDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly clientIds: ClientIds
  readonly hooks: BrokerHooks
}

// CONNACK return codes [MQTT-3.2.2-3].
const IDENTIFIER_REJECTED = 2
const SERVER_UNAVAILABLE = 3
const BAD_USERNAME_OR_PASSWORD = 4

// Its 65,536 ready numbers are as many buffers: 7 MB, through all of which each collection of the whole heap has to go.
mqttPacket.writeToStream.cacheNumbers = false

/** MQTT 3.1 and 3.1.1 by aedes, reduced to the protocol: no storage, no routing, clean sessions, no wills. */
export class Broker {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #clientIds: ClientIds
  readonly #hooks: BrokerHooks
  readonly #limits: MqttLimits
  readonly #store = new NothingKept((client, messageId) => this.#sessionOf(client)?.acked(messageId))
  readonly #aedes: Aedes
  readonly #sessions = new Map<object, Session>()
  readonly #meters = new WeakMap<object, PacketMeter>()
  /** QoS 2 publishes that are being taken in, by client and message id. */
  readonly #receiving = new WeakMap<object, Map<number, Promise<void>>>()
  #connections = 0

  constructor({ clock, log, clientIds, hooks }: BrokerDeps, limits: MqttLimits) {
    this.#clock = clock
    this.#log = log
    this.#clientIds = clientIds
    this.#hooks = hooks
    this.#limits = limits
    this.#aedes = new Aedes({
      mq: new NoRouting(),
      persistence: this.#store,
      connectTimeout: limits.connectMs,
      drainTimeout: limits.drainMs,
      preConnect: (_client, packet, done) => {
        packet.clean = true
        delete packet.will
        done(null, true)
      },
      authenticate: (client, username, password, done) => {
        this.#login(client, username, password).then(
          () => done(null, true),
          (thrown: AuthenticateError) => done(thrown, false),
        )
      },
      authorizePublish: (client, packet, done) => {
        // Never reached by a will (they are dropped), hence always with a client.
        if (!client) return done(new Error('a publish without a client'))
        packet.retain = false
        const payload = Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload)
        const id = packet.qos === 2 ? packet.messageId : undefined
        this.#publish(client, { topic: packet.topic, payload }, id).then(() => {
          inOneWrite(client.conn)
          done()
        }, done)
      },
      authorizeSubscribe: (client, subscription, done) => {
        const session = this.#sessionOf(client)
        if (!session) return done(new Error('subscribed before it was let in'))
        done(null, this.#grant(session, subscription.topic) ? subscription : null)
      },
      authorizeForward: (client, packet) => {
        const messageId = this.#sessionOf(client)?.forwardingId
        return messageId === undefined ? packet : { ...packet, messageId }
      },
    })
  }

  async start(): Promise<void> {
    const events: EventEmitter = this.#aedes
    events.on('error', (error: Error) => this.#log.error({ err: error }, 'mqtt broker failed'))
    this.#aedes.on('clientError', (client, error) => this.#failed(client, error))
    this.#aedes.on('connectionError', (client, error) => this.#failed(client, error))
    this.#aedes.on('subscribe', (subscriptions, client) => {
      const session = this.#sessionOf(client)
      if (!session) return
      for (const { topic, qos } of subscriptions) {
        if (session.filters.has(topic) && qos <= 2) this.#hooks.subscribed(session, topic, qos)
      }
    })
    this.#aedes.on('unsubscribe', (filters: string[], client: Client) => {
      const session = this.#sessionOf(client)
      if (!session) return
      for (const filter of filters) {
        session.filters.delete(filter)
        this.#hooks.unsubscribed(session, filter)
      }
    })
    await this.#aedes.listen()
  }

  /** Takes over a connection that has sent nothing yet. */
  handle(conn: Duplex, request?: IncomingMessage): void {
    if (this.#connections >= this.#limits.maxConnections) {
      this.#hooks.misbehaved('too many connections')
      conn.destroy()
      return
    }
    this.#connections++
    const meter = new PacketMeter(this.#limits)
    this.#meterReads(conn, meter)
    const client = this.#aedes.handle(conn, request)
    this.#meters.set(client, meter)
    conn.once('close', () => {
      this.#connections--
      this.#gone(client)
    })
  }

  /** Logged-in connections. */
  get clients(): number {
    return this.#sessions.size
  }

  sessions(): Iterable<Session> {
    return this.#sessions.values()
  }

  /** Resolves once every connection is closed. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#aedes.close(() => {
        for (const client of [...this.#sessions.keys()]) this.#gone(client)
        resolve()
      })
    })
  }

  /** aedes pulls bytes with `read`, and hands whole chunks to a parser without a bound of its own. */
  #meterReads(conn: Duplex, meter: PacketMeter): void {
    const read = conn.read.bind(conn)
    conn.read = (size?: number) => {
      const chunk: unknown = read(size)
      if (!Buffer.isBuffer(chunk)) return chunk
      const verdict = meter.accept(chunk)
      if (verdict === 'ok') return chunk
      conn.destroy(new Error(`refused before parsing: ${verdict}`))
      return null
    }
  }

  async #login(client: Client, username: string | undefined, password: Buffer | undefined): Promise<void> {
    const identity = await this.#hooks.login(username, password)
    if (identity === 'busy') throw loginError('too many log-ins wait', SERVER_UNAVAILABLE)
    if (identity === 'unknown') throw loginError('unknown user or wrong password', BAD_USERNAME_OR_PASSWORD)
    if (client.closed || client.conn.destroyed) throw loginError('went away', SERVER_UNAVAILABLE)
    if (!this.#clientIds.claim(client.id, identityKey(identity))) {
      throw loginError('the client id belongs to another user', IDENTIFIER_REJECTED)
    }
    const { maxInFlight, ackMs } = this.#limits
    const onRoom = (session: Session) => this.#hooks.hasRoom(session)
    const deps = { client, identity, clock: this.#clock, onRoom }
    this.#sessions.set(client, new Session(deps, { maxInFlight, ackMs }))
    this.#meters.get(client)?.loggedIn()
  }

  #publish(client: Client, packet: InPublish, qos2Id: number | undefined): Promise<void> {
    const session = this.#sessionOf(client)
    // aedes dispatches what a client sends while its log-in is still being looked at.
    if (!session) return Promise.reject(new Error('published before it was let in'))
    if (qos2Id === undefined) return session.inOrder(this.#hooks.publish(session, packet))
    if (this.#store.holds(client, qos2Id)) return Promise.resolve()
    const receiving = this.#receiving.get(client) ?? new Map<number, Promise<void>>()
    this.#receiving.set(client, receiving)
    const same = receiving.get(qos2Id)
    if (same) return same
    const taken = session
      .inOrder(this.#hooks.publish(session, packet))
      .finally(() => setImmediate(() => receiving.delete(qos2Id)))
    receiving.set(qos2Id, taken)
    return taken
  }

  #grant(session: Session, filter: string): boolean {
    if (!this.#hooks.maySubscribe(session, filter)) {
      this.#hooks.misbehaved('subscribed outside its prefix')
      return false
    }
    if (session.filters.size >= this.#limits.maxFilters && !session.filters.has(filter)) return false
    session.filters.add(filter)
    return true
  }

  #failed(client: Client, error: Error): void {
    const { code, message } = toYizhanError(error, 'invalid_argument')
    // A client that hangs up is no fault; what this broker closed a connection for is.
    if (error instanceof YizhanError || !('code' in error)) this.#hooks.misbehaved(message)
    this.#log.info({ clientId: client.id, code, reason: message }, 'mqtt connection failed')
  }

  #gone(client: Client | object): void {
    const session = this.#sessions.get(client)
    if (!session) return
    this.#sessions.delete(client)
    this.#clientIds.release(session.client.id)
    this.#hooks.left(session)
    session.close()
  }

  #sessionOf(client: object): Session | undefined {
    return this.#sessions.get(client)
  }
}

function loginError(message: string, returnCode: number): AuthenticateError {
  return Object.assign(new Error(message), { returnCode })
}
