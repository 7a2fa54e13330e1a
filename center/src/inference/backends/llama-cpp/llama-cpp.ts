import { type Clock, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { PersonaOf } from '../../personas.js'
import { PhaseTimer } from '../../phase-timer.js'
import type { Backend, EngineLoad, GenerateRequest, Piece } from '../../port.js'
import { type Messages, messagesOf, readable, refuseAllButText, tokenLimit } from '../chat-messages.js'
import { promptOf, stopsOf } from '../chat-template.js'
import { endingOf } from '../ending.js'
import type {
  ChatWrapper,
  Generated,
  GenerateOptions,
  HistoryItem,
  LlamaLibrary,
  Model,
  Sequence,
  Token,
} from './library.js'
import type { Seats } from './seats.js'
import type { LlamaCppSettings } from './settings.js'

/** Tokens that a template may add behind the prompt. */
const SPARE_TOKENS = 8
/** What is looked at before a token to know its text. */
const TOKENS_BEFORE = 8

export interface LlamaCppParts {
  readonly library: Pick<LlamaLibrary, 'LlamaChat' | 'LlamaCompletion'>
  readonly model: Model
  /** Without it a conversation is a plain transcript. */
  readonly chatWrapper?: ChatWrapper
  readonly sequences: Seats<Sequence>
  readonly clock: Clock
  readonly personaOf?: PersonaOf
}

/** A GGUF model in this process, in threads of llama.cpp's own; stops between two tokens. */
export class LlamaCppBackend implements Backend {
  readonly name: string
  readonly model: string
  readonly continues = true
  readonly contextTokens: number
  readonly #parts: LlamaCppParts
  readonly #settings: LlamaCppSettings

  constructor(parts: LlamaCppParts, name: string, model: string, settings: LlamaCppSettings) {
    this.name = name
    this.model = model
    this.contextTokens = settings.contextTokens
    this.#parts = parts
    this.#settings = settings
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<Piece> {
    const messages = messagesOf(request, this.#parts.personaOf)
    refuseAllButText(request, messages)
    const { firstTokenMs, betweenTokensMs, totalMs } = this.#settings
    const timer = new PhaseTimer(this.#parts.clock, 'llama.cpp', signal).start(totalMs)
    let sequence: Sequence | undefined
    let running: Promise<unknown> = Promise.resolve()
    try {
      timer.signal.throwIfAborted()
      timer.enter('first token', firstTokenMs)
      sequence = await this.#parts.sequences.take(timer.signal)
      const run = this.#begin(sequence, messages, request)
      const texts = new TextQueue(timer.signal)
      const words = new Detokenizer(this.#parts.model, request.prefix ?? '')
      const generated = run.generate({
        ...samplingOf(request, this.#settings),
        maxTokens: run.maxTokens,
        repeatPenalty: false,
        signal: timer.signal,
        onToken: (tokens) => texts.push(words.textOf(tokens)),
      })
      running = generated.then(
        () => texts.end(),
        (thrown) => texts.fail(thrown),
      )
      let text = request.prefix ?? ''
      for await (const piece of texts) {
        text += piece
        timer.rest()
        yield { type: 'text', text: piece }
        timer.enter('between tokens', betweenTokensMs)
      }
      const { stopReason } = (await generated).metadata
      yield* endingOf({
        text,
        passages: request.passages,
        finish: stopReason === 'maxTokens' ? 'length' : 'stop',
        inputTokens: run.inputTokens,
        outputTokens: Math.max(1, words.tokens),
      })
    } catch (thrown) {
      throw timer.signal.aborted ? timer.signal.reason : failure(thrown)
    } finally {
      timer.stop()
      timer.abort(new YizhanError('cancelled', 'nobody reads the answer any more'))
      // The place is free once llama.cpp has let go of it; who gave up does not wait for that.
      const held = sequence
      if (held) void running.then(() => this.#parts.sequences.give(held))
    }
  }

  /** It runs in this process: it is there as long as the process is. */
  async probe(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
  }

  async load(): Promise<EngineLoad> {
    const { sequences } = this.#parts
    const { contextTokens, parallel } = this.#settings
    return {
      running: sequences.taken,
      waiting: sequences.waiting,
      cacheTokens: contextTokens * parallel,
    }
  }

  #begin(sequence: Sequence, messages: Messages, request: GenerateRequest): Run {
    const { contextTokens, maxTokens } = this.#settings
    const write = this.#parts.chatWrapper ? chat(this.#parts.chatWrapper) : plain
    const { inputTokens, generate } = write(this.#parts, sequence, messages, request.prefix ?? '')
    const room = contextTokens - inputTokens - SPARE_TOKENS
    if (room < 1) throw new YizhanError('too_large', 'the prompt is longer than the model takes')
    const limit = tokenLimit(request.chat, maxTokens) ?? maxTokens
    return { inputTokens, generate, maxTokens: Math.min(limit, room) }
  }
}

interface Run {
  readonly inputTokens: number
  readonly maxTokens: number
  generate(options: GenerateOptions): Promise<Generated>
}
type Write = (
  parts: LlamaCppParts,
  contextSequence: Sequence,
  messages: Messages,
  prefix: string,
) => Omit<Run, 'maxTokens'>

const plain: Write = ({ library, model }, contextSequence, messages, prefix) => {
  const prompt = promptOf(messages, 'plain', prefix)
  return {
    inputTokens: model.tokenize(prompt).length,
    async generate(options) {
      const completion = new library.LlamaCompletion({ contextSequence })
      const customStopTriggers = [...options.customStopTriggers, ...stopsOf('plain')]
      try {
        return await completion.generateCompletionWithMeta(prompt, { ...options, customStopTriggers })
      } finally {
        completion.dispose()
      }
    },
  }
}

const chat =
  (chatWrapper: ChatWrapper): Write =>
  ({ library, model }, contextSequence, messages, prefix) => {
    const history = historyOf(messages, prefix)
    const { contextText } = chatWrapper.generateContextState({ chatHistory: history })
    return {
      inputTokens: contextText.tokenize(model.tokenizer).length,
      async generate(options) {
        const session = new library.LlamaChat({ contextSequence, chatWrapper })
        try {
          return await session.generateResponse(history, options)
        } finally {
          session.dispose()
        }
      },
    }
  }

/** The last item is the answer, as far as it was written. */
function historyOf(messages: Messages, prefix: string): HistoryItem[] {
  const items = messages.map((message): HistoryItem => {
    const { text } = readable([message])
    if (message.role === 'assistant') return { type: 'model', response: [text] }
    return { type: message.role === 'system' ? 'system' : 'user', text }
  })
  return [...items, { type: 'model', response: [prefix] }]
}

function samplingOf({ chat }: GenerateRequest, settings: LlamaCppSettings) {
  const number = (key: string) => (typeof chat?.[key] === 'number' ? chat[key] : undefined)
  const [topP, seed] = [number('top_p'), number('seed')]
  const stop = Array.isArray(chat?.stop) ? chat.stop : [chat?.stop]
  return {
    temperature: number('temperature') ?? settings.temperature,
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    customStopTriggers: stop.filter((one): one is string => typeof one === 'string' && one !== ''),
  }
}

/** The library's own errors have words that may quote the prompt. */
function failure(thrown: unknown): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const cause = toYizhanError(thrown)
  return new YizhanError('backend_failed', 'llama.cpp failed on the request', { cause })
}

/** What tokens say behind those before them: a model of the SentencePiece kind drops the space at a beginning. */
class Detokenizer {
  tokens = 0
  readonly #model: Model
  #before: readonly Token[]

  constructor(model: Model, prefix: string) {
    this.#model = model
    this.#before = prefix === '' ? [] : model.tokenize(prefix).slice(-TOKENS_BEFORE)
  }

  textOf(tokens: readonly Token[]): string {
    this.tokens += tokens.length
    const text = this.#model.detokenize(tokens, false, this.#before)
    this.#before = [...this.#before, ...tokens].slice(-TOKENS_BEFORE)
    return text
  }
}

/** Texts of a callback, to be read in order; reading ends at once on abort, whatever the callback's owner does. */
class TextQueue implements AsyncIterable<string> {
  #texts: string[] = []
  #over: { readonly thrown?: unknown } | undefined
  #wake: () => void = () => undefined
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#wake(), { once: true })
  }

  push(text: string): void {
    this.#texts.push(text)
    this.#wake()
  }

  end(): void {
    this.#over = {}
    this.#wake()
  }

  fail(thrown: unknown): void {
    this.#over = { thrown }
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      this.#signal.throwIfAborted()
      const text = this.#texts.splice(0).join('')
      if (text !== '') yield text
      else if (this.#over) {
        if ('thrown' in this.#over) throw this.#over.thrown
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}
