import { type Clock, type Outbound, YizhanError } from '@yizhan/kernel'
import type { PersonaOf } from '../../personas.js'
import { PhaseTimer } from '../../phase-timer.js'
import type { Backend, EngineLoad, GenerateRequest, Piece } from '../../port.js'
import { estimateTokens } from '../../token-estimate.js'
import { endingOf } from '../ending.js'
import { engineLoad, MAX_METRICS_BYTES } from '../engine-load.js'
import { type Outgoing, outgoing } from './body.js'
import { transportError } from './errors.js'
import { ModelServer } from './server.js'
import type { OpenAiSettings } from './settings.js'
import { CompletionReader, type Delta } from './stream.js'

/** As in the settings, all but address and model optional with the same defaults. */
export interface OpenAiConfig
  extends Partial<Omit<OpenAiSettings, 'url' | 'model' | 'embedding' | 'connections'>> {
  /** Shown in metrics and logs; default `openai`. */
  readonly name?: string
  readonly url: string
  readonly model: string
}

export interface OpenAiDeps {
  readonly http: Pick<Outbound, 'request'>
  readonly clock: Clock
  /** Without it no tenant has one. */
  readonly personaOf?: PersonaOf
}

const PROBE_MS = 5_000
/** The server closes its stream right after the last event; waiting for it keeps the connection usable. */
const DRAIN_MS = 200
const MAX_MODELS_BYTES = 1024 * 1024

/** Any server that speaks OpenAI's API: vLLM, SGLang, Ollama, llama.cpp, TensorRT-LLM, a vendor. */
export function createOpenAi(deps: OpenAiDeps, config: OpenAiConfig): Backend {
  return new OpenAiBackend(deps, config)
}

class OpenAiBackend implements Backend {
  readonly name: string
  readonly model: string
  readonly continues: boolean
  readonly contextTokens?: number
  readonly sees: boolean
  readonly #server: ModelServer
  readonly #clock: Clock
  readonly #personaOf: PersonaOf | undefined
  readonly #config: OpenAiConfig

  constructor(deps: OpenAiDeps, config: OpenAiConfig) {
    this.name = config.name ?? 'openai'
    this.model = config.model
    if (config.contextTokens !== undefined) this.contextTokens = config.contextTokens
    this.continues = config.api === 'completions' || config.continues === 'vllm'
    this.sees = config.vision === true && config.api !== 'completions'
    this.#server = new ModelServer(deps, config)
    this.#clock = deps.clock
    this.#personaOf = deps.personaOf
    this.#config = config
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<Piece> {
    const { continues, sees } = this
    const asked = outgoing(request, { api: 'chat', ...this.#config, continues, sees }, this.#personaOf)
    const answer: Answer = { text: continues ? (request.prefix ?? '') : '', called: false }
    const begun = answer.text
    yield* this.#stream(asked, answer, request, signal)
    const { passages } = request
    yield* endingOf({ text: answer.text, passages, finish: endOf(answer), ...tokensOf(answer, begun, asked) })
  }

  /** Asks for the list of models; a server that has none but answers is alive. */
  async probe(signal: AbortSignal): Promise<void> {
    await this.#server.get(
      '/models',
      { ms: PROBE_MS, maxBytes: MAX_MODELS_BYTES, accepted: [404, 405] },
      signal,
    )
  }

  /** Of the metrics of vLLM, SGLang, llama.cpp, TGI and TensorRT-LLM; undefined if there are none of those. */
  async load(signal: AbortSignal): Promise<EngineLoad | undefined> {
    const { metricsUrl = `${this.#server.origin}/metrics` } = this.#config
    if (metricsUrl === 'none') return undefined
    const { status, text } = await this.#server.get(
      metricsUrl,
      { ms: PROBE_MS, maxBytes: MAX_METRICS_BYTES, accepted: [401, 403, 404, 405, 501] },
      signal,
    )
    return status > 299 ? undefined : engineLoad(text)
  }

  /** The answer's pieces as they come; what only counts at the end goes into `answer`. */
  async *#stream(
    asked: Outgoing,
    answer: Answer,
    { chat, traceparent }: GenerateRequest,
    signal: AbortSignal,
  ): AsyncGenerator<Piece> {
    const {
      headersMs = 60_000,
      firstTokenMs = 60_000,
      betweenTokensMs = 30_000,
      totalMs = 300_000,
    } = this.#config
    const timer = new PhaseTimer(this.#clock, 'the model server', signal).start(totalMs)
    let done = false
    let ended = false
    try {
      timer.signal.throwIfAborted()
      const askedAt = this.#clock.monotonic()
      if (headersMs <= firstTokenMs) timer.enter('headers', headersMs)
      else timer.enter('first token', firstTokenMs)
      const body = await this.#server.post(
        asked.path,
        asked.body,
        { accept: 'text/event-stream', traceparent },
        timer.signal,
      )
      timer.enter('first token', firstTokenMs - (this.#clock.monotonic() - askedAt))
      for await (const delta of deltasIn(body, timer.signal)) {
        if (delta.type === 'text' || delta.type === 'tool-calls') {
          if (delta.type === 'text') answer.text += delta.text
          else answer.called = true
          // What the reader of the answer takes is not the server's time.
          timer.rest()
          yield delta
          timer.enter('between tokens', betweenTokensMs)
        } else if (delta.type === 'progress') timer.enter('between tokens', betweenTokensMs)
        else if (delta.type === 'finish') answer.finish = delta.reason
        else if (delta.type === 'usage') answer.usage = delta
        else {
          done = true
          timer.enter('drain', DRAIN_MS)
        }
      }
      ended = true
    } catch (thrown) {
      // The answer is whole; only the connection's end did not come in time.
      if (!done || signal.aborted) {
        throw timer.signal.aborted
          ? timer.signal.reason
          : ofClient(transportError(thrown), chat !== undefined)
      }
    } finally {
      timer.stop()
      if (!ended) timer.abort(new YizhanError('cancelled', 'the stream is over'))
    }
    if (!done && answer.finish === undefined) {
      throw new YizhanError('backend_failed', "the model server's stream ended in the middle of an answer")
    }
  }
}

/** What is known of an answer at its end; `text` with what it went on after. */
interface Answer {
  text: string
  called: boolean
  finish?: string
  usage?: Extract<Delta, { type: 'usage' }>
}

async function* deltasIn(body: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Delta> {
  const reader = new CompletionReader()
  for await (const chunk of body) yield* reader.read(chunk)
  signal.throwIfAborted()
  yield* reader.end()
}

/** A request that the engine refuses as malformed is the client's, if a client made it up. */
function ofClient(error: YizhanError, foreign: boolean): YizhanError {
  const { status } = error.details
  if (!foreign || error.code !== 'backend_failed' || (status !== 400 && status !== 422)) return error
  return new YizhanError('invalid_argument', 'the model server refused the request', {
    cause: error,
    details: error.details,
  })
}

function endOf({ text, called, finish }: Answer): Extract<Piece, { type: 'end' }>['finish'] {
  if (called) return 'tool-calls'
  if (finish === 'content_filter') return text === '' ? 'no-answer' : 'length'
  return finish === 'length' ? 'length' : 'stop'
}

const MAX_OUTPUT_TOKENS = 1_000_000
/** Tokens of a template around a message, of the tools, and of one image, at most. */
const OVERHEAD_TOKENS = 4_096
const IMAGE_TOKENS = 16_384

/** The server's count where it can be right: no token has less than a byte. */
function tokensOf({ usage, text }: Answer, begun: string, { body, text: read, images }: Outgoing) {
  const most = Buffer.byteLength(body) + OVERHEAD_TOKENS + images * IMAGE_TOKENS
  const { inputTokens = 0, outputTokens = 0 } = usage ?? {}
  const right = inputTokens > 0 && inputTokens <= most && outputTokens <= MAX_OUTPUT_TOKENS
  if (right) return { inputTokens, outputTokens }
  return { inputTokens: estimateTokens(read), outputTokens: estimateTokens(text.slice(begun.length)) }
}
