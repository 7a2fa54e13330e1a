import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Asked, isRecord, readAsked } from './answer.js'
import { AnswerRun } from './answer-run.js'
import { StubCounts } from './counts.js'
import { checkSettings, parseSettings, STUB_DEFAULTS, type StubSettings } from './settings.js'
import { embeddingsAnswer, errorBody } from './wire.js'

export const STUB_MODEL = 'stub'
const BLOCK_TOKENS = 16
/** Requests that `/control/requests` shows. */
const KEPT_REQUESTS = 64
const MAX_BODY_BYTES = 8 * 1024 * 1024

export interface StubOptions {
  /** 0 = a free one. */
  readonly port: number
  readonly host: string
  /** Answers made at a time; more wait, as in an engine. 0 = no limit. */
  readonly slots: number
  /** Tokens that fit into the cache that the metrics tell of. */
  readonly cacheTokens: number
  readonly settings: Partial<StubSettings>
}

export const STUB_OPTIONS: StubOptions = {
  port: 0,
  host: '127.0.0.1',
  slots: 0,
  cacheTokens: 65_536,
  settings: {},
}

const MODELS = { object: 'list', data: [{ id: STUB_MODEL, object: 'model', owned_by: 'stub' }] }

interface SeenRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/**
 * An engine that speaks OpenAI and generates nothing: cheap enough to stand beside what is measured. Its settings come,
 * each over the one before, from the command line, `POST /control`, the header `x-stub` and the model's name behind a colon
 * (`stub:fault=reset,after=3`).
 */
export class StubServer {
  readonly counts = new StubCounts()
  readonly #options: StubOptions
  readonly #server: Server
  readonly #seen: SeenRequest[] = []
  #settings: StubSettings
  #burst: { readonly settings: Partial<StubSettings>; left: number } | undefined
  #held: (() => void)[] = []
  #queue: (() => void)[] = []

  constructor(options: Partial<StubOptions> = {}) {
    this.#options = { ...STUB_OPTIONS, ...options }
    this.#settings = { ...STUB_DEFAULTS, ...this.#options.settings }
    this.#server = createServer({ keepAliveTimeout: 75_000, noDelay: true }, (request, response) =>
      this.#serve(request, response),
    )
  }

  /** Resolves with its address, `http://host:port`. */
  async start(): Promise<string> {
    this.#server.listen(this.#options.port, this.#options.host)
    await once(this.#server, 'listening')
    const address = this.#server.address()
    return `http://${this.#options.host}:${typeof address === 'object' && address ? address.port : 0}`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
      else request.destroy()
    })
    request.on('end', () => {
      const [only = Buffer.alloc(0)] = chunks
      this.#route(request, response, (chunks.length === 1 ? only : Buffer.concat(chunks)).toString())
    })
  }

  #route(request: IncomingMessage, response: ServerResponse, body: string): void {
    const [path = '', query = ''] = (request.url ?? '').split('?')
    if (path.startsWith('/control')) void this.#control(path, query, body, response)
    else if (path === '/metrics') response.end(this.#metrics())
    else if (path === '/health') response.end()
    else if (path.endsWith('/models')) json(response, 200, MODELS)
    else this.#work(path, request, response, body)
  }

  #work(path: string, request: IncomingMessage, response: ServerResponse, body: string): void {
    this.#seen.push({ path, headers: request.headers, body })
    if (this.#seen.length > KEPT_REQUESTS) this.#seen.shift()
    this.counts.requests++
    if (path.endsWith('/embeddings')) {
      this.#embed(body, response)
      return
    }
    const kind = path.endsWith('/chat/completions') ? 'chat' : 'completion'
    const asked = path.endsWith('/completions') ? readAsked(kind, body) : undefined
    if (!asked) {
      refuse(response, 400, 'the stub cannot read this', 'invalid_request_error')
      return
    }
    this.#answer(asked, request, response)
  }

  #answer(asked: Asked, request: IncomingMessage, response: ServerResponse): void {
    let settings: StubSettings
    try {
      settings = this.#settingsOf(asked.model, request.headers['x-stub'])
    } catch (thrown) {
      refuse(response, 400, String(thrown), 'invalid_request_error')
      return
    }
    const fault = refusal(settings, asked)
    if (fault) {
      this.counts.faulted++
      this.counts.changed()
      if (fault.retryAfterMs > 0) {
        response.setHeader('retry-after-ms', fault.retryAfterMs)
        response.setHeader('retry-after', Math.ceil(fault.retryAfterMs / 1_000))
      }
      refuse(response, fault.status, 'the stub was told to', fault.code)
      return
    }
    const run = new AnswerRun({
      response,
      asked,
      settings,
      counts: this.counts,
      hold: (goOn) => this.#held.push(goOn),
      over: () => this.#next(),
    })
    if (this.#options.slots === 0 || this.counts.running < this.#options.slots) {
      run.start()
      return
    }
    this.#wait(response, run)
  }

  #wait(response: ServerResponse, run: AnswerRun): void {
    const start = () => {
      response.off('close', gone)
      this.counts.waiting--
      run.start()
    }
    const gone = () => {
      this.#queue = this.#queue.filter((waiting) => waiting !== start)
      this.counts.waiting--
      this.counts.cancelledBeforeFirst++
      this.counts.changed()
    }
    response.once('close', gone)
    this.#queue.push(start)
    this.counts.waiting++
    this.counts.changed()
  }

  #next(): void {
    this.#queue.shift()?.()
  }

  #settingsOf(model: string, header: string | string[] | undefined): StubSettings {
    const burst = this.#burst
    if (burst) {
      burst.left--
      if (burst.left === 0) this.#burst = undefined
    }
    const spec = model.slice(model.indexOf(':') + 1)
    if (!burst && header === undefined && !spec.includes('=')) return this.#settings
    return {
      ...this.#settings,
      ...burst?.settings,
      ...parseSettings(String(header ?? '')),
      ...(spec.includes('=') ? parseSettings(spec) : {}),
    }
  }

  #embed(body: string, response: ServerResponse): void {
    const value: unknown = safeJson(body)
    const input: unknown = isRecord(value) ? value.input : undefined
    const texts = typeof input === 'string' ? [input] : input
    if (!isRecord(value) || !Array.isArray(texts) || !texts.every((text) => typeof text === 'string')) {
      refuse(response, 400, 'the stub cannot read this', 'invalid_request_error')
      return
    }
    this.counts.completed++
    response.setHeader('content-type', 'application/json')
    response.end(embeddingsAnswer(String(value.model), texts, value.encoding_format === 'base64'))
    this.counts.changed()
  }

  async #control(path: string, query: string, body: string, response: ServerResponse): Promise<void> {
    const wish = new URLSearchParams(query)
    try {
      if (path === '/control') this.#set(body)
      else if (path === '/control/release') for (const goOn of this.#held.splice(0)) goOn()
      else if (path === '/control/reset') this.#reset()
      else if (path === '/control/wait')
        await this.counts.reaches(wish.get('for') ?? '', Number(wish.get('is')))
      else if (path !== '/control/stats' && path !== '/control/requests')
        throw new RangeError('no such control')
      json(response, 200, path === '/control/requests' ? this.#seen : this.counts)
    } catch (thrown) {
      json(response, 400, { error: String(thrown) })
    }
  }

  /** `{"times":3, …}` sets what follows for so many requests, without `times` for all of them. */
  #set(body: string): void {
    const value: unknown = safeJson(body)
    if (!isRecord(value)) throw new RangeError('the stub takes its settings as a JSON object')
    const { times, ...rest } = value
    const settings = checkSettings(rest)
    if (typeof times === 'number' && times > 0) this.#burst = { settings, left: times }
    else this.#settings = { ...this.#settings, ...settings }
  }

  #reset(): void {
    this.#settings = { ...STUB_DEFAULTS, ...this.#options.settings }
    this.#burst = undefined
    this.#seen.length = 0
    this.counts.reset()
  }

  #metrics(): string {
    const { running, waiting, inFlightTokens } = this.counts
    const { cacheTokens } = this.#options
    const label = `{model_name="${STUB_MODEL}"}`
    return [
      '# TYPE vllm:num_requests_running gauge',
      `vllm:num_requests_running${label} ${running}`,
      '# TYPE vllm:num_requests_waiting gauge',
      `vllm:num_requests_waiting${label} ${waiting}`,
      '# TYPE vllm:kv_cache_usage_perc gauge',
      `vllm:kv_cache_usage_perc${label} ${Math.min(1, inFlightTokens / cacheTokens)}`,
      '# TYPE vllm:cache_config_info gauge',
      `vllm:cache_config_info{block_size="${BLOCK_TOKENS}",num_gpu_blocks="${Math.floor(cacheTokens / BLOCK_TOKENS)}"} 1`,
      '',
    ].join('\n')
  }
}

interface Refusal {
  readonly status: number
  readonly code: string
  readonly retryAfterMs: number
}

function refusal({ fault, status, retryAfterMs, maxInput }: StubSettings, asked: Asked): Refusal | undefined {
  if (fault === 'error') return { status, code: 'internal_error', retryAfterMs }
  if (fault === 'rate-limit') return { status: 429, code: 'rate_limit_exceeded', retryAfterMs }
  if (fault === 'quota') return { status: 429, code: 'insufficient_quota', retryAfterMs: 0 }
  if (maxInput === 0 || asked.promptTokens <= maxInput) return undefined
  return { status: 400, code: 'context_length_exceeded', retryAfterMs: 0 }
}

function refuse(response: ServerResponse, status: number, message: string, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(errorBody(message, code, code))
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
