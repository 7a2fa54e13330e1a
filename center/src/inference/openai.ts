import { type Clock, type Outbound, parseJson, YizhanError } from '@yizhan/kernel'
import { citationOf } from './citation.js'
import { faultCodes, faultError, retryAfterMs, transportError } from './openai-errors.js'
import { CompletionReader, type Delta } from './openai-stream.js'
import { type PersonaOf, personaIn } from './personas.js'
import { PhaseTimer } from './phase-timer.js'
import type { Backend, GenerateRequest, Piece } from './port.js'
import { chatMessages, citedPassages } from './prompt.js'
import { estimateTokens } from './token-estimate.js'

export interface OpenAiConfig {
  /** Shown in metrics and logs; default `openai`. */
  readonly name?: string
  /** Address of the server, with or without `/v1`. */
  readonly url: string
  readonly model: string
  readonly apiKey?: string
  /** Longest answer; default: the server's. */
  readonly maxTokens?: number
  readonly temperature?: number
  /** From the request to the first text or thought; default 60,000. Connecting has its own limit in `createOutbound`. */
  readonly firstTokenMs?: number
  /** Default 30,000. */
  readonly betweenTokensMs?: number
  /** Default 300,000. */
  readonly totalMs?: number
}

type Fetch = Outbound['fetch']

export interface OpenAiDeps {
  readonly fetch: Fetch
  readonly clock: Clock
  /** Without it no tenant has one. */
  readonly personaOf?: PersonaOf
}

type Response = Awaited<ReturnType<Fetch>>

const PROBE_MS = 5_000
/** The server closes its stream right after the last event; waiting for it keeps the connection usable. */
const DRAIN_MS = 200
const MAX_FAULT_BYTES = 64 * 1024

/** Any server that speaks OpenAI's chat completions: vLLM, SGLang, Ollama, llama.cpp, TensorRT-LLM, a vendor. */
export function createOpenAi(deps: OpenAiDeps, config: OpenAiConfig): Backend {
  return new OpenAiBackend(deps, config)
}

class OpenAiBackend implements Backend {
  readonly name: string
  readonly model: string
  readonly #fetch: Fetch
  readonly #clock: Clock
  readonly #personaOf: PersonaOf | undefined
  readonly #config: OpenAiConfig
  readonly #base: string

  constructor(deps: OpenAiDeps, config: OpenAiConfig) {
    this.name = config.name ?? 'openai'
    this.model = config.model
    this.#fetch = deps.fetch
    this.#clock = deps.clock
    this.#personaOf = deps.personaOf
    this.#config = config
    this.#base = baseUrl(config.url)
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<Piece> {
    const timer = new PhaseTimer(this.#clock, 'the model server', signal).start(
      this.#config.totalMs ?? 300_000,
    )
    const betweenMs = this.#config.betweenTokensMs ?? 30_000
    const messages = chatMessages(request, personaIn(this.#personaOf?.(request.tenant), request.locale))
    let text = ''
    let finish: string | undefined
    let usage: Extract<Delta, { type: 'usage' }> | undefined
    let done = false
    try {
      timer.enter('first token', this.#config.firstTokenMs ?? 60_000)
      const response = await this.#post(messages, timer.signal)
      for await (const delta of readDeltas(response, timer)) {
        if (delta.type === 'text') {
          text += delta.text
          // What the reader of the answer takes is not the server's time.
          timer.rest()
          yield delta
          timer.enter('between tokens', betweenMs)
        } else if (delta.type === 'progress') timer.enter('between tokens', betweenMs)
        else if (delta.type === 'finish') finish = delta.reason
        else if (delta.type === 'usage') usage = delta
        else {
          done = true
          timer.enter('drain', DRAIN_MS)
        }
      }
    } catch (thrown) {
      // The answer is whole; only the connection's end did not come in time.
      if (!done || signal.aborted) throw timer.signal.aborted ? timer.signal.reason : transportError(thrown)
    } finally {
      timer.stop()
      timer.abort(new YizhanError('cancelled', 'the stream is over'))
    }
    if (!done && finish === undefined) {
      throw new YizhanError('backend_failed', "the model server's stream ended in the middle of an answer")
    }
    const filtered = finish === 'content_filter'
    if (text === '' && !filtered)
      throw new YizhanError('backend_failed', 'the model server gave an empty answer')
    const cited = citedPassages(text, request.passages)
    if (text !== '' && cited.length > 0) yield { type: 'citations', citations: cited.map(citationOf) }
    yield {
      type: 'end',
      finish: text === '' ? 'no-answer' : finish === 'length' || filtered ? 'length' : 'stop',
      inputTokens: usage?.inputTokens ?? estimateTokens(messages.map(({ content }) => content).join('\n')),
      outputTokens: usage?.outputTokens ?? estimateTokens(text),
    }
  }

  /** Asks for the list of models; a server that has none but answers is alive. */
  async probe(signal: AbortSignal): Promise<void> {
    const timer = new PhaseTimer(this.#clock, 'the model server', signal).start(PROBE_MS)
    try {
      const response = await this.#fetch(`${this.#base}/models`, {
        headers: this.#headers(),
        redirect: 'manual',
        signal: timer.signal,
      })
      if (!response.ok && response.status !== 404 && response.status !== 405)
        throw await this.#fault(response)
      await response.body?.cancel()
    } catch (thrown) {
      throw timer.signal.aborted ? timer.signal.reason : transportError(thrown)
    } finally {
      timer.stop()
    }
  }

  async #post(messages: ReturnType<typeof chatMessages>, signal: AbortSignal): Promise<Response> {
    const { model, maxTokens, temperature } = this.#config
    const response = await this.#fetch(`${this.#base}/chat/completions`, {
      method: 'POST',
      headers: { ...this.#headers(), 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
        ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
        ...(temperature === undefined ? {} : { temperature }),
      }),
      redirect: 'manual',
      signal,
    })
    if (!response.ok) throw await this.#fault(response)
    return response
  }

  #headers(): Record<string, string> {
    const { apiKey } = this.#config
    return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
  }

  async #fault(response: Response): Promise<YizhanError> {
    const { codes } = faultCodes(await faultBody(response))
    const retryAfter = retryAfterMs(response.headers, this.#clock.wall())
    return faultError({
      status: response.status,
      codes,
      ...(retryAfter === undefined ? {} : { retryAfterMs: retryAfter }),
    })
  }
}

async function* readDeltas(response: Response, timer: PhaseTimer): AsyncGenerator<Delta> {
  if (!response.body) throw new YizhanError('backend_failed', 'the model server sent no body')
  const reader = new CompletionReader()
  for await (const chunk of response.body) {
    if (!(chunk instanceof Uint8Array)) continue
    yield* reader.read(chunk)
  }
  timer.signal.throwIfAborted()
  yield* reader.end()
}

/** The JSON of an error answer, undefined if it is none or too long. */
async function faultBody(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of response.body ?? []) {
      if (!(chunk instanceof Uint8Array)) continue
      bytes += chunk.length
      if (bytes > MAX_FAULT_BYTES) return undefined
      chunks.push(chunk)
    }
    return parseJson(Buffer.concat(chunks).toString('utf8'))
  } catch {
    // The status alone says enough; a body cut short or in another form adds nothing.
    return undefined
  }
}

/** The address up to and including the API version. Throws `config_invalid`, never quoting the address. */
function baseUrl(given: string): string {
  let url: URL
  try {
    url = new URL(given)
  } catch (thrown) {
    throw new YizhanError('config_invalid', "the backend's url is not an address", { cause: thrown })
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new YizhanError('config_invalid', "the backend's url has to start with http:// or https://")
  }
  if (url.username !== '' || url.password !== '') {
    throw new YizhanError('config_invalid', "the backend's url holds a password; use apiKey")
  }
  const path = url.pathname.replace(/\/+$/, '').replace(/\/chat\/completions$/, '')
  return `${url.origin}${/\/v\d+$/.test(path) ? path : `${path}/v1`}`
}
