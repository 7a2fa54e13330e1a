import type { ServerResponse } from 'node:http'
import { type Clock, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import { PhaseTimer } from '../inference/phase-timer.js'
import type { Admission, Piece, Reader, Retriever } from '../inference/port.js'
import { groundedMessages } from '../inference/prompt.js'
import type { ChatOrder } from './chat-order.js'
import { Completion, CompletionStream, completionHead } from './completion.js'
import { EventStream } from './event-stream.js'
import type { FrontMeters } from './meters.js'
import { openAiFailure } from './openai-error.js'

export interface ChatDeps {
  readonly admission: Admission
  readonly retriever: Retriever
  readonly clock: Clock
  readonly log: Logger
  readonly meters: FrontMeters
}

export interface ChatLimits {
  readonly requestTimeoutMs: number
}

/** Who sees the documents: their classes name programs as the channel `api`. */
const PROGRAM: Reader = { channel: 'api', sender: '', department: '', inGroup: false }
/** Passages that are given to a model. */
const MAX_PASSAGES = 5
/** Longest answer that is held to be sent whole, in UTF-16 units. */
const MAX_WHOLE_CHARS = 4 * 1024 * 1024

/** One chat completion, from the fair queue to its last byte. */
export class ChatRun {
  readonly #deps: ChatDeps
  readonly #limits: ChatLimits
  readonly #order: ChatOrder
  readonly #requestId: string
  model = ''

  constructor(deps: ChatDeps, limits: ChatLimits, order: ChatOrder, requestId: string) {
    this.#deps = deps
    this.#limits = limits
    this.#order = order
    this.#requestId = requestId
  }

  /** The body of an answer that is sent whole. */
  async whole(signal: AbortSignal): Promise<Record<string, unknown>> {
    const head = completionHead(this.#deps.clock.wall())
    const completion = new Completion()
    let chars = 0
    for await (const piece of this.#pieces(signal)) {
      if (piece.type === 'end') return completion.body(head, this.model, piece)
      if (piece.type === 'text') chars += piece.text.length
      if (chars > MAX_WHOLE_CHARS) throw new YizhanError('backend_failed', 'the answer is too long')
      completion.add(piece)
    }
    throw new YizhanError('backend_failed', 'the answer stopped without an end')
  }

  /** Throws what happens before the first piece; what happens later is told in the stream. */
  async stream(
    response: ServerResponse,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const head = completionHead(this.#deps.clock.wall())
    let events: EventStream | undefined
    let chunks: CompletionStream | undefined
    try {
      for await (const piece of this.#pieces(signal)) {
        chunks ??= new CompletionStream(head, this.model)
        if (piece.type === 'superseded') {
          // What a client has read cannot be taken back.
          if (chunks.begun)
            throw new YizhanError('backend_failed', 'the engine failed in the middle of its answer')
          chunks = undefined
          continue
        }
        const text = piece.type === 'end' ? chunks.end(piece, this.#order.usageChunk) : chunks.chunk(piece)
        if (text === '') continue
        events ??= new EventStream(response, headers)
        if (piece.type === 'end') return events.end(text)
        events.write(text)
        if (events.full) await events.room(signal)
      }
      throw new YizhanError('backend_failed', 'the answer stopped without an end')
    } catch (thrown) {
      if (!events) throw thrown
      const error = signal.aborted ? signal.reason : thrown
      events.end(`data: ${JSON.stringify(openAiFailure(error).body)}\n\n`)
      this.#deps.log.warn(
        { err: toYizhanError(error), requestId: this.#requestId },
        'a streamed answer failed',
      )
    }
  }

  async *#pieces(outer: AbortSignal): AsyncGenerator<Piece> {
    const { admission, clock, meters, retriever } = this.#deps
    const { estimatedTokens, fits, knowledge, priority, request } = this.#order
    const { tenant, user, conversation, traceparent } = request
    const timer = new PhaseTimer(clock, 'the request', outer).start(this.#limits.requestTimeoutMs)
    const { signal } = timer
    const since = clock.monotonic()
    let outcome = 'failed'
    try {
      const lease = await admission.enter(
        {
          tenant,
          priority,
          estimatedTokens,
          fits,
          traceparent,
          ...(user === undefined ? {} : { user }),
          ...(conversation === undefined ? {} : { conversation }),
        },
        signal,
      )
      let tokens: number | undefined
      try {
        signal.throwIfAborted()
        const passages =
          knowledge === undefined
            ? []
            : await retriever.search(
                request.tenant,
                request.question,
                { knowledge, reader: PROGRAM, limit: MAX_PASSAGES },
                signal,
              )
        const asked = { ...request, passages }
        const messages =
          knowledge === undefined ? this.#order.messages : groundedMessages(this.#order.messages, asked)
        const chat = { ...this.#order.settings, messages }
        for await (const piece of lease.generate({ ...asked, chat }, signal, ({ model }) => {
          this.model = model
        })) {
          if (piece.type === 'end') {
            tokens = (piece.inputTokens ?? estimatedTokens) + (piece.outputTokens ?? 0)
            outcome = 'answered'
          }
          yield piece
        }
      } finally {
        lease.release(tokens)
      }
    } catch (thrown) {
      // A stream that breaks because its reader left tells why by the signal.
      throw signal.aborted ? signal.reason : thrown
    } finally {
      timer.stop()
      if (outer.aborted) outcome = 'cancelled'
      meters.over(outcome, (clock.monotonic() - since) / 1_000)
    }
  }
}
