import { type Clock, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { Citation } from '@yizhan/proto'
import { Coalescer, type CoalescerConfig } from './coalescer.js'
import { mayBeCut } from './history.js'
import { languageOf } from './language.js'
import { type PersonaOf, personaIn } from './personas.js'
import { PhaseTimer } from './phase-timer.js'
import type {
  Admission,
  AdmissionRequest,
  AskedFile,
  AskedFiles,
  AskedIn,
  AttemptEnd,
  Backend,
  FileReader,
  GenerateRequest,
  Lease,
  Memory,
  Piece,
  Reader,
  Retriever,
} from './port.js'
import { namesIn } from './prompt.js'
import { ANSWER_TEMPLATE } from './prompt-template.js'
import { estimateTokens } from './token-estimate.js'
import { Transcript } from './transcript.js'

/** What is to be answered, before the passages are found. */
export interface Order {
  readonly question: Omit<GenerateRequest, 'passages' | 'summary' | 'images' | 'unread'>
  readonly knowledge: readonly string[]
  /** Sent along with the question. */
  readonly files: readonly AskedFile[]
  /** What they may not see is not searched. */
  readonly reader: Reader
  /** Both are left out where the message names no conversation or nobody. */
  readonly turn?: string
  readonly askedIn?: AskedIn
  /** Turn from which on what is remembered is about this question; undefined: all of it. */
  readonly memoryFrom?: string
  readonly priority: AdmissionRequest['priority']
  /** From now to the end, the queue included. */
  readonly totalMs: number
}

export type RunState =
  | { readonly s: 'queued' }
  | { readonly s: 'running' }
  | { readonly s: 'ended'; readonly end: AttemptEnd }
  | { readonly s: 'failed'; readonly error: YizhanError }

export interface RunConfig {
  readonly maxTextBytes: number
  /** Passages that are given to a backend. */
  readonly maxPassages: number
  readonly coalesce: CoalescerConfig
}

/** Told by a run, synchronously. */
export interface RunWatcher {
  /** The transcript grew. */
  onFrame(): void
  /** The run begins anew as a higher attempt with an empty transcript. */
  onSuperseded(): void
  /** Milliseconds since a place at a backend was free. */
  onFirstText(ms: number): void
  /** The state is `ended` or `failed` now, and stays so. */
  onSettled(): void
}

export interface RunDeps {
  readonly admission: Admission
  readonly retriever: Retriever
  readonly clock: Clock
  readonly watcher: RunWatcher
  /** What stands below a text that a model wrote; without it no tenant has one. */
  readonly aiMarkOf?: PersonaOf
  /** Left out: nothing is known of a conversation but what comes with a question. */
  readonly memory?: Memory | undefined
  /** Left out: no file is read. */
  readonly fileReader?: FileReader | undefined
}

/** About what engines take an image for, in tokens. */
const IMAGE_TOKENS = 1_000

/** One run of a request, from the queue to its end. It knows nothing of links: who reads along does not matter. */
export class AttemptRun {
  readonly #deps: RunDeps
  readonly #config: RunConfig
  readonly #coalescer: Coalescer
  readonly #place: AdmissionRequest
  readonly #stop = new AbortController()
  #attempt: number
  #transcript = new Transcript()
  #state: RunState = { s: 'queued' }
  #lease: Lease | undefined
  #citations: readonly Citation[] = []
  #model = ''
  /** What stands below the answer. */
  #below: readonly (string | undefined)[] = []
  #startedAt = 0
  #firstTextMs: number | undefined
  #inputTokens: number

  constructor(attempt: number, order: Order, deps: RunDeps, config: RunConfig) {
    this.#attempt = attempt
    this.#deps = deps
    this.#config = config
    this.#coalescer = new Coalescer(deps.clock, config.coalesce, (text) => {
      this.#transcript.append(text)
      deps.watcher.onFrame()
    })
    const { tenant, user, conversation, traceparent } = order.question
    this.#inputTokens = promptTokens(order.question)
    this.#place = {
      tenant,
      priority: order.priority,
      estimatedTokens: this.#inputTokens,
      ...(user === undefined ? {} : { user }),
      ...(conversation === undefined ? {} : { conversation }),
      traceparent,
    }
  }

  /** Grows when another engine begins anew in the middle of an answer. */
  get attempt(): number {
    return this.#attempt
  }

  /** The text of the present attempt. */
  get transcript(): Transcript {
    return this.#transcript
  }

  get state(): RunState {
    return this.#state
  }

  /** About how many requests are served first. */
  get queuePosition(): number {
    return this.#state.s === 'queued' ? this.#deps.admission.position(this.#place) : 0
  }

  /**
   * Resolves when nothing of the run goes on any more; what came of it is in `state`. The order is the one of the
   * constructor and is not kept: what a person wrote is gone with the run.
   */
  async start(order: Order): Promise<void> {
    const { admission, clock, retriever, memory } = this.#deps
    const timer = new PhaseTimer(clock, 'the request', this.#stop.signal).start(order.totalMs)
    const { signal } = timer
    try {
      const lease = await admission.enter(this.#place, signal)
      this.#lease = lease
      // The place may have come free in the same moment as the end.
      signal.throwIfAborted()
      this.#state = { s: 'running' }
      this.#startedAt = clock.monotonic()
      const { question, knowledge, reader, askedIn, memoryFrom, files } = order
      const { maxPassages: limit } = this.#config
      const [found, summary, sent] = await Promise.all([
        retriever.search(question.tenant, question.question, { knowledge, reader, limit }, signal),
        askedIn && needsNotes(question) ? memory?.recall(askedIn, memoryFrom) : undefined,
        this.#read(order, signal),
      ])
      signal.throwIfAborted()
      const { images, texts, unread } = sent
      const passages = [...texts, ...found]
      this.#inputTokens += IMAGE_TOKENS * images.length
      for (const { text } of passages) this.#inputTokens += estimateTokens(text)
      if (summary !== undefined) this.#inputTokens += estimateTokens(summary)
      const request = {
        ...{ ...question, passages, images, unread },
        ...(summary === undefined ? {} : { summary }),
      }
      const answer = lease.generate(request, signal, (backend) => {
        this.#model = backend.model
        this.#below = [unreadNote(backend, files, sent, question), this.#markFor(backend, question)]
        this.#citations = []
      })
      for await (const piece of answer) {
        this.#take(piece)
        if (this.#over) break
      }
      if (this.#isAnswered) this.#remember(order)
    } catch (thrown) {
      this.#fail(toYizhanError(thrown))
    } finally {
      timer.stop()
      this.#release()
    }
  }

  /** Ends the run as `cancelled`, its text with `lastSeq`, the last frame that was told. Nothing if it is over. */
  cancel(reason: string, lastSeq: number): void {
    if (this.#over) return
    this.#coalescer.drop()
    this.transcript.cutAfter(lastSeq)
    this.#end('cancelled')
    this.#stop.abort(new YizhanError('cancelled', `the request was cancelled: ${reason}`))
  }

  /** Aborts the run because nobody wants it any more; it ends as failed. Nothing if it is over. */
  stop(reason: string): void {
    if (this.#over) return
    const error = new YizhanError('cancelled', reason)
    this.#fail(error)
    this.#stop.abort(error)
  }

  get #over(): boolean {
    return this.#state.s === 'ended' || this.#state.s === 'failed'
  }

  get #isAnswered(): boolean {
    const { finish } = this.#state.s === 'ended' ? this.#state.end : {}
    return finish === 'stop' || finish === 'length'
  }

  #remember({ turn, askedIn, question }: Order): void {
    if (turn === undefined || askedIn === undefined || !goesOn(question)) return
    this.#deps.memory?.answered(askedIn, turn, exchangesIn(question))
  }

  #take(piece: Piece): void {
    if (this.#over) return
    switch (piece.type) {
      case 'text':
        this.#add(piece.text)
        break
      case 'citations':
        this.#citations = piece.citations
        break
      case 'superseded':
        this.#supersede()
        break
      case 'tool-calls':
        // A turn offers no tools, so there is nobody to call them.
        break
      case 'end':
        this.#inputTokens = piece.inputTokens ?? this.#inputTokens
        for (const line of this.#below)
          if (line !== undefined && this.#firstTextMs !== undefined) this.#add(`\n\n${line}`)
        if (this.#over) return
        this.#coalescer.end()
        this.#end(piece.finish === 'tool-calls' ? 'no-answer' : piece.finish, piece.outputTokens)
        break
      default:
        piece satisfies never
    }
  }

  async #read({ askedIn, files }: Order, signal: AbortSignal): Promise<AskedFiles> {
    const { fileReader } = this.#deps
    if (files.length > 0 && askedIn && fileReader) return await fileReader.read(askedIn, files, signal)
    return { images: [], texts: [], unread: files.map(({ name }) => name) }
  }

  #markFor({ quotes }: Backend, { tenant, locale }: Order['question']): string | undefined {
    return quotes ? undefined : personaIn(this.#deps.aiMarkOf?.(tenant), locale)
  }

  #add(text: string): void {
    if (this.#firstTextMs === undefined) {
      this.#firstTextMs = this.#deps.clock.monotonic() - this.#startedAt
      this.#deps.watcher.onFirstText(this.#firstTextMs)
    }
    const room = this.#config.maxTextBytes - this.transcript.bytes - this.#coalescer.bytes
    const fitting = fit(text, room)
    this.#coalescer.add(fitting)
    if (fitting.length === text.length) return
    this.#coalescer.end()
    this.#end('length')
  }

  #supersede(): void {
    this.#coalescer.drop()
    this.#citations = []
    // Of what nobody was told nothing has to be taken back.
    if (this.#transcript.lastSeq === 0) return
    this.#attempt += 1
    this.#transcript = new Transcript()
    this.#deps.watcher.onSuperseded()
  }

  #end(finish: AttemptEnd['finish'], outputTokens = estimateTokens(this.transcript.text)): void {
    const { transcript } = this
    const usage = {
      inputTokens: this.#inputTokens,
      outputTokens,
      queueMs: Math.round(this.#lease?.queueMs ?? 0),
      firstTokenMs: Math.round(this.#firstTextMs ?? 0),
    }
    const citations = this.#citations
    const end = {
      lastSeq: transcript.lastSeq,
      textSha256: transcript.sha256(),
      citations,
      model: this.#model,
    }
    this.#settle({ s: 'ended', end: { ...end, finish, usage } })
    this.#release(usage.inputTokens + outputTokens)
  }

  #fail(error: YizhanError): void {
    if (this.#over) return
    this.#coalescer.drop()
    this.#settle({ s: 'failed', error })
    this.#release(this.#inputTokens + estimateTokens(this.transcript.text))
  }

  #settle(state: RunState): void {
    this.#state = state
    this.#deps.watcher.onSettled()
  }

  #release(tokens?: number): void {
    this.#lease?.release(tokens)
  }
}

/**
 * The line that says which files were not read. Only where the content of all was named: else nobody can have it, and the
 * edge says so.
 */
function unreadNote(
  { sees = false }: Backend,
  files: readonly AskedFile[],
  { images, unread }: AskedFiles,
  { locale, question }: Order['question'],
): string | undefined {
  const names = [...unread, ...(sees ? [] : images.map(({ name }) => name))]
  if (names.length === 0 || files.some(({ sha256 }) => sha256 === '')) return undefined
  return ANSWER_TEMPLATE.rules[languageOf(locale, question)].unreadNote(namesIn(names))
}

function needsNotes(question: Order['question']): boolean {
  return question.historyLeftOut === true || mayBeCut(question.history)
}

/** Without any history a conversation begins anew. */
function goesOn({ history, historyLeftOut = false }: Order['question']): boolean {
  return history.length > 0 || historyLeftOut
}

function exchangesIn({ history }: Order['question']): number {
  return history.filter(({ role }) => role === 'user').length
}

function promptTokens({ question, history }: Order['question']): number {
  return estimateTokens([question, ...history.map(({ text }) => text)].join('\n'))
}

/** As much of the text as fits into so many UTF-8 bytes, cut between characters. */
function fit(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(Math.max(0, bytes))).read)
}
