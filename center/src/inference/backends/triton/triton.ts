import type { ClientDuplexStream } from '@grpc/grpc-js'
import { type Clock, YizhanError } from '@yizhan/kernel'
import { create, type RpcClient } from '@yizhan/proto'
import {
  GRPCInferenceService,
  type ModelInferRequest,
  ModelReadyRequestSchema,
  type ModelStreamInferResponse,
  ServerLiveRequestSchema,
} from '@yizhan/proto/kserve'
import type { PersonaOf } from '../../personas.js'
import { PhaseTimer } from '../../phase-timer.js'
import type { Backend, EngineLoad, GenerateRequest, Piece } from '../../port.js'
import { estimateTokens } from '../../token-estimate.js'
import { messagesOf, refuseAllButText, tokenLimit } from '../chat-messages.js'
import { promptOf, stopsOf } from '../chat-template.js'
import { endingOf } from '../ending.js'
import { callError, streamError } from './errors.js'
import type { TritonSettings } from './settings.js'
import { inferRequest, type Prompt, readResponse } from './tensors.js'

const PROBE_MS = 5_000

export interface TritonDeps {
  readonly rpc: RpcClient
  readonly clock: Clock
  readonly personaOf?: PersonaOf
  readonly load?: (signal: AbortSignal) => Promise<EngineLoad | undefined>
}

/** A model in a Triton server: one stream for each answer, cancelled with it. */
export class TritonBackend implements Backend {
  readonly name: string
  readonly model: string
  readonly continues = true
  readonly load?: (signal: AbortSignal) => Promise<EngineLoad | undefined>
  readonly #deps: TritonDeps
  readonly #settings: TritonSettings

  constructor(deps: TritonDeps, name: string, settings: TritonSettings) {
    this.name = name
    this.model = settings.model
    if (deps.load) this.load = deps.load
    this.#deps = deps
    this.#settings = settings
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<Piece> {
    const prompt = this.#promptOf(request)
    const answer: Answer = { text: request.prefix ?? '', finish: '', inputTokens: 0, outputTokens: 0 }
    const begun = answer.text
    yield* this.#stream(prompt, answer, signal)
    const { text, finish, inputTokens, outputTokens } = answer
    const written = outputTokens || estimateTokens(text.slice(begun.length))
    yield* endingOf({
      text,
      passages: request.passages,
      // TensorRT-LLM does not say why it ended.
      finish: finish === 'length' || (finish === '' && written >= prompt.maxTokens) ? 'length' : 'stop',
      inputTokens: inputTokens || estimateTokens(prompt.text),
      outputTokens: written,
    })
  }

  async probe(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { serverLive, modelReady } = GRPCInferenceService.method
    const { model: name, version = '' } = this.#settings
    const { rpc } = this.#deps
    try {
      const { live } = await rpc.unary(serverLive, create(ServerLiveRequestSchema), PROBE_MS, signal)
      const request = create(ModelReadyRequestSchema, { name, version })
      const { ready } = await rpc.unary(modelReady, request, PROBE_MS, signal)
      if (!live || !ready) throw new YizhanError('backend_failed', "Triton's model is not ready")
    } catch (thrown) {
      throw signal.aborted ? signal.reason : callError(thrown)
    }
  }

  #promptOf(request: GenerateRequest): Prompt {
    const { template, maxTokens, temperature } = this.#settings
    const messages = messagesOf(request, this.#deps.personaOf)
    refuseAllButText(request, messages)
    const { chat = {} } = request
    const number = (key: string) => (typeof chat[key] === 'number' ? chat[key] : undefined)
    const [hot, topP, seed] = [number('temperature') ?? temperature, number('top_p'), number('seed')]
    return {
      text: promptOf(messages, template, request.prefix),
      maxTokens: tokenLimit(chat, maxTokens) ?? maxTokens,
      stops: [...stopsOf(template), ...stopsIn(chat.stop)],
      ...(hot === undefined ? {} : { temperature: hot }),
      ...(topP === undefined ? {} : { topP }),
      ...(seed === undefined ? {} : { seed }),
    }
  }

  async *#stream(prompt: Prompt, answer: Answer, signal: AbortSignal): AsyncGenerator<Piece> {
    const { firstTokenMs, betweenTokensMs, totalMs } = this.#settings
    const timer = new PhaseTimer(this.#deps.clock, 'Triton', signal).start(totalMs)
    const decoder = new TextDecoder('utf-8', { fatal: true })
    let call: ClientDuplexStream<ModelInferRequest, ModelStreamInferResponse> | undefined
    let last = false
    try {
      timer.signal.throwIfAborted()
      timer.enter('first token', firstTokenMs)
      call = this.#call(prompt, timer.signal)
      for await (const response of call as AsyncIterable<ModelStreamInferResponse>) {
        const { errorMessage, inferResponse } = response
        if (errorMessage !== '') throw streamError(errorMessage)
        if (!inferResponse) continue
        const said = readResponse(inferResponse)
        last ||= said.last
        answer.finish = said.finish || answer.finish
        answer.inputTokens ||= said.inputTokens
        answer.outputTokens += said.outputTokens
        const text = said.text.map((bytes) => decoder.decode(bytes, { stream: true })).join('')
        if (text === '') continue
        answer.text += text
        // What the reader of the answer takes is not the server's time.
        timer.rest()
        yield { type: 'text', text }
        timer.enter('between tokens', betweenTokensMs)
      }
      timer.signal.throwIfAborted()
      decoder.decode()
    } catch (thrown) {
      throw timer.signal.aborted ? timer.signal.reason : failure(thrown)
    } finally {
      timer.stop()
      call?.cancel()
    }
    if (!last) throw new YizhanError('backend_failed', "Triton's stream ended in the middle of an answer")
  }

  #call(
    prompt: Prompt,
    signal: AbortSignal,
  ): ClientDuplexStream<ModelInferRequest, ModelStreamInferResponse> {
    const call = this.#deps.rpc.bidi(GRPCInferenceService.method.modelStreamInfer)
    signal.addEventListener('abort', () => call.cancel(), { once: true })
    // An error that comes when nobody reads any more is nobody's.
    call.on('error', () => undefined)
    call.write(inferRequest(prompt, this.#settings))
    call.end()
    return call
  }
}

interface Answer {
  /** With what it went on after. */
  text: string
  finish: string
  inputTokens: number
  outputTokens: number
}

function stopsIn(stop: unknown): string[] {
  const all = Array.isArray(stop) ? stop : [stop]
  return all.filter((one): one is string => typeof one === 'string' && one !== '')
}

function failure(thrown: unknown): YizhanError {
  if (thrown instanceof TypeError) {
    return new YizhanError('backend_failed', "Triton's text is not UTF-8", { cause: thrown })
  }
  return callError(thrown)
}
