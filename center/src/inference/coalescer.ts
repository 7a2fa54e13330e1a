import type { Clock } from '@yizhan/kernel'

export interface CoalescerConfig {
  /** How long a piece waits for more. */
  readonly ms: number
  /** As many UTF-16 units are given on at once. */
  readonly chars: number
}

/** Longest frame, in UTF-16 units: three bytes each stay far below the wire's 256 KiB. */
export const MAX_FRAME_CHARS = 8_192

/**
 * Gathers small pieces of text into frames. The first piece goes on at once, since a person waits for it; no frame
 * ends inside a character, and what is no character at all becomes U+FFFD.
 */
export class Coalescer {
  readonly #clock: Clock
  readonly #config: CoalescerConfig
  readonly #emit: (text: string) => void
  #text = ''
  #begun = false
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, config: CoalescerConfig, emit: (text: string) => void) {
    this.#clock = clock
    this.#config = config
    this.#emit = emit
  }

  /** UTF-8 bytes that wait. */
  get bytes(): number {
    return Buffer.byteLength(this.#text)
  }

  add(text: string): void {
    if (text === '') return
    this.#text += text
    if (!this.#begun || this.#text.length >= this.#config.chars) {
      this.#begun = true
      this.#give(HIGH_SURROGATE.test(this.#text) ? 1 : 0)
      return
    }
    this.#cancelTimer ??= this.#clock.after(this.#config.ms, () => {
      this.#give(HIGH_SURROGATE.test(this.#text) ? 1 : 0)
    })
  }

  /** Gives on all that waits: nothing more comes. */
  end(): void {
    this.#give(0)
  }

  /** Forgets what waits, and begins anew. */
  drop(): void {
    this.#text = ''
    this.#begun = false
    this.#stopTimer()
  }

  #give(hold: 0 | 1): void {
    this.#stopTimer()
    const end = this.#text.length - hold
    const text = this.#text.slice(0, end).replace(LONE_SURROGATE, '\uFFFD')
    this.#text = this.#text.slice(end)
    for (let at = 0; at < text.length; ) {
      let next = Math.min(text.length, at + MAX_FRAME_CHARS)
      if (next < text.length && HIGH_SURROGATE.test(text.slice(at, next))) next--
      this.#emit(text.slice(at, next))
      at = next
    }
  }

  #stopTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}

const HIGH_SURROGATE = /[\uD800-\uDBFF]$/
const LONE_SURROGATE = /\p{Surrogate}/gu
