import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Scope } from '../support/scope.js'

export const STUB_MODEL = 'stub-engine'

export interface StubOptions {
  /** Pieces of an answer; default 8. */
  readonly pieces?: number
  /** Milliseconds between pieces; default 2. */
  readonly paceMs?: number
}

export interface EngineRun {
  readonly question: string
  /** Whether the center has notes of a conversation written: nobody has asked, and its marks are of what was said before. */
  readonly isForNotes: boolean
  /** Settled once the response is over; true if all of it was written. */
  readonly ended: Promise<boolean>
}

/**
 * An OpenAI-compatible server in this process, whose answer follows from the question alone: so that a lost or doubled piece
 * shows. `hang` holds every answer from now on, before its first piece or after it, until `goOn`.
 */
export class StubEngine {
  /** Every request, in order. */
  readonly runs: EngineRun[] = []
  url = ''
  readonly #options: Required<StubOptions>
  #hang: 'first' | 'between' | undefined
  #goOn: (() => void)[] = []
  #onRun: ((run: EngineRun) => void)[] = []
  /** Answers being written now. */
  running = 0

  private constructor(options: StubOptions) {
    this.#options = { pieces: 8, paceMs: 2, ...options }
  }

  static async start(scope: Scope, options: StubOptions = {}): Promise<StubEngine> {
    const it = new StubEngine(options)
    const server = createServer((request, response) => void it.#serve(request, response)).listen(
      0,
      '127.0.0.1',
    )
    await once(server, 'listening')
    scope.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    it.url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/v1`
    return it
  }

  /** Settings of a center that asks it. */
  get settings(): Record<string, string> {
    return { YIZHAN_INFERENCE__LLM__URL: this.url, YIZHAN_INFERENCE__LLM__MODEL: STUB_MODEL }
  }

  /** The whole answer to a question. */
  answer(question: string): string {
    return this.#pieces(question).join('')
  }

  /** The next request, as soon as it has come. */
  next(): Promise<EngineRun> {
    return new Promise((resolve) => this.#onRun.push(resolve))
  }

  hang(where: 'first' | 'between'): void {
    this.#hang = where
  }

  /** What is held stays so; what comes from now on is answered. */
  letOthersThrough(): void {
    this.#hang = undefined
  }

  goOn(): void {
    this.#hang = undefined
    for (const wake of this.#goOn.splice(0)) wake()
  }

  #pieces(question: string): string[] {
    return Array.from({ length: this.#options.pieces }, (_, i) => `${i + 1}/${question};`)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.endsWith('/models')) {
      response.end(JSON.stringify({ data: [{ id: STUB_MODEL }] }))
      return
    }
    if (request.method !== 'POST') {
      response.writeHead(404).end()
      return
    }
    let body = ''
    for await (const data of request) body += String(data)
    const { messages } = JSON.parse(body) as { messages: { content: string }[] }
    const asked = messages.at(-1)?.content ?? ''
    const question = idIn(asked)
    let whole = false
    const ended = once(response, 'close').then(() => whole)
    const run = { question, ended, isForNotes: asked.startsWith('{"summary":') }
    this.runs.push(run)
    this.running += 1
    for (const tell of this.#onRun.splice(0)) tell(run)
    void ended.then(() => {
      this.running -= 1
    })
    response.on('error', () => undefined)
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    for (const [i, content] of this.#pieces(question).entries()) {
      if (this.#hang === (i === 0 ? 'first' : 'between')) {
        await new Promise<void>((resolve) => this.#goOn.push(resolve))
      }
      if (response.destroyed) return
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)
      if (this.#options.paceMs > 0) await pause(this.#options.paceMs)
    }
    whole = true
    response.end(
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`,
    )
  }
}

/** A question's mark, `#` and what follows: passages may stand around it in the prompt. */
export function idIn(text: string): string {
  const marks = text.match(/#[A-Za-z0-9-]+/g)
  return marks?.at(-1) ?? text
}
