import { createHash } from 'node:crypto'

/** A coalesced piece of an attempt's text; `seq` counts from 1 without gaps. */
export interface Frame {
  readonly seq: number
  readonly text: string
  /** UTF-8 bytes of the attempt up to and including this frame. */
  readonly endBytes: number
}

/** The text of one attempt as it was cut into frames; kept whole, so that any edge can be brought up to date. */
export class Transcript {
  #frames: Frame[] = []

  get lastSeq(): number {
    return this.#frames.length
  }

  get bytes(): number {
    return this.bytesUpTo(this.lastSeq)
  }

  append(text: string): Frame {
    const frame = { seq: this.lastSeq + 1, text, endBytes: this.bytes + Buffer.byteLength(text) }
    this.#frames.push(frame)
    return frame
  }

  frame(seq: number): Frame | undefined {
    return this.#frames[seq - 1]
  }

  /** UTF-8 bytes of the frames up to and including `seq`; 0 for 0. */
  bytesUpTo(seq: number): number {
    return this.#frames[seq - 1]?.endBytes ?? 0
  }

  /** Forgets what comes after `seq`. */
  cutAfter(seq: number): void {
    this.#frames = this.#frames.slice(0, seq)
  }

  get text(): string {
    return this.#frames.map((frame) => frame.text).join('')
  }

  sha256(): Uint8Array {
    const hash = createHash('sha256')
    for (const { text } of this.#frames) hash.update(text, 'utf8')
    return new Uint8Array(hash.digest())
  }
}
