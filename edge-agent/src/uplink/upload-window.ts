import type { Clock } from '@yizhan/kernel'

/** Until the center grants something. */
export const SMALL_WINDOW_BYTES = 8 * 1024
/** What is under way on a slow line: half a second at 64 kbit/s, so that an answer has room beside it both ways. */
const SLOW_WINDOW_BYTES = 4 * 1024
/** However quick the line is. */
const LARGEST_WINDOW_BYTES = 1024 * 1024
/** An acknowledgement that takes longer says that the line is slow. */
const SLOW_MS = 400

interface Sent {
  readonly seq: number
  /** What follows and is not sent: the center has it when it has this. */
  upTo: number
  readonly bytes: number
  readonly at: number
}

/**
 * What may be under way to the center. At most what it grants, and no more than the line has shown to carry within
 * 400 ms: what waits in the socket stands in front of answers.
 */
export class UploadWindow {
  readonly #clock: Pick<Clock, 'monotonic'>
  #sent: Sent[] = []
  #bytes = 0
  /** Bytes that may still be sent. */
  #credit = SMALL_WINDOW_BYTES
  #isGranted = false
  #pace = SMALL_WINDOW_BYTES

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#sent.length === 0
  }

  /** Whether a request may go now. One that is larger than the window goes alone. */
  hasRoom(bytes: number): boolean {
    return this.isEmpty || (bytes <= this.#credit && this.#bytes + bytes <= this.#pace)
  }

  sent(seq: number, bytes: number): void {
    this.#sent.push({ seq, upTo: seq, bytes, at: this.#clock.monotonic() })
    this.#bytes += bytes
    this.#credit -= bytes
  }

  /** Positions up to `upTo` follow that the center is not told of. False if it has everything before them already. */
  passOver(upTo: number): boolean {
    const last = this.#sent.at(-1)
    if (last) last.upTo = upTo
    return last !== undefined
  }

  /** The center lets so many more bytes be sent. */
  grant(bytes: number): void {
    if (bytes === 0) return
    this.#credit = this.#isGranted ? this.#credit + bytes : bytes - this.#bytes
    this.#isGranted = true
  }

  /** Gives the position up to which the center has everything, or undefined if this told nothing new. */
  acknowledged(seq: number): number | undefined {
    let newest: Sent | undefined
    let bytes = 0
    while (this.#sent[0] && this.#sent[0].seq <= seq) {
      newest = this.#sent.shift()
      bytes += newest?.bytes ?? 0
    }
    if (!newest) return undefined
    this.#bytes -= bytes
    if (!this.#isGranted) this.#credit += bytes
    const isSlow = this.#clock.monotonic() - newest.at > SLOW_MS
    this.#pace = isSlow ? SLOW_WINDOW_BYTES : Math.min(2 * this.#pace, LARGEST_WINDOW_BYTES)
    return newest.upTo
  }
}
