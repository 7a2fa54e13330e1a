import { crc32 } from 'node:zlib'
import { YizhanError } from '@yizhan/kernel'

/** Where a frame lies. Its checksum covers that, so that bytes of elsewhere do not pass for one. */
export interface Place {
  readonly epoch: bigint
  readonly segment: number
  readonly offset: number
}

/** A dedupe key as it lies in a frame, unsealed: a start reads many of them. The digest says nothing of the key. */
export interface LoggedKey {
  readonly digest: Uint8Array
  readonly age: number
  readonly value: string
}

/** What one commit wrote. Records `first` … `first` + `count` − 1, all of one age, are in `sealed`. */
export interface Frame {
  readonly first: number
  readonly count: number
  readonly age: number
  /** Everything below was synced when it was written: a gap there is a loss, one above may be what a power cut left. */
  readonly durable: number
  readonly keys: Buffer
  readonly sealed: Buffer
  /** Where it ends in its segment. */
  readonly end: number
}

export const DIGEST_BYTES = 16
/** Magic, CRC-32, format, bytes of keys, sealed bytes, count (32 bits each), first, age, durable (doubles). Big endian. */
export const FRAME_HEADER = 48
export const FRAME_MAGIC = Buffer.from('YZJF')
const FORMAT = 1
const CRC_AT = 4
const COVERED_FROM = 8
const KEY_HEADER = DIGEST_BYTES + 10

const place = Buffer.alloc(24)

function checksum({ epoch, segment, offset }: Place, frame: Buffer): number {
  place.writeBigUInt64BE(epoch, 0)
  place.writeDoubleBE(segment, 8)
  place.writeDoubleBE(offset, 16)
  return crc32(frame.subarray(COVERED_FROM), crc32(place))
}

export function encodeFrame(at: Place, frame: Omit<Frame, 'end'>): Buffer {
  const { first, count, age, durable, keys, sealed } = frame
  const out = Buffer.allocUnsafe(FRAME_HEADER + keys.length + sealed.length)
  out.set(FRAME_MAGIC, 0)
  out.writeUInt32BE(FORMAT, COVERED_FROM)
  out.writeUInt32BE(keys.length, 12)
  out.writeUInt32BE(sealed.length, 16)
  out.writeUInt32BE(count, 20)
  out.writeDoubleBE(first, 24)
  out.writeDoubleBE(age, 32)
  out.writeDoubleBE(durable, 40)
  out.set(keys, FRAME_HEADER)
  out.set(sealed, FRAME_HEADER + keys.length)
  out.writeUInt32BE(checksum(at, out), CRC_AT)
  return out
}

/**
 * The whole frame at `place.offset` of a segment's bytes, or undefined. One of a format that this build does not know
 * throws `version_skew`: the data is good, the program is too old.
 */
export function decodeFrame(bytes: Buffer, at: Place): Frame | undefined {
  const { offset } = at
  if (offset + FRAME_HEADER > bytes.length) return undefined
  if (bytes.compare(FRAME_MAGIC, 0, 4, offset, offset + 4) !== 0) return undefined
  const keysEnd = offset + FRAME_HEADER + bytes.readUInt32BE(offset + 12)
  const end = keysEnd + bytes.readUInt32BE(offset + 16)
  if (end > bytes.length) return undefined
  if (bytes.readUInt32BE(offset + CRC_AT) !== checksum(at, bytes.subarray(offset, end))) return undefined
  const format = bytes.readUInt32BE(offset + COVERED_FROM)
  if (format !== FORMAT) throw unknownFormat(format)
  return {
    first: bytes.readDoubleBE(offset + 24),
    count: bytes.readUInt32BE(offset + 20),
    age: bytes.readDoubleBE(offset + 32),
    durable: bytes.readDoubleBE(offset + 40),
    keys: bytes.subarray(offset + FRAME_HEADER, keysEnd),
    sealed: bytes.subarray(keysEnd, end),
    end,
  }
}

export function unknownFormat(format: number): YizhanError {
  return new YizhanError('version_skew', `the journal holds records of format ${format}`, {
    hint: 'start the version that wrote them, or a newer one',
  })
}

export function encodeKeys(keys: readonly LoggedKey[]): Buffer {
  return Buffer.concat(
    keys.map(({ digest, age, value }) => {
      const text = Buffer.from(value)
      const out = Buffer.allocUnsafe(KEY_HEADER + text.length)
      out.set(digest, 0)
      out.writeDoubleBE(age, DIGEST_BYTES)
      out.writeUInt16BE(text.length, DIGEST_BYTES + 8)
      out.set(text, KEY_HEADER)
      return out
    }),
  )
}

/** Views into the frame. */
export function* keysOf({ keys }: Frame): Iterable<LoggedKey> {
  for (let at = 0; at + KEY_HEADER <= keys.length; ) {
    const end = at + KEY_HEADER + keys.readUInt16BE(at + DIGEST_BYTES + 8)
    yield {
      digest: keys.subarray(at, at + DIGEST_BYTES),
      age: keys.readDoubleBE(at + DIGEST_BYTES),
      value: keys.toString('utf8', at + KEY_HEADER, end),
    }
    at = end
  }
}
