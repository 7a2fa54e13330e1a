import { crc32 } from 'node:zlib'
import { decodeFrame, FRAME_HEADER, FRAME_MAGIC, type Frame, keysOf, unknownFormat } from './frame.js'

/** How a segment file begins: what the journal knew when it was begun. */
export interface SegmentHeader {
  readonly epoch: bigint
  readonly index: number
  /** Position of its first record. */
  readonly first: number
  readonly age: number
  readonly low: number
  readonly settled: number
}

/** Magic, CRC-32, format, nothing (32 bits each), epoch (64 bits), index, first, age, low, settled (doubles). */
export const SEGMENT_HEADER = 64
const MAGIC = 'YZJS'
const FORMAT = 1
const NAME = /^([0-9a-f]{14})\.seg$/

/** The directory that they lie in. */
export const SEGMENTS = 'segments'

export const segmentName = (index: number) => `${index.toString(16).padStart(14, '0')}.seg`

/** The number of a segment by its file's name; undefined for another file. */
export function segmentIndex(name: string): number | undefined {
  const [, hex] = NAME.exec(name) ?? []
  return hex === undefined ? undefined : Number.parseInt(hex, 16)
}

export function encodeSegmentHeader({ epoch, index, first, age, low, settled }: SegmentHeader): Buffer {
  const out = Buffer.alloc(SEGMENT_HEADER)
  out.write(MAGIC, 0, 'latin1')
  out.writeUInt32BE(FORMAT, 8)
  out.writeBigUInt64BE(epoch, 16)
  for (const [i, value] of [index, first, age, low, settled].entries()) out.writeDoubleBE(value, 24 + 8 * i)
  out.writeUInt32BE(crc32(out.subarray(8)), 4)
  return out
}

/** Undefined for a damaged one; `version_skew` for a whole one of an unknown format. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER || bytes.toString('latin1', 0, 4) !== MAGIC) return undefined
  if (bytes.readUInt32BE(4) !== crc32(bytes.subarray(8, SEGMENT_HEADER))) return undefined
  const format = bytes.readUInt32BE(8)
  if (format !== FORMAT) throw unknownFormat(format)
  const [index = 0, first = 0, age = 0, low = 0, settled = 0] = [24, 32, 40, 48, 56].map((at) =>
    bytes.readDoubleBE(at),
  )
  return { epoch: bytes.readBigUInt64BE(16), index, first, age, low, settled }
}

export interface Walked {
  readonly frames: readonly Frame[]
  /** Where the last whole frame ends. */
  readonly end: number
  /** Whether there is anything but whole frames and zeroes. */
  readonly damaged: boolean
}

/** Every whole frame of a segment's bytes, in order: behind a damaged one it goes on at the next. */
export function walkFrames(bytes: Buffer, epoch: bigint, segment: number): Walked {
  const frames: Frame[] = []
  let end = SEGMENT_HEADER
  let damaged = false
  for (let offset = SEGMENT_HEADER; offset + FRAME_HEADER <= bytes.length; ) {
    const frame = decodeFrame(bytes, { epoch, segment, offset })
    if (frame) {
      damaged ||= offset > end
      frames.push(frame)
      offset = frame.end
      end = offset
      continue
    }
    const next = bytes.indexOf(FRAME_MAGIC, offset + 1)
    if (next < 0) break
    offset = next
  }
  return { frames, end, damaged: damaged || !isZero(bytes.subarray(end)) }
}

export function isZero(bytes: Buffer): boolean {
  return (
    bytes.length === 0 || (bytes[0] === 0 && bytes.compare(bytes, 1, bytes.length, 0, bytes.length - 1) === 0)
  )
}

/** A segment as the journal keeps it in mind. */
export interface Segment {
  readonly index: number
  /** Its records are `first` … `next` − 1, those that are lost included. */
  readonly first: number
  next: number
  /** Age of the journal when it was begun. */
  readonly begun: number
  /** Of its last record. */
  age: number
  /** Of the youngest dedupe key in it; −∞ if there is none that counts. */
  keyAge: number
  bytes: number
  /** Whether it holds any record: else it is kept for its keys only. */
  hasRecords: boolean
}

/** One without records, that was begun at this age of the journal. */
export function emptySegment(index: number, first: number, begun: number): Segment {
  const keyAge = Number.NEGATIVE_INFINITY
  return { index, first, next: first, begun, age: 0, keyAge, bytes: 0, hasRecords: false }
}

/** Adds what a frame tells. */
export function growSegment(segment: Segment, frame: Frame): void {
  segment.next = Math.max(segment.next, frame.first + frame.count)
  segment.age = Math.max(segment.age, frame.age)
  segment.hasRecords ||= frame.count > 0
  for (const { age } of keysOf(frame)) segment.keyAge = Math.max(segment.keyAge, age)
}
