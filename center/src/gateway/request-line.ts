import { toYizhanError, type YizhanError } from '@yizhan/kernel'
import {
  AcceptedSchema,
  type Credit,
  create,
  FailedSchema,
  type InferResponse,
  TokensSchema,
} from '@yizhan/proto'
import type { Attempt, AttemptEnd, AttemptSink } from '../inference/port.js'
import { finalFrame } from './infer-frames.js'
import { toFailure } from './service-error.js'

type Frame = InferResponse['frame']

/** A larger grant counts as this one. Part of the protocol: an edge acks before as much is unacknowledged. */
export const MAX_WINDOW_BYTES = 1_048_576

/**
 * One request on one Infer stream: the book's calls become frames, the edge's frames become calls. Credit that comes
 * while the edge does not read waits here, latest only, so the book sends no more than what was granted before.
 */
export class RequestLine implements AttemptSink {
  readonly #send: (attempt: number, frame: Frame) => void
  readonly #onEnd: () => void
  #s: 'running' | 'ended' | 'detached' = 'running'
  #attempt: Attempt | undefined
  #heldCredit: Credit | undefined

  constructor(send: (attempt: number, frame: Frame) => void, onEnd: () => void) {
    this.#send = send
    this.#onEnd = onEnd
  }

  get running(): boolean {
    return this.#s === 'running'
  }

  /** What the book gave for this line; it may have called the sink already. */
  attach(attempt: Attempt): void {
    this.#attempt = attempt
  }

  credit(credit: Credit, blocked: boolean): void {
    if (this.#s !== 'running') return
    if (blocked) {
      this.#heldCredit = credit
      return
    }
    this.#heldCredit = undefined
    const window = Math.min(credit.windowBytes, MAX_WINDOW_BYTES)
    this.#attempt?.credit(credit.attempt, credit.ackSeq, window)
  }

  /** The edge reads again. */
  drained(): void {
    if (this.#heldCredit) this.credit(this.#heldCredit, false)
  }

  cancel(reason: string): void {
    if (this.#s === 'running') this.#attempt?.cancel(reason)
  }

  /** The edge has the end durably: this line is over, and the book may forget the request. */
  endAck(attempt: number): void {
    this.#finish('detached')
    this.#attempt?.endAck(attempt)
  }

  /** The stream went; the run goes on without it. */
  detach(): void {
    if (this.#s === 'detached') return
    this.#finish('detached')
    this.#attempt?.detach()
  }

  accepted(attempt: number, resumedAfterSeq: number, queuePosition: number): void {
    if (this.#s === 'detached') return
    const value = create(AcceptedSchema, { resumedAfterSeq, queuePosition })
    this.#send(attempt, { case: 'accepted', value })
  }

  tokens(attempt: number, seq: number, text: string): void {
    if (this.#s === 'detached') return
    this.#send(attempt, { case: 'tokens', value: create(TokensSchema, { seq, text }) })
  }

  final(attempt: number, end: AttemptEnd): void {
    if (this.#s === 'detached') return
    this.#finish('ended')
    this.#send(attempt, finalFrame(end))
  }

  failed(attempt: number, error: YizhanError): void {
    if (this.#s === 'detached') return
    this.#finish('ended')
    const failure = toFailure(toYizhanError(error))
    this.#send(attempt, { case: 'failed', value: create(FailedSchema, { failure }) })
  }

  #finish(s: 'ended' | 'detached'): void {
    const was = this.#s
    this.#s = s
    this.#heldCredit = undefined
    if (was === 'running') this.#onEnd()
  }
}
