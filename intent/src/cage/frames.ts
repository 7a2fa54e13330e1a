import type { NetworkInput, NetworkKind } from '../network.js'

// The process of a cage loads this too and stays small: nothing of the kernel here.

/** What goes into a cage: serialized by V8, because the sender is ours. */
export type ToCage =
  | { readonly kind: 'open'; readonly network: NetworkKind; readonly onnx: Uint8Array }
  | { readonly kind: 'run'; readonly id: number; readonly texts: readonly NetworkInput[] }

/**
 * What comes out of a cage. It may have been written by a hostile model, so it is read strictly: fixed fields, sizes
 * that fit, numbers only.
 */
export type FromCage =
  | { readonly kind: 'opened' }
  | { readonly kind: 'ran'; readonly id: number; readonly cpuMs: number; readonly rows: Float32Array[] }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }

const KINDS = ['opened', 'ran', 'failed'] as const
const LENGTH = 4
/** Kind, id, processor milliseconds, rows, columns. */
const HEADER = 1 + 4 + 4 + 4 + 4
const MAX_MESSAGE_BYTES = 500
/** Ten thousand rows of 1,600 numbers. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024

/** A frame: its length in four bytes, then its content. */
export function framed(content: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH)
  length.writeUInt32LE(content.length)
  return Buffer.concat([length, content])
}

export function encodeFromCage(message: FromCage): Buffer {
  const header = Buffer.alloc(HEADER)
  header[0] = KINDS.indexOf(message.kind)
  if (message.kind === 'opened') return header
  header.writeUInt32LE(message.id, 1)
  if (message.kind === 'failed') {
    return Buffer.concat([header, Buffer.from(message.message).subarray(0, MAX_MESSAGE_BYTES)])
  }
  header.writeFloatLE(message.cpuMs, 5)
  header.writeUInt32LE(message.rows.length, 9)
  header.writeUInt32LE(message.rows[0]?.length ?? 0, 13)
  const rows = message.rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength))
  return Buffer.concat([header, ...rows])
}

/** Throws for anything that `encodeFromCage` does not write. */
export function decodeFromCage(frame: Buffer): FromCage {
  const kind = KINDS[frame[0] ?? KINDS.length]
  if (kind === undefined || frame.length < HEADER) throw strange()
  if (kind === 'opened') return { kind }
  const id = frame.readUInt32LE(1)
  if (kind === 'failed') {
    if (frame.length > HEADER + MAX_MESSAGE_BYTES) throw strange()
    return { kind, id, message: frame.toString('utf8', HEADER) }
  }
  const [cpuMs, count, width] = [frame.readFloatLE(5), frame.readUInt32LE(9), frame.readUInt32LE(13)]
  if (frame.length !== HEADER + count * width * 4) throw strange()
  const numbers = new Float32Array(new Uint8Array(frame.subarray(HEADER)).buffer)
  const rows = Array.from({ length: count }, (_, row) => numbers.subarray(row * width, (row + 1) * width))
  return { kind, id, cpuMs, rows }
}

/** Cuts a stream of bytes into frames; throws for one that is longer than any of ours. */
export class FrameReader {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #size = 0

  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes
  }

  push(part: Buffer): Buffer[] {
    this.#parts.push(part)
    this.#size += part.length
    const frames: Buffer[] = []
    for (;;) {
      if (this.#size < LENGTH) return frames
      const length = this.#peek()
      if (length > this.#maxBytes) throw strange()
      if (this.#size < LENGTH + length) return frames
      const whole = Buffer.concat(this.#parts)
      frames.push(whole.subarray(LENGTH, LENGTH + length))
      this.#parts = [whole.subarray(LENGTH + length)]
      this.#size -= LENGTH + length
    }
  }

  #peek(): number {
    const [first] = this.#parts
    if (first && first.length >= LENGTH) return first.readUInt32LE()
    const whole = Buffer.concat(this.#parts)
    this.#parts = [whole]
    return whole.readUInt32LE()
  }
}

function strange(): Error {
  return new Error('the process of the model wrote what it should not')
}
