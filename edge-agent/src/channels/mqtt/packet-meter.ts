export interface MeterLimits {
  /** Bytes a connection may send before it is let in. */
  readonly maxBytesBeforeLogin: number
  /** Bytes of one packet, header included. */
  readonly maxPacketBytes: number
}

export type Metered = 'ok' | 'too_large' | 'malformed'

const MAX_LENGTH_DIGITS = 4

/**
 * Follows the frames of an MQTT byte stream without copying it. The parser behind it buffers up to the 256 MiB that a
 * header may announce; this says no as soon as the header is there.
 */
export class PacketMeter {
  readonly #limits: MeterLimits
  #loggedIn = false
  #total = 0
  /** Bytes of the current packet still to come; -1 while its header is read. */
  #body = -1
  #headerBytes = 0
  #length = 0

  constructor(limits: MeterLimits) {
    this.#limits = limits
  }

  loggedIn(): void {
    this.#loggedIn = true
  }

  accept(chunk: Buffer): Metered {
    if (!this.#loggedIn) {
      this.#total += chunk.length
      if (this.#total > this.#limits.maxBytesBeforeLogin) return 'too_large'
    }
    let at = 0
    while (at < chunk.length) {
      if (this.#body >= 0) {
        const taken = Math.min(this.#body, chunk.length - at)
        this.#body -= taken
        at += taken
        if (this.#body === 0) this.#next()
        continue
      }
      const verdict = this.#header(chunk[at] ?? 0)
      if (verdict !== 'ok') return verdict
      at++
    }
    return 'ok'
  }

  #header(byte: number): Metered {
    const digit = this.#headerBytes++
    if (digit === 0) return 'ok'
    if (digit > MAX_LENGTH_DIGITS) return 'malformed'
    this.#length += (byte & 0x7f) * 128 ** (digit - 1)
    if (this.#length + this.#headerBytes > this.#limits.maxPacketBytes) return 'too_large'
    if ((byte & 0x80) !== 0) return digit === MAX_LENGTH_DIGITS ? 'malformed' : 'ok'
    if (this.#length === 0) this.#next()
    else this.#body = this.#length
    return 'ok'
  }

  #next(): void {
    this.#body = -1
    this.#headerBytes = 0
    this.#length = 0
  }
}
