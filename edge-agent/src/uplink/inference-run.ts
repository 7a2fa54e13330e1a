import { createHash, type Hash } from 'node:crypto'
import { YizhanError } from '@yizhan/kernel'
import {
  type Accepted,
  type Final,
  type InferResponse,
  Priority,
  type Submit,
  SubmitSchema,
  type Tokens,
  toBinary,
} from '@yizhan/proto'
import type { InferenceRequest, InferenceResult, InferenceSink } from './port.js'
import { failureError } from './rpc-error.js'

export interface RunLimits {
  /** Bytes of text that the center may have unacknowledged. */
  readonly windowBytes: number
  /** Longest answer in bytes; a longer one is cancelled. */
  readonly maxTextBytes: number
}

/** What a frame asks of the client that carries the run. */
export type RunStep =
  | { readonly step: 'go-on' }
  | { readonly step: 'dropped'; readonly reason: string }
  | { readonly step: 'credit'; readonly attempt: number; readonly ackSeq: number }
  /** Present the request again, after the last piece that is good. */
  | { readonly step: 'resume' }
  | { readonly step: 'final'; readonly result: InferenceResult }
  | { readonly step: 'failed'; readonly error: YizhanError; readonly cancel: boolean }

const MAX_FAULTS = 3
const GO_ON: RunStep = { step: 'go-on' }
const FORM = 'yizhan.v1.' as const

/**
 * What has arrived of one request: text by (attempt, seq), without gap or double, whatever the links do. Tells its
 * sink about starts and tokens; ends are the client's to tell.
 */
export class InferenceRun {
  readonly request: InferenceRequest
  readonly sink: InferenceSink
  /** Submitted on the stream of now. */
  presented = false
  /** Submitted on any stream: the center may know it. */
  known = false
  #attempt = 0
  /** Last good piece of the attempt, and the last one that the sink has been told. */
  #seq = 0
  #told = 0
  #chunks: string[] = []
  #bytes = 0
  #unacked = 0
  #hash: Hash = createHash('sha256')
  /** Submitted and not accepted yet: what still arrives belongs to an earlier submission. */
  #awaiting = false
  #faults = 0
  /** For which point of resuming it was made. */
  #encoded = { attempt: -1, seq: 0, bytes: new Uint8Array() }
  readonly #limits: RunLimits

  constructor(request: InferenceRequest, sink: InferenceSink, limits: RunLimits) {
    this.request = request
    this.sink = sink
    this.#limits = limits
  }

  get attempt(): number {
    return this.#attempt
  }

  /** Presents the request on the stream of now: the frame for it, with what is held of the answer. */
  submit(): Submit {
    this.presented = true
    this.known = true
    this.#awaiting = true
    this.#unacked = 0
    return this.#describe()
  }

  /** The submit on the wire: measured before it goes, and encoded once. */
  encoded(): Uint8Array {
    const { attempt, seq } = this.#encoded
    if (attempt !== this.#attempt || seq !== this.#seq) {
      this.#encoded = {
        attempt: this.#attempt,
        seq: this.#seq,
        bytes: toBinary(SubmitSchema, this.#describe()),
      }
    }
    return this.#encoded.bytes
  }

  #describe(): Submit {
    const { message, history, knowledge, answerLocale, traceparent = '', memoryFrom = '' } = this.request
    return {
      $typeName: `${FORM}Submit`,
      message,
      history: [...history],
      ...(this.#attempt > 0
        ? { resume: { $typeName: `${FORM}ResumePoint`, attempt: this.#attempt, seq: this.#seq } }
        : {}),
      priority: message.priority || Priority.INTERACTIVE,
      timeoutMs: 0,
      windowBytes: this.#limits.windowBytes,
      knowledge: [...knowledge],
      answerLocale,
      traceparent,
      memoryFrom,
    }
  }

  receive({ attempt, frame }: InferResponse): RunStep {
    // Attempt 0: what was presented was refused before a run of it was found or started.
    const refusal = attempt === 0 && frame.case === 'failed' && this.#awaiting
    if (!refusal && (attempt < this.#attempt || attempt === 0)) return { step: 'dropped', reason: 'attempt' }
    switch (frame.case) {
      case 'accepted':
        return this.#accepted(attempt, frame.value)
      case 'failed':
        return { step: 'failed', error: failureError(frame.value.failure), cancel: false }
      case 'tokens':
      case 'final':
        if (this.#awaiting) return { step: 'dropped', reason: 'before_accepted' }
        if (attempt > this.#attempt) this.#start(attempt, 0)
        return frame.case === 'tokens' ? this.#tokens(frame.value) : this.#final(frame.value)
      case undefined:
        return { step: 'dropped', reason: 'out_of_place' }
      default:
        return frame satisfies never
    }
  }

  #accepted(attempt: number, { resumedAfterSeq, queuePosition }: Accepted): RunStep {
    const first = this.#awaiting
    this.#awaiting = false
    if (attempt > this.#attempt) this.#start(attempt, queuePosition)
    else this.sink.started(attempt, queuePosition)
    return first && resumedAfterSeq > this.#seq ? this.#fault() : GO_ON
  }

  #start(attempt: number, queuePosition: number): void {
    this.#attempt = attempt
    this.#told = 0
    this.#forgetText()
    this.sink.started(attempt, queuePosition)
  }

  #forgetText(): void {
    this.#seq = 0
    this.#chunks = []
    this.#bytes = 0
    this.#unacked = 0
    this.#hash = createHash('sha256')
  }

  #tokens({ seq, text }: Tokens): RunStep {
    if (seq <= this.#seq) return { step: 'dropped', reason: 'duplicate' }
    if (seq > this.#seq + 1) return this.#fault()
    const bytes = Buffer.byteLength(text)
    if (this.#bytes + bytes > this.#limits.maxTextBytes) {
      const error = new YizhanError(
        'too_large',
        `the answer is longer than ${this.#limits.maxTextBytes} bytes`,
      )
      return { step: 'failed', error, cancel: true }
    }
    this.#seq = seq
    this.#chunks.push(text)
    this.#hash.update(text)
    this.#bytes += bytes
    this.#unacked += bytes
    if (seq > this.#told) {
      this.#told = seq
      this.sink.tokens(this.#attempt, seq, text)
    }
    if (this.#unacked * 2 < this.#limits.windowBytes) return GO_ON
    this.#unacked = 0
    return { step: 'credit', attempt: this.#attempt, ackSeq: seq }
  }

  #final(final: Final): RunStep {
    if (final.lastSeq > this.#seq) return this.#fault()
    if (final.lastSeq < this.#seq || !this.#hash.copy().digest().equals(final.textSha256)) {
      // Nothing says which piece is wrong, so all of it is fetched again; the sink hears no piece twice.
      this.#forgetText()
      return this.#fault()
    }
    const result: InferenceResult = {
      attempt: this.#attempt,
      text: this.#chunks.join(''),
      citations: final.citations,
      model: final.model,
      usage: final.usage,
      finish: final.finishReason,
    }
    return { step: 'final', result }
  }

  #fault(): RunStep {
    this.#faults += 1
    if (this.#faults < MAX_FAULTS) return { step: 'resume' }
    const error = new YizhanError('data_corrupt', `the answer arrived damaged ${MAX_FAULTS} times`)
    return { step: 'failed', error, cancel: true }
  }
}
