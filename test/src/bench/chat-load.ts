import { performance } from 'node:perf_hooks'
import mqtt, { type MqttClient } from 'mqtt'
import { piecesOf } from '../simulators/engine/answer.js'

const QUESTION = '公司的愿景是什么样的呢，请详细说明'
/** What is not answered by then counts as lost. */
const PATIENCE_MS = 30_000

interface Asked {
  readonly due: number
  readonly answer: string
  readonly settle: (outcome: Outcome) => void
}

/** How a question ended, and the milliseconds from when it was due to its final. */
export interface Outcome {
  readonly as: 'answered' | 'wrong' | 'refused' | 'lost'
  readonly ms: number
}

interface Reply {
  readonly type: string
  readonly inReplyTo: string
  readonly text?: string
  readonly answeredBy?: string
}

/** People who ask the center through one edge; each conversation has one question at a time under way as far as the rate allows. */
export class ChatLoad {
  readonly #clients: readonly MqttClient[]
  readonly #chats: number
  readonly #tokens: number
  readonly #asked = new Map<string, Asked>()
  #next = 0

  private constructor(clients: readonly MqttClient[], chats: number, tokens: number) {
    this.#clients = clients
    this.#chats = chats
    this.#tokens = tokens
    for (const client of clients) {
      client.on('message', (_topic, payload) => this.#onReply(JSON.parse(payload.toString()) as Reply))
    }
  }

  /** `clients` connections with `chats` conversations each. `tokens`: what an answer has. */
  static async open(
    url: string,
    { clients, chats, tokens }: { readonly clients: number; readonly chats: number; readonly tokens: number },
  ): Promise<ChatLoad> {
    const connected = await Promise.all(
      Array.from({ length: clients }, async (_, i) => {
        const client = await mqtt.connectAsync(url, {
          clientId: `chat-${process.pid}-${i}`,
          reconnectPeriod: 0,
        })
        // Nagle: 44 ms a turn without this (DESIGN section 9).
        const { stream } = client as unknown as { stream: { setNoDelay?(on: boolean): void } }
        stream.setNoDelay?.(true)
        await client.subscribeAsync(`yizhan/acme/p${i}/+/out`, { qos: 1 })
        return client
      }),
    )
    return new ChatLoad(connected, chats, tokens)
  }

  /**
   * So many questions a second for so many seconds, whatever the answers do. Each is measured from when it was due: a late
   * start of the load itself counts too.
   */
  async run(perSecond: number, seconds: number): Promise<Outcome[]> {
    const total = Math.round(perSecond * seconds)
    const started = performance.now()
    const outcomes: Promise<Outcome>[] = []
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const passed = performance.now() - started
        while (outcomes.length < total && (outcomes.length / perSecond) * 1_000 <= passed) {
          outcomes.push(this.#ask(started + (outcomes.length / perSecond) * 1_000))
        }
        if (outcomes.length < total) return
        clearInterval(timer)
        resolve()
      }, 1)
    })
    return Promise.all(outcomes)
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.endAsync(true)))
  }

  #ask(due: number): Promise<Outcome> {
    const at = this.#next++
    const id = `q${at}`
    const text = `${QUESTION} #${id}`
    const person = at % this.#clients.length
    const chat = Math.floor(at / this.#clients.length) % this.#chats
    return new Promise((resolve) => {
      const patience = setTimeout(() => settle({ as: 'lost', ms: performance.now() - due }), PATIENCE_MS)
      const settle = (outcome: Outcome) => {
        clearTimeout(patience)
        this.#asked.delete(id)
        resolve(outcome)
      }
      this.#asked.set(id, { due, answer: piecesOf(text, this.#tokens).join(''), settle })
      this.#clients[person]?.publish(`yizhan/acme/p${person}/c${chat}/in`, JSON.stringify({ id, text }), {
        qos: 1,
      })
    })
  }

  #onReply({ type, inReplyTo, text = '', answeredBy }: Reply): void {
    const asked = this.#asked.get(inReplyTo)
    // A ticket is followed by its answer.
    if (!asked || (type !== 'final' && type !== 'error') || answeredBy === 'queued') return
    const ms = performance.now() - asked.due
    if (type === 'error') asked.settle({ as: 'refused', ms })
    else asked.settle({ as: text === asked.answer ? 'answered' : 'wrong', ms })
  }
}
