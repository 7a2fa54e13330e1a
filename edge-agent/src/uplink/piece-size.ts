import type { Clock } from '@yizhan/kernel'

/** How long a piece may be under way: an answer waits so long behind it at most. */
const PIECE_MS = 400
/** Arrivals closer together than this say nothing about the line. */
const MEASURABLE_MS = 100
const FIRST_BYTES = 4 * 1_024
const LEAST_BYTES = 2 * 1_024
const MOST_BYTES = 256 * 1_024
/** Enough chunks in a piece to see how fast they come. */
const CHUNKS = 4
const LEAST_CHUNK = 1_024
const MOST_CHUNK = 32 * 1_024

/**
 * How much of a file to ask for at once: starts small, doubles while the line takes it without effort, and settles at
 * what it carries in 400 ms (2 KiB to 256 KiB). Time to the first byte does not count: a far center is no thin line.
 */
export class PieceSize {
  readonly #clock: Clock
  #bytes = FIRST_BYTES
  #first: number | undefined
  #last = 0
  #after = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get bytes(): number {
    return this.#bytes
  }

  get chunkBytes(): number {
    return Math.min(MOST_CHUNK, Math.max(LEAST_CHUNK, Math.ceil(this.#bytes / CHUNKS)))
  }

  /** A chunk of the piece is here. */
  arrived(bytes: number): void {
    this.#last = this.#clock.monotonic()
    if (this.#first === undefined) this.#first = this.#last
    else this.#after += bytes
  }

  /** The piece is whole: decides about the next one. */
  done(): void {
    const ms = this.#last - (this.#first ?? this.#last)
    const carried = ms < MEASURABLE_MS ? Number.POSITIVE_INFINITY : (this.#after / ms) * PIECE_MS
    const next = Math.min(carried, this.#bytes * 2, MOST_BYTES)
    this.#bytes = Math.max(LEAST_BYTES, Math.floor(next))
    this.#first = undefined
    this.#after = 0
  }
}
