import { createHash } from 'node:crypto'
import type { YizhanError } from '@yizhan/kernel'
import type { Attempt, AttemptEnd, AttemptSink } from '../port.js'

/**
 * An edge's end of a request: puts the text together and notes in `problems` every gap, double, wrong hash and frame
 * beyond its credit.
 */
export class Reader implements AttemptSink {
  attempt = 0
  seq = 0
  windowBytes: number
  end: AttemptEnd | undefined
  error: YizhanError | undefined
  readonly accepts: { readonly attempt: number; readonly after: number; readonly position: number }[] = []
  readonly problems: string[] = []
  readonly #frames: string[]
  #acked = 0

  /** `held`: frames that the edge has from a former link. */
  constructor(windowBytes: number, held: readonly string[] = []) {
    this.windowBytes = windowBytes
    this.#frames = [...held]
  }

  /** Every frame of the present attempt, in order. */
  get frames(): readonly string[] {
    return this.#frames
  }

  get text(): string {
    return this.#frames.join('')
  }

  /** Acknowledges up to `ackSeq`, or all, and allows `windowBytes` from there. */
  credit(handle: Attempt, ackSeq = this.seq, windowBytes = this.windowBytes): void {
    this.#acked = Math.max(this.#acked, Math.min(ackSeq, this.seq))
    this.windowBytes = windowBytes
    handle.credit(this.attempt, ackSeq, windowBytes)
  }

  accepted(attempt: number, resumedAfterSeq: number, queuePosition: number): void {
    this.accepts.push({ attempt, after: resumedAfterSeq, position: queuePosition })
    this.#expect(this.accepts.length === 1 || attempt > this.attempt, 'accepted twice')
    this.#expect(resumedAfterSeq <= this.#frames.length, 'goes on after more than the edge has')
    this.attempt = attempt
    this.#frames.length = resumedAfterSeq
    this.seq = resumedAfterSeq
    this.#acked = resumedAfterSeq
  }

  tokens(attempt: number, seq: number, text: string): void {
    const unacked = Buffer.byteLength(this.#frames.slice(this.#acked).join(''))
    const fits = unacked === 0 ? this.windowBytes > 0 : unacked + Buffer.byteLength(text) <= this.windowBytes
    this.#expect(attempt === this.attempt, 'tokens of another attempt')
    this.#expect(seq === this.seq + 1, `a gap or a double: ${seq} after ${this.seq}`)
    this.#expect(!this.end && !this.error, 'tokens after the end')
    this.#expect(fits, 'more than the credit')
    this.seq = seq
    this.#frames.push(text)
  }

  final(attempt: number, end: AttemptEnd): void {
    const hash = createHash('sha256').update(this.text).digest()
    this.#expect(attempt === this.attempt, 'the end of another attempt')
    this.#expect(!this.end && !this.error, 'two ends')
    this.#expect(end.lastSeq === this.seq, 'the end before the text')
    this.#expect(hash.equals(end.textSha256), 'the hash of another text')
    this.end = end
  }

  failed(attempt: number, error: YizhanError): void {
    this.#expect(!this.end && !this.error, 'two ends')
    this.attempt = attempt
    this.error = error
  }

  #expect(holds: boolean, problem: string): void {
    if (!holds) this.problems.push(problem)
  }
}
