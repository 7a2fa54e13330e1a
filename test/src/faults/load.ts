import { randomUUID } from 'node:crypto'
import { deadlineSignal } from '@yizhan/kernel'
import mqtt, { type MqttClient } from 'mqtt'
import type { Out } from '../support/chat-client.js'
import type { Scope } from '../support/scope.js'
import type { LoadLog, Seen } from './log-of-load.js'
import { STUB_MODEL, type StubEngine } from './stub-engine.js'

const LOCAL = '怎么连 VPN？'
const HEAVY = '出差住宿标准是多少？'

export interface LoadOptions {
  readonly url: string
  readonly engine: StubEngine
  readonly tenant?: string
  /** Persons, each with a connection; default 4. */
  readonly persons?: number
  /** Chats of each person; default 3. */
  readonly chats?: number
  /** Share of questions that go to the center; default 0.3. */
  readonly heavy?: number
  /** Questions of one chat that are without a final at the same time; default 3. */
  readonly inFlight?: number
  /** Seconds of MQTT; default 60. */
  readonly keepalive?: number
  /** Before a reply that was seen is acknowledged; default nothing. */
  readonly beforeAck?: (of: Out) => Promise<void>
  readonly random: () => number
}

const noWait = async () => undefined

interface Chat {
  readonly client: MqttClient
  readonly topic: string
  readonly conversation: string
  open: number
}

/**
 * People who ask over MQTT with QoS 1 under ids of their own and publish again until they are acknowledged, in a number of
 * conversations, and a log of all that they saw. A chat asks its next question as soon as it has fewer than `inFlight` open.
 */
export class Load {
  readonly #log: Seen[] = []
  readonly #options: Required<Omit<LoadOptions, 'url'>>
  readonly #chats: Chat[] = []
  readonly #chatOf = new Map<string, Chat>()
  readonly #acked = new Set<string>()
  /** With a final or a refusal. */
  readonly #done = new Set<string>()
  readonly #refused = new Map<string, string>()
  readonly #watchers = new Set<() => void>()
  readonly #mark = randomUUID().slice(0, 8)
  /** How often a connection has ended. */
  drops = 0
  #asking = false
  #pacer: NodeJS.Timeout | undefined
  #next = 1

  private constructor(options: LoadOptions) {
    this.#options = {
      tenant: 'acme',
      persons: 4,
      chats: 3,
      heavy: 0.3,
      inFlight: 3,
      keepalive: 60,
      beforeAck: noWait,
      ...options,
    }
  }

  /** Connected and subscribed, not yet asking. Its connections end with the scope. */
  static async connect(scope: Scope, options: LoadOptions): Promise<Load> {
    const it = new Load(options)
    for (let i = 0; i < it.#options.persons; i++) await it.#connectPerson(scope, options.url, `p${i}`)
    return it
  }

  get log(): LoadLog {
    return this.#log
  }

  /** Acknowledged so far. */
  get acked(): number {
    return this.#acked.size
  }

  /** Messages that have their final, or were refused. */
  get answers(): number {
    return this.#done.size
  }

  /** Acknowledged, and without a final or a refusal. */
  get open(): number {
    return [...this.#acked].filter((id) => !this.#done.has(id)).length
  }

  /** Asks from now on, until `pause`. */
  begin(): void {
    this.#asking = true
    for (const chat of this.#chats) this.#fill(chat)
  }

  /** Asks so many questions a second from now on, in one chat after the other, whatever is answered; until `pause`. */
  beginAt(perSecond: number): void {
    const started = performance.now()
    let asked = 0
    this.#pacer = setInterval(() => {
      const due = Math.floor(((performance.now() - started) / 1000) * perSecond)
      for (; asked < due; asked += 1) this.#publish(this.#chatAt(asked), this.#question())
    }, 5)
  }

  pause(): void {
    this.#asking = false
    clearInterval(this.#pacer)
  }

  /** Asks one question in the first chat; resolves with its id once it is acknowledged. */
  ask(kind: 'local' | 'heavy'): Promise<string> {
    return this.say(kind === 'local' ? LOCAL : HEAVY)
  }

  /** The same with words of one's own. */
  async say(text: string): Promise<string> {
    const { id, acked } = this.#publish(this.#chatAt(0), text)
    await acked
    return id
  }

  #chatAt(place: number): Chat {
    const chat = this.#chats[place % this.#chats.length]
    if (chat === undefined) throw new Error('nobody is here to ask')
    return chat
  }

  #question(): string {
    return this.#options.random() < this.#options.heavy ? HEAVY : LOCAL
  }

  /** Resolves when everything published is acknowledged and has its final or a refusal; rejects with the signal. */
  settled(signal: AbortSignal): Promise<void> {
    const isOpen = () => this.#chats.some(({ open }) => open > 0)
    return this.until(() => !isOpen(), signal)
  }

  /** The same, true, or false if it is not so within so many milliseconds. */
  async settledWithin(ms: number, signal: AbortSignal): Promise<boolean> {
    const settled = this.settled(AbortSignal.any([signal, deadlineSignal(ms)]))
    const isSettled = await settled.then(
      () => true,
      () => false,
    )
    signal.throwIfAborted()
    return isSettled
  }

  /** Resolves once `look` is true; asked after everything that comes. */
  until(look: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#watchers.delete(check)
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = () => {
        end()
        reject(signal.reason)
      }
      const check = () => {
        if (!look()) return
        end()
        resolve()
      }
      this.#watchers.add(check)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      else check()
    })
  }

  /** How often the final of a message has come. */
  deliveries(id: string): number {
    return this.#log.filter((seen) => seen.k === 'shown' && seen.type === 'final' && seen.id === id).length
  }

  /** The code with which a message was refused. */
  refusal(id: string): string | undefined {
    return this.#refused.get(id)
  }

  /** How many messages were refused, by code. */
  get refusals(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const code of this.#refused.values()) counts.set(code, (counts.get(code) ?? 0) + 1)
    return counts
  }

  /** Whether its final is a whole answer: not expired, failed, cancelled. */
  wasAnswered(id: string): boolean {
    return this.#log.some((seen) => seen.k === 'shown' && seen.id === id && seen.finish === 'stop')
  }

  hasFinal(id: string): boolean {
    return this.#done.has(id) && !this.#refused.has(id)
  }

  async #connectPerson(scope: Scope, url: string, name: string): Promise<void> {
    const { tenant, chats, keepalive, beforeAck } = this.#options
    const client = await mqtt.connectAsync(url, {
      clientId: `${tenant}-${name}-${this.#mark}`,
      reconnectPeriod: 50,
      keepalive,
    })
    scope.after(() => client.endAsync(true))
    client.on('error', () => undefined)
    client.on('close', () => {
      this.drops += 1
    })
    // Its callback sends the PUBACK.
    client.handleMessage = ({ payload }, done) => {
      void beforeAck(JSON.parse(payload.toString()) as Out).then(() => done())
    }
    client.on('message', (_topic, payload) => this.#shown(JSON.parse(payload.toString()) as Out))
    const user = `${name}-${this.#mark}`
    await client.subscribeAsync(`yizhan/${tenant}/${user}/+/out`, { qos: 1 })
    for (let i = 0; i < chats; i++) {
      const conversation = `${user}/c${i}`
      this.#chats.push({ client, topic: `yizhan/${tenant}/${conversation}/in`, conversation, open: 0 })
    }
  }

  #fill(chat: Chat): void {
    while (this.#asking && chat.open < this.#options.inFlight) {
      this.#publish(chat, this.#question())
    }
  }

  #publish(chat: Chat, words: string): { id: string; acked: Promise<void> } {
    const id = `${this.#mark}-${this.#next++}`
    // The engine answers the mark; what the edge answers by itself it knows word for word.
    const text = words === HEAVY ? `${words} #${id}` : words
    chat.open += 1
    this.#chatOf.set(id, chat)
    this.#log.push({ k: 'asked', id, conversation: chat.conversation })
    const acked = chat.client.publishAsync(chat.topic, JSON.stringify({ id, text }), { qos: 1 }).then(() => {
      this.#acked.add(id)
      this.#log.push({ k: 'acked', id })
      this.#look()
    })
    // Only when the client ends before: then it was never acknowledged.
    acked.catch(() => undefined)
    return { id, acked }
  }

  #shown(out: Out): void {
    const { type, inReplyTo, text = '', finish, answeredBy, model } = out
    const expected =
      answeredBy === 'center' && finish === 'stop' && model === STUB_MODEL
        ? this.#options.engine.answer(`#${inReplyTo}`)
        : undefined
    this.#log.push({
      k: 'shown',
      type,
      replyId: out.id ?? '',
      id: inReplyTo,
      text,
      ...(finish === undefined ? {} : { finish }),
      ...(type === 'final' && expected !== undefined ? { expected } : {}),
    })
    if (type === 'refused') this.#refused.set(inReplyTo, out.code ?? '')
    const chat = this.#chatOf.get(inReplyTo)
    if (type !== 'notice' && chat && !this.#done.has(inReplyTo)) {
      this.#done.add(inReplyTo)
      chat.open -= 1
      this.#fill(chat)
    }
    this.#look()
  }

  #look(): void {
    for (const look of [...this.#watchers]) look()
  }
}
