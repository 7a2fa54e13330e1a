import { randomUUID } from 'node:crypto'
import mqtt, { type MqttClient } from 'mqtt'

export interface Out {
  readonly type: 'final' | 'notice' | 'refused'
  readonly id: string
  readonly turnId: string
  readonly inReplyTo: string
  readonly text: string
  readonly answeredBy: string
  readonly intent?: string
  readonly score?: number
  readonly citations: readonly { readonly document: string; readonly passage: string }[]
  readonly ticket?: string
  readonly place?: number
  readonly quoted?: string
  readonly late?: boolean
  readonly finish?: string
  readonly code?: string
  readonly model?: string
}

export interface Delta {
  readonly turnId: string
  readonly inReplyTo: string
  readonly attempt: number
  readonly seq: number
  readonly text: string
  readonly snapshot?: true
}

export interface Ticket {
  readonly ticket: string
  readonly inReplyTo: string
  readonly place: number
}

/** A person in one chat of one tenant, on mqtt.js; keeps all that came, in order. */
export class ChatClient {
  readonly out: Out[] = []
  readonly deltas: Delta[] = []
  /** Those that wait, as last told. */
  tickets: readonly Ticket[] = []
  readonly #client: MqttClient
  readonly #prefix: string
  readonly #waiting = new Set<() => void>()
  /** Of this client: the edge knows the ids that others used in the same chat. */
  readonly #mark = randomUUID().slice(0, 8)
  #next = 1

  private constructor(client: MqttClient, prefix: string) {
    this.#client = client
    this.#prefix = prefix
    client.on('message', (topic, payload) => {
      const value: unknown = JSON.parse(payload.toString())
      if (topic.endsWith('/tickets')) this.tickets = (value as { tickets: Ticket[] }).tickets
      else if (topic.endsWith('/delta')) this.deltas.push(value as Delta)
      else this.out.push(value as Out)
      for (const look of this.#waiting) look()
    })
  }

  static async connect(url: string, tenant: string, user = 'li', chat = 'c1'): Promise<ChatClient> {
    const client = await mqtt.connectAsync(url, {
      reconnectPeriod: 200,
      clientId: `${tenant}-${user}-${chat}-${process.pid}-${Math.random()}`,
    })
    const prefix = `yizhan/${tenant}/${user}/${chat}`
    const it = new ChatClient(client, prefix)
    try {
      await client.subscribeAsync([`${prefix}/out`, `${prefix}/delta`, `${prefix}/tickets`], { qos: 1 })
    } catch (refused) {
      await client.endAsync(true)
      throw refused
    }
    return it
  }

  /** Publishes with QoS 1; resolves with the id when the edge has acked. */
  async say(text: string, more: Record<string, unknown> = {}): Promise<string> {
    const id = String(more.id ?? `${this.#mark}-${this.#next++}`)
    await this.#client.publishAsync(`${this.#prefix}/in`, JSON.stringify({ text, ...more, id }), { qos: 1 })
    return id
  }

  async publishRaw(payload: Buffer | string): Promise<void> {
    await this.#client.publishAsync(`${this.#prefix}/in`, payload, { qos: 1 })
  }

  /** Resolves as soon as `look` finds something in what has come. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const check = () => {
        const found = look()
        if (found === undefined) return
        this.#waiting.delete(check)
        resolve(found)
      }
      this.#waiting.add(check)
      check()
    })
  }

  final(id: string): Promise<Out> {
    return this.until(() => this.out.find((o) => o.type === 'final' && o.inReplyTo === id))
  }

  notice(id: string): Promise<Out> {
    return this.until(() => this.out.find((o) => o.type === 'notice' && o.inReplyTo === id))
  }

  async ask(text: string): Promise<Out> {
    return this.final(await this.say(text))
  }

  deltasOf(id: string): Delta[] {
    return this.deltas.filter((d) => d.inReplyTo === id)
  }

  async end(): Promise<void> {
    await this.#client.endAsync(true)
  }
}
