import { performance } from 'node:perf_hooks'
import mqtt, { type MqttClient } from 'mqtt'

/** Asked of the model: none of them is among the examples of acme, which are recognised without it. */
export const PARAPHRASES = [
  '公司的 VPN 怎么连啊',
  '我想连 VPN 该怎么弄',
  '请问 VPN 要怎么连',
  '怎么连接公司 VPN',
]
/** One of those examples. */
export const EXAMPLES = ['怎么连 VPN']
const IN_FLIGHT = 16

interface Answer {
  readonly inReplyTo: string
  readonly type?: string
  readonly answeredBy?: string
}

interface Asked {
  readonly at: number
  readonly done: (ms: number) => void
  readonly fail: (error: Error) => void
}

/** One MQTT client that asks and measures until the final reply with its id. */
export class LoadClient {
  readonly #client: MqttClient
  readonly #topic: string
  readonly #questions: readonly string[]
  readonly #asked = new Map<string, Asked>()
  #next = 0

  constructor(client: MqttClient, prefix: string, questions: readonly string[]) {
    this.#client = client
    this.#topic = `${prefix}/in`
    this.#questions = questions
    client.on('message', (_topic, payload) => {
      const { inReplyTo, type, answeredBy } = JSON.parse(payload.toString()) as Answer
      const asked = this.#asked.get(inReplyTo)
      if (!asked) return
      this.#asked.delete(inReplyTo)
      // A refusal, a ticket or an answer of the center is no local one; the raw echo has no type at all.
      if (type !== undefined && (type !== 'final' || answeredBy !== 'edge')) {
        asked.fail(new Error(`${inReplyTo} was not answered: ${payload.toString().slice(0, 200)}`))
        return
      }
      asked.done(performance.now() - asked.at)
    })
  }

  /** Resolves with the milliseconds from publish to final reply. */
  ask(): Promise<number> {
    const text = this.#questions[this.#next % this.#questions.length]
    const id = `b${this.#next++}`
    return new Promise((done, fail) => {
      this.#asked.set(id, { at: performance.now(), done, fail })
      this.#client.publish(this.#topic, JSON.stringify({ id, text }), { qos: 1 }, (error) => {
        if (error) fail(error)
      })
    })
  }

  end(): Promise<void> {
    return this.#client.endAsync(true)
  }
}

/** Each client has a conversation of its own: ids of messages are known per channel. */
let opened = 0

export async function openLoad(
  url: string,
  tenant: string,
  clients: number,
  questions: readonly string[] = PARAPHRASES,
): Promise<LoadClient[]> {
  return Promise.all(
    Array.from({ length: clients }, async () => {
      const number = opened++
      const client = await mqtt.connectAsync(url, {
        clientId: `load-${process.pid}-${number}`,
        reconnectPeriod: 0,
      })
      // Nagle: 44 ms a turn without this (DESIGN section 9).
      const { stream } = client as unknown as { stream: { setNoDelay?(on: boolean): void } }
      stream.setNoDelay?.(true)
      const prefix = `yizhan/${tenant}/load${number}/c`
      await client.subscribeAsync(`${prefix}/out`, { qos: 1 })
      return new LoadClient(client, prefix, questions)
    }),
  )
}

export interface Measured {
  readonly ms: number[]
  readonly perSecond: number
}

/** `turns` questions as fast as they are answered, with `inFlight` under way for each client. */
export async function flood(
  load: readonly LoadClient[],
  turns: number,
  inFlight = IN_FLIGHT,
): Promise<Measured> {
  const ms: number[] = []
  let left = turns
  const started = performance.now()
  const worker = async (client: LoadClient) => {
    while (left-- > 0) ms.push(await client.ask())
  }
  await Promise.all(load.flatMap((client) => Array.from({ length: inFlight }, () => worker(client))))
  return { ms, perSecond: (ms.length / (performance.now() - started)) * 1000 }
}

/** Questions at a fixed rate, whatever the answers do; the load of a busy branch. */
export async function paced(
  load: readonly LoadClient[],
  perSecond: number,
  seconds: number,
): Promise<Measured> {
  const total = perSecond * seconds
  const answers: Promise<number>[] = []
  const started = performance.now()
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * perSecond))
      while (answers.length < due) {
        const client = load[answers.length % load.length]
        if (client) answers.push(client.ask())
      }
      if (answers.length < total) return
      clearInterval(timer)
      resolve()
    }, 2)
  })
  const ms = await Promise.all(answers)
  return { ms, perSecond: (ms.length / (performance.now() - started)) * 1000 }
}
