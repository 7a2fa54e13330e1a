import { Agent, request } from 'node:http'
import { performance } from 'node:perf_hooks'

/** A server of chat completions as a client sees it. */
export interface Target {
  /** Up to and without `/chat/completions`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly model: string
}

/** Milliseconds of one streamed answer. */
export interface Timing {
  readonly first: number
  readonly whole: number
}

const QUESTION = 'What may a night in a hotel cost on a journey to Shanghai? #q'

/** Streams answers from one server. */
export class StreamLoad {
  readonly #target: Target
  readonly #body: string

  constructor(target: Target) {
    this.#target = target
    this.#body = JSON.stringify({
      model: target.model,
      stream: true,
      messages: [{ role: 'user', content: QUESTION }],
    })
  }

  /**
   * `count` answers, so many at a time, over connections that are open already. Throws at the first that is not whole.
   * Between two runs they are closed: a server may do so at any moment.
   */
  async run(count: number, atOnce: number): Promise<Timing[]> {
    const agent = new Agent({ keepAlive: true, noDelay: true, maxSockets: Number.POSITIVE_INFINITY })
    try {
      await Promise.all(Array.from({ length: atOnce }, () => this.#one(agent)))
      const timings: Timing[] = []
      let left = count
      const worker = async () => {
        while (left-- > 0) timings.push(await this.#one(agent))
      }
      await Promise.all(Array.from({ length: atOnce }, worker))
      return timings
    } finally {
      agent.destroy()
    }
  }

  #one(agent: Agent): Promise<Timing> {
    const started = performance.now()
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.#target.url}/chat/completions`,
        {
          method: 'POST',
          agent,
          headers: {
            ...this.#target.headers,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(this.#body),
          },
        },
        (response) => {
          let first = 0
          let tail = ''
          response.on('data', (data: Buffer) => {
            if (first === 0) first = performance.now() - started
            tail = (tail + data.toString('latin1')).slice(-200)
          })
          response.once('end', () => {
            if (response.statusCode === 200 && tail.includes('data: [DONE]')) {
              resolve({ first, whole: performance.now() - started })
            } else reject(new Error(`an answer was not whole (${response.statusCode}): ${tail}`))
          })
          response.once('error', reject)
        },
      )
      sent.on('error', reject)
      sent.end(this.#body)
    })
  }
}
