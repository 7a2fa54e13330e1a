import { randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import { type Clock, isName, parseJson, YizhanError } from '@yizhan/kernel'
import mqtt, { type MqttClient } from 'mqtt'
import type { DeltaPayload, Info, InPayload, OutPayload, TicketsPayload } from '../channels/index.js'

export interface ConnectOptions {
  /** `mqtt://host:port` or `ws://host:port/mqtt`. */
  readonly url: string
  /** Default: the edge's first. */
  readonly tenant?: string | undefined
  readonly user: string
  readonly chat: string
  /** With it the client logs in as `tenant/user`. */
  readonly password?: string | undefined
}

export interface ChatHandlers {
  out(payload: OutPayload): void
  delta(payload: DeltaPayload): void
  info(info: Info): void
  /** What of this chat waits for the center; not told by every edge. */
  tickets(payload: TicketsPayload): void
  /** The connection was lost (it is being made anew for ever), or is there again. */
  link(up: boolean): void
}

export interface ChatConnection {
  readonly tenant: string
  readonly info: Info
  /** Publishes a question under `id`; resolves once the edge has it for certain, also across reconnects. */
  ask(id: string, text: string): Promise<void>
  /** The same for a pressed button or an event. */
  send(payload: InPayload): Promise<void>
  /** What is not acknowledged within 2 s is given up. */
  close(): Promise<void>
}

const CONNECT_MS = 5_000
const RECONNECT_MS = 1_000
const TENANT_MS = 5_000
const LEAVE_MS = 2_000
const NAME = /^[A-Za-z0-9_.@-]{1,64}$/

/** Throws `unavailable` if nobody answers, `unauthenticated`, or `not_found` for a tenant that is not served soon. */
export async function openChat(
  { clock }: { clock: Clock },
  options: ConnectOptions,
  handlers: ChatHandlers,
): Promise<ChatConnection> {
  check(options)
  const client = await connect(options)
  try {
    const info = await firstInfo(clock, client, options.tenant, handlers)
    const tenant = options.tenant ?? info.defaultTenant
    const prefix = `yizhan/${tenant}/${options.user}/${options.chat}`
    client.on('message', (topic, payload) => {
      const body: unknown = parsed(payload)
      if (topic === `${prefix}/out` && isObject(body)) handlers.out(body as unknown as OutPayload)
      if (topic === `${prefix}/delta` && isObject(body)) handlers.delta(body as unknown as DeltaPayload)
      if (topic === `${prefix}/tickets` && isObject(body)) handlers.tickets(body as unknown as TicketsPayload)
    })
    await subscribe(client, { [`${prefix}/out`]: { qos: 1 }, [`${prefix}/delta`]: { qos: 0 } }, tenant)
    // An older edge refuses it, and the chat goes on without.
    client.subscribeAsync(`${prefix}/tickets`, { qos: 0 }).catch(() => undefined)
    // Every retry that fails closes again: only what changes is told, and nothing of our own leaving.
    let isUp = true
    let isLeaving = false
    const link = (up: boolean) => {
      if (up === isUp || isLeaving) return
      isUp = up
      handlers.link(up)
    }
    client.on('close', () => link(false))
    client.on('connect', () => link(true))
    const send = async (payload: InPayload) => {
      await client.publishAsync(`${prefix}/in`, JSON.stringify(payload), { qos: 1 })
    }
    return {
      tenant,
      info,
      ask: (id, text) => send({ id, text }),
      send,
      close: () => {
        isLeaving = true
        return leave(clock, client)
      },
    }
  } catch (thrown) {
    await client.endAsync(true)
    throw thrown
  }
}

/** Says goodbye once what was sent is acknowledged; an edge that is away, or does not answer, is not waited for. */
function leave(clock: Clock, client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    const gone = () => {
      cancel()
      client.end(true)
      resolve()
    }
    const cancel = clock.after(LEAVE_MS, gone)
    if (!client.connected) gone()
    else {
      client.once('close', gone)
      client.end()
    }
  })
}

function check({ url, tenant, user, chat, password }: ConnectOptions): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : ''
  if (!['mqtt:', 'tcp:', 'ws:', 'wss:', 'mqtts:'].includes(protocol)) {
    throw new YizhanError('invalid_argument', '--mqtt is no address such as mqtt://127.0.0.1:1883')
  }
  if (tenant !== undefined && !isName(tenant))
    throw new YizhanError('invalid_argument', '--tenant is no tenant id')
  for (const [flag, value] of Object.entries({ user, chat })) {
    if (!NAME.test(value)) {
      throw new YizhanError('invalid_argument', `--${flag} must be 1 to 64 of A-Z a-z 0-9 _ . @ -`)
    }
  }
  if (password !== undefined && tenant === undefined) {
    throw new YizhanError('invalid_argument', 'with a password --tenant is needed: the log-in is tenant/user')
  }
}

async function connect({ url, tenant, user, password }: ConnectOptions): Promise<MqttClient> {
  const login = password === undefined ? {} : { username: `${tenant}/${user}`, password }
  const client = mqtt.connect(url, {
    clientId: `yizhan-chat-${randomUUID().slice(0, 8)}`,
    connectTimeout: CONNECT_MS,
    reconnectPeriod: RECONNECT_MS,
    ...login,
  })
  client.on('connect', () => {
    // Both ends have to switch Nagle's algorithm off, or a short exchange waits for a delayed ACK.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true)
  })
  // Later errors come with a 'close', after which the client goes on trying.
  client.on('error', () => undefined)
  return await new Promise((resolve, reject) => {
    const fail = (error?: unknown) => {
      client.end(true)
      reject(connectError(error, url))
    }
    const closed = () => fail()
    client.once('close', closed)
    client.once('error', fail)
    client.once('connect', () => {
      client.off('close', closed)
      client.off('error', fail)
      resolve(client)
    })
  })
}

const CONNACK_REFUSED = new Set([2, 4, 5])

function connectError(error: unknown, url: string): YizhanError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  if (typeof code === 'number' && CONNACK_REFUSED.has(code)) {
    return new YizhanError('unauthenticated', `${place(url)} does not let this user in`, {
      cause: error,
      hint: 'set YIZHAN_CHAT_PASSWORD, and --tenant and --user as in mqtt.auth.users',
    })
  }
  return new YizhanError('unavailable', `no edge answers at ${place(url)}`, {
    cause: error,
    hint: 'start one (npm start), or give its address with --mqtt',
  })
}

/** The address without what may be secret in it. */
function place(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

/** Waits for an edge that has just started until it serves the tenant, or any. */
function firstInfo(
  clock: Clock,
  client: MqttClient,
  tenant: string | undefined,
  handlers: ChatHandlers,
): Promise<Info> {
  return new Promise((resolve, reject) => {
    const what = tenant === undefined ? 'no tenant' : `no tenant ${tenant}`
    const cancel = clock.after(TENANT_MS, () => {
      reject(new YizhanError('not_found', `this edge serves ${what}`))
    })
    const lost = () => {
      cancel()
      reject(new YizhanError('unavailable', 'the edge closed the connection'))
    }
    client.once('close', lost)
    client.on('message', (topic, payload) => {
      const body = topic === 'yizhan/info' ? parsed(payload) : undefined
      if (!isObject(body)) return
      const info = body as unknown as Info
      handlers.info(info)
      if (!info.tenants.some(({ id }) => tenant === undefined || id === tenant)) return
      cancel()
      client.off('close', lost)
      resolve(info)
    })
    subscribe(client, { 'yizhan/info': { qos: 0 } }, 'yizhan/info').catch(reject)
  })
}

async function subscribe(
  client: MqttClient,
  topics: Record<string, { qos: 0 | 1 }>,
  what: string,
): Promise<void> {
  try {
    await client.subscribeAsync(topics)
  } catch (thrown) {
    throw new YizhanError('not_found', `${what} is not served here, or not for this user`, { cause: thrown })
  }
}

function parsed(payload: Buffer): unknown {
  try {
    return parseJson(payload.toString('utf8'))
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
