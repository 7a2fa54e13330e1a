import type { AdmissionRequest } from '../port.js'
import type { BreakerRun } from './breaker.js'
import type { Member } from './member.js'

/** The room of one request, at one member at a time. */
export class Seat {
  readonly request: AdmissionRequest
  readonly #told: { freed(): void; left(writtenTokens: number): void }
  #tokens: number
  #expected: number
  #written = 0
  #at: { readonly member: Member; readonly run: BreakerRun } | undefined
  #left = false

  /** `tokens`: what it is expected to take, read and written. */
  constructor(
    request: AdmissionRequest,
    tokens: number,
    told: {
      /** It holds no room for now. */
      freed(): void
      /** It is over; so much was written. */
      left(writtenTokens: number): void
    },
  ) {
    this.request = request
    this.#tokens = tokens
    this.#expected = Math.max(0, tokens - request.estimatedTokens)
    this.#told = told
  }

  get tokens(): number {
    return this.#tokens
  }

  get member(): Member | undefined {
    return this.#at?.member
  }

  sit(member: Member): void {
    if (this.#left) return
    this.#at = { member, run: member.hold(this.#tokens) }
  }

  /** What is written beyond expectation takes room too. */
  wrote(tokens: number): void {
    this.#written += tokens
    const more = this.#written - this.#expected
    if (more <= 0) return
    this.#expected += more
    this.#tokens += more
    this.#at?.member.grow(more)
  }

  get run(): BreakerRun | undefined {
    return this.#at?.run
  }

  /** Gives the room back and keeps none; the next `sit` takes some. */
  stand(): void {
    this.#clear()
    this.#told.freed()
  }

  leave(): void {
    if (this.#left) return
    this.#left = true
    this.#clear()
    this.#told.left(this.#written)
  }

  #clear(): void {
    const at = this.#at
    this.#at = undefined
    if (!at) return
    // Nothing happens if there is a verdict already.
    at.run.drop()
    at.member.free(this.#tokens)
  }
}
