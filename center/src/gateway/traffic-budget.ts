/** What a connection has carried so far, in bytes and messages. */
export interface Traffic {
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly messages: number
  readonly messageBytes: number
}

// Around one message: gRPC prefix, DATA header and TLS record are some 50 bytes (measured), more if it is split.
const PER_MESSAGE = 96
// DATA headers and TLS records inside a large message.
const PER_MESSAGE_BYTE = 1.03
// The peer's WINDOW_UPDATEs and acknowledgements of what was sent to it.
const PER_BYTE_WRITTEN = 1 / 64

/**
 * Bounds what a peer may send besides messages: pings, settings, resets, headers, empty frames. A flood of any of
 * them is all overhead and no message. Overhead beyond the rate eats the burst; below it, the burst refills.
 */
export class TrafficBudget {
  readonly #burstBytes: number
  readonly #bytesPerSecond: number
  #left: number
  #overhead = 0
  #at: number

  constructor(burstBytes: number, bytesPerSecond: number, nowMs: number) {
    this.#burstBytes = burstBytes
    this.#bytesPerSecond = bytesPerSecond
    this.#left = burstBytes
    this.#at = nowMs
  }

  /** Whether the peer is within its budget, given its traffic until now. `nowMs` is monotonic. */
  allows(traffic: Traffic, nowMs: number): boolean {
    const overhead =
      traffic.bytesRead -
      traffic.messageBytes * PER_MESSAGE_BYTE -
      traffic.messages * PER_MESSAGE -
      traffic.bytesWritten * PER_BYTE_WRITTEN
    const refill = ((nowMs - this.#at) / 1_000) * this.#bytesPerSecond
    const spent = overhead - this.#overhead
    this.#left = Math.min(this.#burstBytes, this.#left + refill - spent)
    this.#overhead = overhead
    this.#at = nowMs
    return this.#left >= 0
  }
}
